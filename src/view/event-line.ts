import { trimSpace } from "../core/bytes/text.ts";
import type { WatchEvent } from "../node/operations/messages.ts";
import { textOrBytes } from "./message-line.ts";
import { terminalText } from "./terminal-text.ts";

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
}

/** One event as one line for a terminal: time, moot, who, where, what. Nothing in it can drive the terminal. */
export function eventLine(event: WatchEvent, { moot, names, now }: LineContext): string {
  const where = moot === undefined ? "" : `${terminalText(moot, TOPICS_MAX)}  `;
  if (event.kind === "unread") return `${clock(now, now)}  ${where}cannot be read: ${terminalText(event.reason)}`;
  const nodeId = event.kind === "message" ? event.message.author.pilot_node_id : event.node_id;
  const who = nameOf(nodeId, names.get(nodeId));
  if (event.kind === "peer") {
    const route = event.route === "none" ? "" : ` (${event.route})`;
    return `${clock(now, now)}  ${where}${who} ${CHANGE[event.event]}${route}`;
  }
  const { message, place, seq } = event;
  const key = message.author.entmoot_pubkey?.toBase64().slice(0, KEY_SHOWN);
  const author = key === undefined ? who : `${who} (${key})`;
  // With the moot's id the number is a place to go on from; an original daemon gives none.
  const number = place === "" ? "" : `#${seq}  `;
  const { content, content_b64 } = textOrBytes(message.content);
  const text =
    content_b64 === undefined ? terminalText(content) : `[${message.content.length} bytes that are not text]`;
  const topics = terminalText(message.topics.join(","), TOPICS_MAX);
  const when = clock(instant(message.timestamp) ?? now, now);
  return `${when}  ${where}${number}${author}  ${topics === "" ? "-" : topics}  ${text}`;
}

const CHANGE = {
  connected: "is connected",
  lost: "is no longer connected",
  joined: "has joined",
  left: "was removed",
} as const;

/** Somebody on a terminal: the name with the id behind it, for a name alone is anybody's to choose. */
export function nameOf(nodeId: number, name: string | undefined): string {
  const shown = trimSpace(terminalText(name ?? "", NAME_MAX));
  return shown === "" ? String(nodeId) : `${shown}/${nodeId}`;
}

/** The time of day, with the date where that is another one than now. */
function clock(at: Date, now: Date): string {
  const time = at.toTimeString().slice(0, 8);
  if (at.toDateString() === now.toDateString()) return time;
  const [month, day] = [at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0"));
  return `${at.getFullYear()}-${month}-${day} ${time}`;
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
