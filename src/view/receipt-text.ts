import { instantText } from "../core/amounts.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import type { ReceiptsRow, ShownReceipt, ShownState } from "../node/operations/receipts.ts";
import { jsonInteger, textOrBytes } from "./message-line.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. Of a host's name on a terminal. */
const HOST_MAX = 32;
/** Ours. As in an inbox: of an id, of names, and of what was said. */
const SHORT_ID = 12;
const NAME_SHOWN = 64;
const WORDS_SHOWN = 100;

/**
 * Behind the member's name: what it says, with since or at what time where that is known. `nobody` is no word of whoever reads the
 * inbox, as bots and people do that nothing wakes.
 */
const WORDS: Readonly<Record<ShownState, (time: string | undefined) => string>> = {
  none: () => "says nothing of it yet",
  nobody: (time) =>
    `no agent is woken there${time === undefined ? "" : ` since ${time}`}; it is seen when its inbox is read`,
  arrived: (time) => `has it${time === undefined ? "" : ` since ${time}`}, for its agent to take`,
  uncertain: () => "handed it over, and cannot tell whether its agent has it",
  refused: () => "has it, and its host refused it",
  expired: () => "has it, and nobody took it in time",
  delivered: (time) => `gave it to its agent${at(time)}`,
  read: (time) => `has read it${at(time)}`,
  acked: (time) => `is done with it${at(time)}, without an answer`,
  answered: (time) => `has answered it${at(time)}`,
};

/** What is known of a message at a member, behind the member's name. */
export function receiptText(state: ShownState, sinceMs: number, nowMs: number): string {
  return `${state === "nobody" ? ": " : " "}${WORDS[state](sinceMs > 0 ? timeText(sinceMs, nowMs) : undefined)}`;
}

function at(time: string | undefined): string {
  return time === undefined ? "" : ` at ${time}`;
}

/** Whether something that can wake an agent listens at a member. */
export function presenceText(
  who: string,
  { host, listening, since_ms }: { readonly host: string; readonly listening: boolean; readonly since_ms: number },
  now: Date,
): string {
  const shownHost = terminalText(host, HOST_MAX).trim();
  if (listening) return `${who} is listening${shownHost === "" ? "" : ` (${shownHost})`}`;
  return since_ms === 0
    ? `${who}: no agent is woken there`
    : `${who}: no agent is woken there since ${timeText(since_ms, now.getTime())}`;
}

/** The time of day in UTC, with the date where that is another one than now. */
export function timeText(atMs: number, nowMs: number): string {
  const [text, today] = [instantText(atMs), instantText(nowMs)];
  const [date, time] = text.split(" ");
  return today.startsWith(`${date} `) ? time! : text;
}

/** What is known of a message at one member, as programs read it. */
export function receiptEntryJson(row: ShownReceipt) {
  return {
    node_id: row.node_id,
    entmoot_pubkey: row.entmoot_pubkey.toBase64(),
    ...(row.hostname === "" ? {} : { hostname: row.hostname }),
    state: row.state,
    ...(row.since_ms > 0 ? { since_ms: row.since_ms } : {}),
    ...(row.arrived_ms > 0 ? { arrived_ms: row.arrived_ms } : {}),
    ...(row.delivered_ms > 0 ? { delivered_ms: row.delivered_ms } : {}),
    ...(row.read_ms > 0 ? { read_ms: row.read_ms } : {}),
    ...(row.done_ms > 0 ? { done_ms: row.done_ms } : {}),
  };
}

/** A message of this node that asked somebody, as programs read it. */
export function receiptsJson(row: ReceiptsRow) {
  return {
    message_id: MessageId.toBase64(row.message_id),
    group_id: GroupId.toBase64(row.group_id),
    timestamp_ms: jsonInteger(row.timestamp_ms),
    ...textOrBytes(row.content),
    content_bytes: row.content_bytes,
    readers: row.readers.map(receiptEntryJson),
  };
}

/** The same for people: the message on one line, and below it a line for each member. `moot`: its name, if it has one. */
export function receiptsText(row: ReceiptsRow, moot: string, nowMs: number): string {
  const id = MessageId.toBase64(row.message_id).slice(0, SHORT_ID);
  const where = moot === "" ? "" : ` in ${terminalText(moot, NAME_SHOWN)}`;
  const words = terminalText(new TextDecoder().decode(row.content), WORDS_SHOWN);
  return [`${id}  ${instantText(Number(row.timestamp_ms))}${where}: ${words}`, ...readerLines(row.readers, nowMs)].join(
    "\n",
  );
}

/** A line for each member, indented. */
export function readerLines(readers: readonly ShownReceipt[], nowMs: number): string[] {
  return readers.map(({ hostname, node_id, since_ms, state }) => {
    const who = hostname === "" ? `node ${node_id}` : `${terminalText(hostname, NAME_SHOWN)} (node ${node_id})`;
    return `    ${who}${receiptText(state, since_ms, nowMs)}`;
  });
}
