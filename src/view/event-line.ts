import { instantText, sizeText } from "../core/amounts.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import { shellCommand } from "../host/shell-quote.ts";
import type { MessageRow, WatchEvent } from "../node/operations/messages.ts";
import { textOrBytes } from "./message-line.ts";
import { presenceText, receiptText, timeText } from "./receipt-text.ts";
import { terminalLines, terminalText } from "./terminal-text.ts";

/** Ours. Of a name on a terminal. */
const NAME_MAX = 32;
/** Ours. Characters of an author's key on a terminal, which tell two of one name apart. */
const KEY_SHOWN = 8;
/** Ours. Of all topics of a message on a terminal. */
const TOPICS_MAX = 80;

export interface LineContext {
  /** Names of members by node id, as they gave them; may be missing or hostile. */
  readonly names: ReadonlyMap<number, string>;
  readonly now: Date;
  /** What the moot is called here, where there are several. */
  readonly moot?: string | undefined;
  /** How another command of this program is begun, on the same data root. */
  readonly program?: readonly string[] | undefined;
}

const PROGRAM = ["entmootd"];

/**
 * One event as a line for a terminal: time, moot, who, where, what; a message of several lines has the further ones below
 * it, indented, with a line feed between. Nothing in it can drive the terminal.
 */
export function eventLine(event: WatchEvent, { moot, names, now, program = PROGRAM }: LineContext): string {
  const where = moot === undefined ? "" : `${terminalText(moot, TOPICS_MAX)}  `;
  if (event.kind === "unread") return `${clock(now, now)}  ${where}cannot be read: ${terminalText(event.reason)}`;
  const nodeId = event.kind === "message" ? event.message.author.pilot_node_id : event.node_id;
  const who = nameOf(nodeId, names.get(nodeId));
  if (event.kind === "presence") return `${clock(now, now)}  ${where}${presenceText(who, event, now)}`;
  if (event.kind === "receipt") {
    const id = MessageId.toBase64(event.message_id).slice(0, KEY_SHOWN);
    const words = receiptText(event.state, event.since_ms, now.getTime());
    return `${clock(now, now)}  ${where}your message ${id}: ${who}${words}`;
  }
  if (event.kind === "peer" && event.self) return `${clock(now, now)}  ${where}${OWN_CHANGE[event.event]}`;
  if (event.kind === "peer") {
    const route = event.route === "none" ? "" : ` (${event.route})`;
    const change = event.replaces === undefined ? CHANGE[event.event] : "has a new key";
    return `${clock(now, now)}  ${where}${who} ${change}${route}`;
  }
  const { arrived_ms, message, place, seq } = event;
  const key = message.author.entmoot_pubkey?.toBase64().slice(0, KEY_SHOWN);
  const author = key === undefined ? who : `${who} (${key})`;
  // With the moot's id the number is a place to go on from; an original daemon gives none.
  const number = place === "" ? "" : `#${seq}  `;
  const { content, content_b64 } = textOrBytes(message.content);
  const size = sizeText(message.content.length);
  const all = howToSeeAll(event, program);
  const text =
    content_b64 === undefined ? shownText(content, `${size} in all${all}`) : `[${size} that are not text${all}]`;
  const topics = terminalText(message.topics.join(","), TOPICS_MAX);
  const when = clock(instant(arrived_ms ?? message.timestamp) ?? now, now);
  const dated = arrived_ms === undefined ? "" : `(dated ${instantText(Number(message.timestamp))})  `;
  return `${when}  ${where}${number}${author}  ${topics === "" ? "-" : topics}  ${dated}${text}`;
}

/** `size` is told of what is cut. */
function shownText(content: string, size: string): string {
  const { isWhole, shown } = terminalLines(content);
  return isWhole ? shown : `${shown} [${size}]`;
}

/** What prints a message that is not shown whole; nothing where its place is not known. */
function howToSeeAll({ group_id, place, seq }: MessageRow, program: readonly string[]): string {
  if (place === "") return "";
  const asked = ["query", "-group", GroupId.toBase64(group_id), "-after", `${seq - 1}`, "-limit", "1"];
  return `; to see them: ${shellCommand([...program, ...asked])}`;
}

const CHANGE = {
  connected: "is connected",
  lost: "is no longer connected",
  joined: "has joined",
  left: "was removed",
  leaves: "has left the moot",
} as const;

/** Of this node itself. */
const OWN_CHANGE = {
  connected: "this node is connected",
  lost: "this node is no longer connected",
  joined: "this node is in the moot now",
  leaves: "this node has left the moot: nothing can be published here any more",
  left: "this node was removed from the moot: nothing new comes, nothing can be published; the founder can add it again",
} as const;

/** Somebody on a terminal: the name with the id behind it, for a name alone is anybody's to choose. */
export function nameOf(nodeId: number, name: string | undefined): string {
  const shown = trimSpace(terminalText(name ?? "", NAME_MAX));
  return shown === "" ? String(nodeId) : `${shown}/${nodeId}`;
}

function clock(at: Date, now: Date): string {
  return timeText(at.getTime(), now.getTime());
}

/** An author's clock may say anything; past what a date can hold there is no time to show. */
function instant(timestamp: bigint): Date | undefined {
  const date = new Date(Number(timestamp));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

const TREES = [
  "alder",
  "ash",
  "beech",
  "birch",
  "cedar",
  "elm",
  "hazel",
  "larch",
  "linden",
  "maple",
  "oak",
  "pine",
  "rowan",
  "spruce",
  "willow",
  "yew",
];

/** A name for a moot nobody named. */
export function mootName(): string {
  const [index] = crypto.getRandomValues(new Uint8Array(1));
  return `${TREES[index! % TREES.length]} moot`;
}
