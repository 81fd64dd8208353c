import type { Clock } from "../../core/clock.ts";
import type { ProgramEnd } from "./hosted-program.ts";
import { HostedTerminal } from "./hosted-terminal.ts";
import { TERMINAL_CONFIG, type TerminalConfig } from "./terminal-config.ts";
import { TerminalDoor } from "./terminal-door.ts";
import type { UserTerminal } from "./user-terminal.ts";

export interface RunInTerminal {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it runs; here, unless said otherwise. */
  readonly folder?: string;
  readonly clock: Clock;
  /** `standardTerminal(clock)`; without one the program runs unseen. Disposed of at the end. */
  readonly user: UserTerminal | undefined;
  /** Times other than the usual, for programs that are slower or faster. */
  readonly config?: Partial<TerminalConfig>;
  /** The user says that an agent reads this terminal, though the command looks like a shell or a way to another machine. */
  readonly isAgent?: boolean;
  /** Tells the program that its terminal goes away: for signals that end this process. */
  readonly signal?: AbortSignal;
}

export interface RunningInTerminal {
  readonly door: TerminalDoor;
  readonly pid: number;
  /** Settles once all is over and the user's terminal is as it was found. */
  readonly ended: Promise<ProgramEnd>;
}

/**
 * Runs a command in a terminal of its own, passed through to the user's, with a door into it. Throws `not_found`,
 * `forbidden` or `unavailable` for one that cannot be run.
 */
export async function runInTerminal(parts: RunInTerminal): Promise<RunningInTerminal> {
  const { clock, signal, isAgent = false } = parts;
  const config = { ...TERMINAL_CONFIG, ...parts.config };
  const terminal = await HostedTerminal.start({ ...parts, config });
  const door = new TerminalDoor({ terminal, clock, config, isAgent });
  const hangUp = () => terminal.hangUp();
  if (signal?.aborted) hangUp();
  else signal?.addEventListener("abort", hangUp, { once: true });
  void terminal.ended.then(() => signal?.removeEventListener("abort", hangUp));
  return { door, pid: terminal.program.pid, ended: terminal.ended };
}
