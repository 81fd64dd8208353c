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
    if (cause.code === "control_unavailable" || cause.message.startsWith(`${command}: `)) throw cause;
    const code = codes && cause instanceof ControlError ? `${cause.controlCode}: ` : "";
    throw new EntmootError(cause.code, `${command}: ${code}${cause.message}`, { cause });
  }
}
