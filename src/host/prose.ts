import { realClock } from "./real-clock.ts";
import { TerminalOutput } from "./terminal-output.ts";

/** Who draws on the terminal that prose goes to, and so writes it himself. */
let screen: ((line: string) => void) | undefined;
/** `null` once it is known that stderr is no terminal. */
let terminal: TerminalOutput | null | undefined;

/**
 * Prose on stderr from a process that serves others: a terminal that is stopped, or that nobody reads, does not hold
 * it up. `text` ends with a line break.
 */
export function putProse(text: string): void {
  if (terminal === undefined) terminal = TerminalOutput.behind(2, realClock) ?? null;
  if (screen !== undefined && process.stderr.isTTY) screen(text.trimEnd());
  else if (terminal !== null) terminal.write(text);
  else process.stderr.write(text);
}

/** Until it is disposed of, what `putProse` is given goes to `draw`, line by line, where stderr is a terminal. */
export function drawProse(draw: (line: string) => void): Disposable {
  screen = draw;
  return {
    [Symbol.dispose]() {
      if (screen === draw) screen = undefined;
    },
  };
}
