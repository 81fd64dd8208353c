/** How long a terminal door waits for what; all in milliseconds. */
export interface TerminalConfig {
  /** The user's last key is so long ago. */
  readonly keyQuietMs: number;
  /** The program's last output, or the last change of what it shows, is so long ago. */
  readonly outputQuietMs: number;
  /** How long a hand waits for the host to be ready before it says `later`. */
  readonly readyWaitMs: number;
  /** From the last piece of a text to its end on the screen. */
  readonly echoWaitMs: number;
  /** The screen stands still so long before Enter, and the line stays empty so long after it. */
  readonly settleMs: number;
  /** From one Enter to the next. */
  readonly enterWaitMs: number;
  /** The user's keys are held no longer than this while a text goes in. */
  readonly keysHeldMs: number;
  /** From asking a program to end to giving up on it. */
  readonly endWaitMs: number;
  /** Between two looks at what announces no change. */
  readonly pollMs: number;
}

/** Ours. A pause in typing is longer than 1.5 s and a thought is not over in it; spinners turn ten times a second. */
export const TERMINAL_CONFIG: TerminalConfig = {
  keyQuietMs: 4_000,
  outputQuietMs: 1_500,
  readyWaitMs: 20_000,
  echoWaitMs: 5_000,
  settleMs: 120,
  enterWaitMs: 1_500,
  keysHeldMs: 1_000,
  endWaitMs: 5_000,
  pollMs: 20,
};
