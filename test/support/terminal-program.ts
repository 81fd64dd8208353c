import type { Subprocess } from "bun";
import { eventually } from "./eventually.ts";
import { TinyScreen } from "./tiny-screen.ts";

const COLUMNS = 80;
const ROWS = 24;

/** One program on a pseudo-terminal of its own, as a person has it before him. Disposing it ends the program. */
export class TerminalProgram implements AsyncDisposable {
  readonly #terminal: Bun.Terminal;
  readonly #child: Subprocess;
  readonly #decoder = new TextDecoder();
  readonly #screen = new TinyScreen(COLUMNS, ROWS);
  readonly #modeBefore: number;
  #sent = "";

  /** `isDrawn: false` for one that draws in ways that no screen of ours follows: then only what was sent is there. */
  constructor(
    command: readonly string[],
    env: Readonly<Record<string, string | undefined>>,
    { isDrawn }: { readonly isDrawn: boolean } = { isDrawn: true },
  ) {
    this.#terminal = new Bun.Terminal({
      cols: COLUMNS,
      rows: ROWS,
      data: (_terminal, bytes) => {
        const text = this.#decoder.decode(bytes, { stream: true });
        this.#sent += text;
        if (isDrawn) this.#screen.write(text);
      },
    });
    this.#modeBefore = this.#terminal.localFlags;
    this.#child = Bun.spawn([...command], { env: { TERM: "xterm", ...env }, terminal: this.#terminal });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** All that was sent to the terminal. */
  get sent(): string {
    return this.#sent;
  }

  /** What stands on it, and has scrolled away. */
  get lines(): readonly string[] {
    return this.#screen.lines;
  }

  /** Whether the terminal reads lines and shows what is typed, as it did before the program came. */
  get isAsBefore(): boolean {
    return this.#terminal.localFlags === this.#modeBefore && !this.#marksPastes;
  }

  get #marksPastes(): boolean {
    return this.#sent.lastIndexOf("\x1b[?2004h") > this.#sent.lastIndexOf("\x1b[?2004l");
  }

  type(text: string): void {
    this.#terminal.write(text);
  }

  paste(text: string): void {
    this.type(`\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~`);
  }

  /** The first line that `matches`, as soon as there is one. */
  async line(matches: (line: string) => boolean): Promise<string> {
    return await this.#when(() => this.lines.find(matches));
  }

  /** Resolves once the line being typed looks so. */
  async typing(line: string): Promise<void> {
    await this.#when(() => (this.lines.at(-1) === line ? true : undefined));
  }

  /** Resolves once this was sent to the terminal so many times. */
  async saw(text: string, times = 1): Promise<void> {
    await this.#when(() => (this.#sent.split(text).length > times ? true : undefined));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The other end of the terminal goes away. */
  hangUp(): void {
    this.#terminal.close();
  }

  /** Its exit status, once it has ended. */
  async ended(): Promise<number> {
    return await this.#when(() => this.#child.exitCode ?? undefined);
  }

  /** The signal that ended it, once one has. */
  async signalled(): Promise<string> {
    return await this.#when(() => this.#child.signalCode?.toString());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#terminal.close();
  }

  async #when<T>(look: () => T | undefined): Promise<T> {
    try {
      return await eventually("what was expected of the terminal", look);
    } catch (cause) {
      const rows = this.lines.slice(-40).join("\n");
      throw new Error(`${(cause as Error).message}\nexit status ${this.#child.exitCode}\n--- terminal\n${rows}`, {
        cause,
      });
    }
  }
}
