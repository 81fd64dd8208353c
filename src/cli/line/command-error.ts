import { ControlError } from "../../control/control-error.ts";
import { EntmootError } from "../../core/errors.ts";

/**
 * Runs `work` and names the command in what fails, as `publish: NOT_MEMBER: local node 7 is not a member`
 * for a daemon's answer and without the code for what was found here. Texts that stand alone (no daemon) stay.
 * `codes: false` for commands that answer alike with and without a daemon.
 */
export async function namedFailure<T>(
  command: string,
  work: () => Promise<T>,
  { codes }: { readonly codes: boolean } = { codes: true },
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    if (cause.code === "control_unavailable") throw cause;
    const step = nextStep(cause);
    const isNamed = cause.message.startsWith(`${command}: `);
    if (isNamed && step === "") throw cause;
    const code = codes && cause instanceof ControlError ? codeOf(cause) : "";
    const named = isNamed ? cause.message : `${command}: ${code}${cause.message}`;
    throw new EntmootError(cause.code, named + step, { cause });
  }
}

/**
 * The frame's code, unless it says of what is wrong with the machine that something is wrong inside the program, or of a
 * limit that nobody is there.
 */
function codeOf({ code, controlCode }: ControlError): string {
  const isOurs = (controlCode === "INTERNAL" && code !== "internal") || code === "rate_limited";
  return isOurs ? "" : `${controlCode}: `;
}

/** Who is told that agents may not learns what made them one. */
function nextStep({ code, message }: EntmootError): string {
  const isAgent = code === "forbidden" && process.env.ENTMOOT_AGENT_SOCKET && !message.includes("ENTMOOT_AGENT_SOCKET");
  return isAgent ? " (unset ENTMOOT_AGENT_SOCKET to speak as the owner)" : "";
}
