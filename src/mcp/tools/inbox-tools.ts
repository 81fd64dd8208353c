import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { type InboxRow, inbox, inbox_ack } from "../../node/operations/inbox.ts";
import { pendingIn } from "../pending.ts";
import { ROW_SCHEMA, rowData, rowsText } from "../shown-messages.ts";
import { ID_ARGUMENT, messageArgument, objectOf, type Tool, type ToolCall, textArgument, wholeOf } from "../tool.ts";
import { whichMoot } from "../which-moot.ts";
import { wholeMessage } from "../whole-message.ts";
import { GROUP_ARGUMENT } from "./moot-tools.ts";

/** Ours. Messages in one answer: what a model reads at once. */
const SHOWN_MAX = 20;
/** Ours. Most hosts give up on a tool after a minute. */
export const WAIT_MAX_S = 50;

const text = { type: "string" };
const number = { type: "integer" };
const flag = { type: "boolean" };

const INBOX_OUTPUT = objectOf({
  unread: number,
  more: flag,
  messages: { type: "array", items: ROW_SCHEMA, maxItems: SHOWN_MAX },
  // Hosts show their models the data alone where there is any.
  envelope: text,
});

const inboxTool: Tool = {
  name: "entmoot_inbox",
  title: "Unread messages",
  description:
    "Shows what is unread, newest last. asks_only: only messages that name you or answer you. Marks nothing read: answer with entmoot_reply, or call entmoot_ack when no answer is needed.",
  input: objectOf({
    group: GROUP_ARGUMENT,
    asks_only: { type: "boolean", description: "Only what names you or answers you." },
    limit: wholeOf("How many at most.", 1, SHOWN_MAX),
  }),
  output: INBOX_OUTPUT,
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    return shownInbox(call, await askInbox(call, args, 0));
  },
};

const wait: Tool = {
  name: "entmoot_wait",
  title: "Wait for a message",
  description: `Waits until something unread is there that asks you (or, with all, anything unread), at most ${WAIT_MAX_S} seconds, then shows it as entmoot_inbox does. Call it again to go on waiting.`,
  input: objectOf({
    group: GROUP_ARGUMENT,
    seconds: wholeOf("How long to wait.", 1, WAIT_MAX_S),
    all: { type: "boolean", description: "Also what does not ask you." },
  }),
  output: INBOX_OUTPUT,
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const seconds = typeof args.seconds === "number" ? args.seconds : WAIT_MAX_S;
    return shownInbox(call, await askInbox(call, { ...args, asks_only: args.all !== true }, seconds * 1000));
  },
};

async function askInbox(call: ToolCall, args: Readonly<Record<string, unknown>>, waitMs: number) {
  const named = textArgument(args, "group");
  const group_id = named === undefined ? call.only : (await whichMoot(call, named)).group_id;
  const limit = typeof args.limit === "number" ? args.limit : SHOWN_MAX;
  const asks = args.asks_only === true ? true : undefined;
  const wait_ms = waitMs === 0 ? undefined : waitMs;
  const found = await call.node.call(inbox, { group_id, asks, limit, wait_ms }, { signal: call.signal });
  // Of one moot among several it says nothing of what waits in the others.
  return { ...found, isAll: group_id === call.only };
}

function shownInbox({ nonce }: ToolCall, found: Awaited<ReturnType<typeof askInbox>>) {
  const { isAll, more, rows, unread } = found;
  const left = unread > rows.length ? [`${unread - rows.length} more are unread behind these.`] : [];
  const shown = rows.length === 0 ? ["Nothing is unread."] : [rowsText(rows, nonce), ...otherwise(rows), ...left];
  const envelope = shown.join("\n");
  const data = { unread, more, messages: rows.map(rowData), envelope };
  return { text: envelope, data, pending: isAll ? pendingIn(found) : undefined };
}

/** Which of `rows` their agent is shown as a turn of its own too, so that it answers once. */
function otherwise(rows: readonly InboxRow[]): string[] {
  return rows.flatMap(({ message_id, state }) => {
    const how = state === undefined ? undefined : AS_A_TURN[state];
    return how === undefined ? [] : [`[${MessageId.toBase64(message_id)} ${how}: answer it once]`];
  });
}

/** By what the ledger says of a message that a bridge has, or had, in hand. */
const AS_A_TURN: Partial<Record<NonNullable<InboxRow["state"]>, string>> = {
  claimed: "is on its way to you as a turn of its own",
  handed: "is on its way to you as a turn of its own",
  delivered: "was given to you as a turn of its own, which came or is about to",
  read: "was shown to you before",
};

const read: Tool = {
  name: "entmoot_read",
  title: "Read one message",
  description: "Shows one message whole, with who signed it; it counts as read then. from: go on at this character.",
  input: objectOf({ id: ID_ARGUMENT, from: wholeOf("Where to go on, in characters.", 0, 2 ** 24) }, ["id"]),
  output: objectOf({ message: ROW_SCHEMA, member: flag, from: number, characters: number, envelope: text }),
  onlyLooks: false,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    return readOne(call, args, false);
  },
};

/** For a server that may change nothing. */
const peek: Tool = {
  ...read,
  description: "Shows one message whole, with who signed it; it stays unread. from: go on at this character.",
  onlyLooks: true,
  run: (call, args) => readOne(call, args, true),
};

async function readOne(call: ToolCall, args: Readonly<Record<string, unknown>>, isPeek: boolean) {
  const named = await messageArgument(call, args);
  const from = typeof args.from === "number" ? args.from : 0;
  const { data, envelope } = await wholeMessage(call, named, { from, isPeek });
  return { text: envelope, data: { ...data, envelope } };
}

const ack: Tool = {
  name: "entmoot_ack",
  title: "Acknowledge a message",
  description:
    "Be done with a message without an answer: that message only, or with through everything of its moot up to it. Nobody is told more than that it was seen.",
  input: objectOf(
    { id: ID_ARGUMENT, through: { type: "boolean", description: "Also everything that came before it in its moot." } },
    ["id"],
  ),
  output: objectOf({ group: text, acknowledged: number }),
  onlyLooks: false,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const named = await messageArgument(call, args);
    const through = args.through === true ? true : undefined;
    const { acknowledged, group_id } = await call.node.call(inbox_ack, { ...named, through }, { signal: call.signal });
    return {
      text: acknowledged === 0 ? "It was done already." : `Acknowledged: ${acknowledged}.`,
      data: { group: GroupId.toBase64(group_id), acknowledged },
    };
  },
};

export const INBOX_TOOLS: readonly Tool[] = [inboxTool, read, ack, wait];

/** Those of a server that may change nothing. */
export const LOOKING_TOOLS: readonly Tool[] = [inboxTool, peek, wait];

/** Throws `invalid_argument` unless an argument is text that says something. */
export function requireText(args: Readonly<Record<string, unknown>>, key: string): string {
  const value = textArgument(args, key);
  if (value !== undefined && value.trim() !== "") return value;
  throw new EntmootError("invalid_argument", `${key}: expected text, found none`);
}
