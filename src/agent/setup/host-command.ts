import { shownLine } from "../../core/bytes/shown-text.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { Deadline } from "../../transport/wait.ts";
import type { HostPlaces, HostSetup } from "./host-setup.ts";

/** Ours. A host's own command starts the whole host. */
const COMMAND_MS = 60_000;
/** Ours. Of what it prints, as much as is shown. */
const OUTPUT_MAX = 64 * 1024;

/** Where a host's program is. Throws `not_found` with the next step. */
export function hostProgram({ program, title }: HostSetup, { env }: HostPlaces): string {
  const found = Bun.which(program, { PATH: env.PATH ?? "" });
  if (found !== null) return found;
  throw new EntmootError(
    "not_found",
    `${title}: no program ${program} is on PATH; install it, or name its folder in PATH`,
  );
}

/** Runs one of a host's own commands in the project folder, and gives what it printed. Throws `unavailable` with its words. */
export async function runHost(
  command: readonly string[],
  { clock, places }: { readonly clock: Clock; readonly places: HostPlaces },
): Promise<string> {
  using deadline = new Deadline(clock, COMMAND_MS);
  const child = Bun.spawn([...command], {
    cwd: places.project,
    env: { ...places.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal: deadline.signal,
    killSignal: "SIGKILL",
  });
  const [status, out, err] = await Promise.all([child.exited, beginning(child.stdout), beginning(child.stderr)]);
  if (status === 0) return out;
  const said = shownLine((err.trim() || out.trim()).slice(0, 500));
  const how = deadline.signal.aborted ? "no end within a minute" : `status ${status}`;
  throw new EntmootError("unavailable", `${command.slice(0, 3).join(" ")}: ${how}${said === "" ? "" : `: ${said}`}`);
}

/** What is longer is read and dropped, so that the host is not held up by it. */
async function beginning(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) if (text.length < OUTPUT_MAX) text += decoder.decode(chunk, { stream: true });
  return text.slice(0, OUTPUT_MAX);
}
