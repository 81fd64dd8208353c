import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { shownLine } from "../core/bytes/shown-text.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import { inbox, inbox_read } from "../node/operations/inbox.ts";
import { messages } from "../node/operations/messages.ts";
import { whichMessage } from "../view/which-message.ts";
import { rowsText } from "./shown-messages.ts";
import type { ToolCall, ToolContext } from "./tool.ts";
import { mootsOf, whichMoot } from "./which-moot.ts";
import { wholeMessage } from "./whole-message.ts";

/** Ours. Moots and messages that are listed: hosts show the list to their user, who picks from it. */
const MOOTS_LISTED = 100;
const MESSAGES_LISTED = 50;
/** Ours. The latest messages that a moot is read with. */
const LATEST = 10;
/** Ours. An id in an address, and more than any. */
const ID_MAX = 128;

const MOOT = "entmoot://moot/";
const MESSAGE = "entmoot://message/";
const MIME = "text/plain";

/**
 * Moots, and messages in them, for hosts whose user attaches them. Looking marks nothing read. Lists and names hold no words of
 * members; what is read has them within envelopes.
 */
export function registerResources(server: McpServer, context: ToolContext): void {
  register(server, context, {
    name: "moot",
    title: "Moot",
    prefix: MOOT,
    description:
      "A moot: who is in it, and its latest messages. id: as entmoot_groups shows it, with - for + and _ for /.",
    list: listedMoots,
    text: mootText,
  });
  register(server, context, {
    name: "message",
    title: "Message",
    prefix: MESSAGE,
    description:
      "One message whole, with who signed it; it stays unread. id: as it is shown, with - for + and _ for /.",
    list: listedMessages,
    text: messageText,
  });
}

interface ListedResource {
  readonly uri: string;
  readonly name: string;
  readonly description: string;
  readonly mimeType: string;
}

interface ResourceKind {
  readonly name: string;
  readonly title: string;
  /** Of its addresses; an id follows. */
  readonly prefix: string;
  readonly description: string;
  readonly list: (call: ToolCall) => Promise<ListedResource[]>;
  readonly text: (call: ToolCall, id: string) => Promise<string>;
}

function register(
  server: McpServer,
  context: ToolContext,
  { description, list, name, prefix, text, title }: ResourceKind,
): void {
  const template = new ResourceTemplate(`${prefix}{id}`, {
    list: (extra) => told(async () => ({ resources: await list({ ...context, signal: extra.mcpReq.signal }) })),
  });
  server.registerResource(name, template, { title, description, mimeType: MIME }, (uri, { id }, extra) =>
    told(async () => contents(uri, await text({ ...context, signal: extra.mcpReq.signal }, idIn(id)))),
  );
}

async function listedMoots(call: ToolCall) {
  const moots = await mootsOf(call);
  return moots.slice(0, MOOTS_LISTED).map(({ group_id, members, messages: count, name }) => ({
    uri: `${MOOT}${inAddress(GroupId.toBytes(group_id))}`,
    name: nameShown(name) || GroupId.toBase64(group_id),
    description: `${members} members, ${count} messages`,
    mimeType: MIME,
  }));
}

/** Those that ask and are unread: what its user may want to show to the model. */
async function listedMessages({ node, only, signal }: ToolCall) {
  const request = { group_id: only, asks: true, limit: MESSAGES_LISTED };
  const { rows } = await node.call(inbox, request, { signal });
  return rows.map(({ author, content_bytes, message_id }) => ({
    uri: `${MESSAGE}${inAddress(MessageId.toBytes(message_id))}`,
    name: MessageId.toBase64(message_id),
    description: `unread, from node ${author}, ${content_bytes} bytes`,
    mimeType: MIME,
  }));
}

async function mootText(call: ToolCall, id: string): Promise<string> {
  const moot = await whichMoot(call, id, "moot");
  const { group_id, local_member, local_node_id } = moot;
  const asked = { group_id, limit: LATEST };
  const { messages: latest } = await call.node.call(messages, asked, { signal: call.signal });
  const rows = [];
  for (const { message } of latest.toReversed()) {
    const request = { group_id, message_id: message.id, peek: true };
    rows.push((await call.node.call(inbox_read, request, { signal: call.signal })).row);
  }
  const name = nameShown(moot.name);
  const who = local_member ? `you are node ${local_node_id}` : "you were removed";
  const about = `Moot ${name === "" ? "(no name)" : name} ${GroupId.toBase64(group_id)}: ${moot.members} members, ${moot.messages} messages; ${who}.`;
  if (rows.length === 0) return `${about}\nNobody has said anything yet.`;
  return `${about} The latest of them, those of node ${local_node_id} your own:\n${rowsText(rows, call.nonce)}`;
}

async function messageText(call: ToolCall, id: string): Promise<string> {
  const named = await whichMessage("message", id, { node: call.node, group_id: call.only, signal: call.signal });
  return (await wholeMessage(call, named, { from: 0, isPeek: true })).envelope;
}

function contents(uri: URL, text: string) {
  return { contents: [{ uri: uri.href, mimeType: MIME, text }] };
}

function inAddress(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function idIn(variable: string | readonly string[] | undefined): string {
  const text = typeof variable === "string" ? variable : "";
  if (text !== "" && text.length <= ID_MAX) return text;
  throw new EntmootError(
    "invalid_argument",
    `address: expected an id of at most ${ID_MAX} characters, found ${text.length}`,
  );
}

function nameShown(name: string): string {
  return shownLine(name).trim().slice(0, 80);
}

/** What went wrong is shown to somebody, and may repeat a stranger's words. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new Error(shownLine(textOf(cause)), { cause });
  }
}
