import { instantText } from "../core/amounts.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import type { InboxRow } from "../node/operations/inbox.ts";
import { jsonInteger, textOrBytes } from "./message-line.ts";
import { readerLines, receiptEntryJson } from "./receipt-text.ts";
import { terminalLines, terminalText } from "./terminal-text.ts";

/** Ours. Of an id as people read it: twelve characters, which no two messages of a node share by chance. */
export const SHORT_ID = 12;
const NAME_SHOWN = 64;

/** A message of the inbox as programs read it. Keys ascending, those of `tail` among them. */
export function inboxJson(row: InboxRow) {
  return {
    ...(row.arrived_ms === undefined ? {} : { arrived_ms: jsonInteger(row.arrived_ms) }),
    asks: row.asks,
    author: row.author,
    author_pubkey: row.author_key.toBase64(),
    ...(row.changed_ms === undefined ? {} : { changed_ms: row.changed_ms }),
    ...textOrBytes(row.content),
    content_bytes: row.content_bytes,
    group_id: GroupId.toBase64(row.group_id),
    hop: row.hop,
    hostname: row.hostname,
    ...listeningJson(row),
    message_id: MessageId.toBase64(row.message_id),
    ...(row.place === "" ? {} : { place: row.place }),
    ...(row.receipts === undefined ? {} : { receipts: row.receipts.map(receiptEntryJson) }),
    references: row.references.map((id) => MessageId.toBase64(id)),
    role: row.role,
    ...(row.self ? { self: true } : {}),
    seq: row.seq,
    ...(row.state === undefined ? {} : { state: row.state }),
    timestamp_ms: jsonInteger(row.timestamp_ms),
    topic: row.topics,
    trust: row.trust,
    unread: row.unread,
  };
}

/** The same for people: who, where and when on one line, and below it what was said. `moot`: its name, if it has one. */
export function inboxText(row: InboxRow, moot: string, nowMs = 0): string {
  const { shown, isWhole } = terminalLines(new TextDecoder().decode(row.content));
  const isAll = isWhole && row.content.length === row.content_bytes;
  const words = `    ${shown}${isAll ? "" : ` … (${row.content_bytes} bytes: entmootd read)`}`;
  return [headingOf(row, moot), words, ...readerLines(row.receipts ?? [], nowMs)].join("\n");
}

/** One line that says of which message the words below it are. */
export function headingOf(row: InboxRow, moot: string): string {
  const id = MessageId.toBase64(row.message_id).slice(0, SHORT_ID);
  const where =
    moot === "" ? `moot ${GroupId.toBase64(row.group_id).slice(0, SHORT_ID)}` : terminalText(moot, NAME_SHOWN);
  const topics = row.topics.map((topic) => terminalText(topic, NAME_SHOWN)).join(", ");
  const marks = [
    ...(row.asks && !row.self ? ["asks you"] : []),
    ...(row.listening === undefined ? [] : [listeningText(row)]),
    ...(row.state === undefined ? [] : [row.state]),
    ...(row.references.length === 0 ? [] : [`answers ${MessageId.toBase64(row.references[0]!).slice(0, SHORT_ID)}`]),
  ];
  const date = instantText(Number(row.arrived_ms ?? row.timestamp_ms));
  const more = marks.length === 0 ? "" : ` [${marks.join("; ")}]`;
  return `${id}  ${date}  ${authorOf(row)} in ${where}${topics === "" ? "" : ` under ${topics}`}${more}`;
}

/** Whether the author would hear an answer now; nothing where it does not say. Keys ascending, and between those of a row. */
function listeningJson({ listening, listening_since_ms, not_listening_since_ms }: InboxRow) {
  if (listening === undefined) return {};
  const since_ms = listening ? listening_since_ms : not_listening_since_ms;
  return { listening, ...(since_ms > 0 ? { listening_changed_ms: since_ms } : {}) };
}

function listeningText({ listening, not_listening_since_ms: sinceMs }: InboxRow): string {
  if (listening) return "listening";
  return sinceMs > 0 ? `no agent woken there since ${instantText(sinceMs)}` : "no agent woken there";
}

/** How the author is shown: its node id always, for anybody may take a name. */
export function authorOf({ author, hostname, self }: InboxRow): string {
  if (self) return "this node";
  return hostname === "" ? `node ${author}` : `${terminalText(hostname, NAME_SHOWN)} (node ${author})`;
}
