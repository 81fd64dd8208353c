import { EntmootError, type ErrorCode, textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { terminalText } from "../../view/terminal-text.ts";

/** Ours. Lines kept to be sent again, and how long they are together; the oldest go first. */
const LINES_MAX = 1_000;
const CHARS_MAX = 16 * 1024 * 1024;

/** Ours. Of a message in a line about it. */
const SHOWN_MAX = 40;

/** Refusals that say nothing against the line itself. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "rate_limited",
  "unavailable",
  "control_unavailable",
  "disk_full",
  "timeout",
]);
/** What is to be done about a line that is refused for what it is. */
export const HOW_TO_CHANGE = "sent again it would be refused again; arrow up brings it back to be changed";

/** Whether the same line can be published later. */
export function passes(error: unknown): boolean {
  return !(error instanceof EntmootError) || PASSING.has(error.code);
}

/** What was typed and not published, and where it was meant to go. */
export interface RefusedLine {
  readonly text: string;
  readonly group_id: GroupId;
}

/** The lines that were refused and can be sent later, in the order they were typed. */
export class RefusedLines {
  readonly #tell: (line: string) => void;
  readonly #lines: RefusedLine[] = [];
  #chars = 0;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  add(line: RefusedLine): void {
    this.#lines.push(line);
    this.#chars += line.text.length;
    let dropped = 0;
    while (this.#lines.length > LINES_MAX || (this.#chars > CHARS_MAX && this.#lines.length > 1)) {
      this.#drop();
      dropped++;
    }
    if (dropped > 0) this.#tell(`too many refused lines are kept: the oldest can no longer be sent again`);
  }

  /** Sends them in their order until one is to wait again; one that is refused for good by now holds up none behind it. */
  async again(send: (text: string, groupId: GroupId) => Promise<void>): Promise<void> {
    if (this.#lines.length === 0) return this.#tell("nothing was refused that is not sent by now");
    for (let next = this.#lines[0]; next !== undefined; next = this.#lines[0]) {
      try {
        await send(next.text, next.group_id);
      } catch (error) {
        if (!passes(error)) {
          this.#tell(`not published: ${quoted(next.text)}: ${terminalText(textOf(error))}; ${HOW_TO_CHANGE}`);
          this.#drop();
          continue;
        }
        const left = this.#lines.length;
        this.#tell(`not published: ${terminalText(textOf(error))}; ${left} to send, /again tries once more`);
        return;
      }
      this.#drop();
    }
  }

  /** What is kept, in its order. */
  get texts(): readonly string[] {
    return this.#lines.map(({ text }) => text);
  }

  #drop(): void {
    this.#chars -= this.#lines.shift()!.text.length;
  }
}

/** A message as a line about it names it. */
export function quoted(text: string): string {
  return `"${terminalText(text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text)}"`;
}
