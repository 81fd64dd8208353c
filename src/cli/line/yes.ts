import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { printProse } from "../../host/print.ts";

/** For commands that ask before they do what cannot be undone. */
export const yesFlag = { yes: { type: "boolean", description: "do not ask" } } as const;

/** Whether somebody is there to be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true;
}

/**
 * Says what is about to be done, and asks on a terminal. Throws `invalid_argument` without a yes, saying `refused` and what
 * else to say.
 */
export function requireYes(
  label: string,
  said: string,
  asked: { readonly question: string; readonly refused: string },
): void {
  printProse(`${label}: ${said}`);
  const answer = canAsk() ? prompt(`${label}: ${asked.question} [y/N]`) : null;
  if (/^y(es)?$/i.test(trimSpace(answer ?? ""))) return;
  throw new EntmootError("invalid_argument", asked.refused);
}
