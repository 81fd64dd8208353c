import { EntmootError } from "../../core/errors.ts";

/**
 * Runs `work` and names the command in what fails, as `publish: local node 7 is not a member`: in the same words whether a
 * daemon answered or the files did. Texts that stand alone (no daemon) stay.
 */
export async function namedFailure<T>(command: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    if (cause.code === "control_unavailable") throw cause;
    const step = nextStep(cause);
    const isNamed = cause.message.startsWith(`${command}: `);
    if (isNamed && step === "") throw cause;
    const named = isNamed ? cause.message : `${command}: ${cause.message}`;
    throw new EntmootError(cause.code, named + step, { cause });
  }
}

/** Who is told that agents may not learns what made them one. */
function nextStep({ code, message }: EntmootError): string {
  const isAgent = code === "forbidden" && process.env.ENTMOOT_AGENT_SOCKET && !message.includes("ENTMOOT_AGENT_SOCKET");
  return isAgent ? " (unset ENTMOOT_AGENT_SOCKET to speak as the owner)" : "";
}
