import { instantText } from "../core/amounts.ts";
import type { ShownState } from "../node/operations/receipts.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. Of a host's name on a terminal. */
const HOST_MAX = 32;

const WORDS: Readonly<Record<Exclude<ShownState, "nobody">, string>> = {
  none: "says nothing of it yet",
  arrived: "has it, waiting for its agent",
  uncertain: "handed it over, and cannot tell whether its agent has it",
  refused: "has it, and its host refused it",
  expired: "has it, and nobody took it in time",
  delivered: "has it before its agent",
  read: "has read it",
  acked: "is done with it, without an answer",
  answered: "has answered it",
};

/** What is known of a message at a member, behind the member's name. */
export function receiptText(state: ShownState, since: Date | undefined, now: Date): string {
  if (state === "nobody") {
    return since === undefined
      ? "nobody listens there"
      : `nobody has listened there since ${timeText(since.getTime(), now.getTime())}`;
  }
  return since === undefined ? WORDS[state] : `${WORDS[state]} since ${timeText(since.getTime(), now.getTime())}`;
}

/** Whether somebody listens at a member. */
export function presenceText(
  who: string,
  { host, listening, since_ms }: { readonly host: string; readonly listening: boolean; readonly since_ms: number },
  now: Date,
): string {
  const shownHost = terminalText(host, HOST_MAX).trim();
  if (listening) return `${who} is listening${shownHost === "" ? "" : ` (${shownHost})`}`;
  return since_ms === 0
    ? `${who}: nobody is listening`
    : `${who}: nobody has listened since ${timeText(since_ms, now.getTime())}`;
}

/** The time of day in UTC, with the date where that is another one than now. */
export function timeText(atMs: number, nowMs: number): string {
  const [text, today] = [instantText(atMs), instantText(nowMs)];
  const [date, time] = text.split(" ");
  return today.startsWith(`${date} `) ? time! : text;
}
