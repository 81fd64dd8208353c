import { durationText } from "../core/amounts.ts";

/** Told with a message that was dated by a clock behind that of the others. */
export function behindText(behindMs: number): string {
  return `the clock of this machine is ${durationText(behindMs)} behind that of the other members; if it is the one that is wrong, they see the message as that much older: look with "date -u"`;
}
