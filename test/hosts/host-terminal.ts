import { hostProgram } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";

const COLUMNS = 120;
const ROWS = 40;
/** How long a person looks before pressing a key again. */
const AGAIN_MS = 700;

/** What is used here of xterm.js without a window. */
interface Emulator {
  readonly buffer: {
    readonly active: {
      readonly length: number;
      getLine(row: number): { translateToString(trimRight: boolean): string } | undefined;
    };
  };
  write(bytes: Uint8Array): void;
  onData(heard: (reply: string) => void): void;
}

async function openEmulator(): Promise<Emulator> {
  const { Terminal } = await import(hostProgram("screen")!);
  return new Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true, scrollback: 1_000 });
}

/** A host's program on a real terminal of its own, which answers what programs ask of terminals. Disposing it ends it. */
export class HostTerminal implements AsyncDisposable {
  readonly #emulator: Emulator;
  readonly #terminal: Bun.Terminal;
  readonly #child: Bun.Subprocess;

  private constructor(emulator: Emulator, command: readonly string[], options: { cwd: string; env: HostEnv }) {
    this.#emulator = emulator;
    this.#terminal = new Bun.Terminal({
      cols: COLUMNS,
      rows: ROWS,
      data: (_terminal, bytes) => emulator.write(new Uint8Array(bytes)),
    });
    emulator.onData((reply) => {
      if (!this.#terminal.closed) this.#terminal.write(reply);
    });
    this.#child = Bun.spawn([...command], { cwd: options.cwd, env: options.env, terminal: this.#terminal });
  }

  static async start(command: readonly string[], options: { cwd: string; env: HostEnv }): Promise<HostTerminal> {
    return new HostTerminal(await openEmulator(), command, options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** What stands on it and has scrolled away, without blanks at the ends of lines. */
  get text(): string {
    const { active } = this.#emulator.buffer;
    return Array.from({ length: active.length }, (_, row) => active.getLine(row)?.translateToString(true) ?? "")
      .join("\n")
      .trimEnd();
  }

  /** Keys, as a person presses them: `\r` is Enter. */
  type(keys: string): void {
    this.#terminal.write(keys);
  }

  /** Types `line`, and Enter once it stands on the screen: some hosts take keys that come at once for a paste. */
  async submit(line: string): Promise<void> {
    await this.types(line);
    this.type("\r");
  }

  /** Types `line`; resolves once it stands on the screen once more than before. */
  async types(line: string): Promise<void> {
    const times = () => this.text.split(line).length;
    const before = times();
    this.type(line);
    await this.#when(`${line} on the screen`, () => times() > before || undefined);
  }

  /** Presses `keys`, and again after a while, until `isDone`: what a person does whose key had no effect. */
  async pressUntil(keys: string | (() => string), what: string, isDone: () => boolean): Promise<void> {
    let lastMs = Number.NEGATIVE_INFINITY;
    await this.#when(what, () => {
      if (isDone()) return true;
      if (performance.now() - lastMs < AGAIN_MS) return undefined;
      this.type(typeof keys === "string" ? keys : keys());
      lastMs = performance.now();
      return undefined;
    });
  }

  /** Resolves once `text` stands on the screen. */
  async shows(text: string | RegExp): Promise<void> {
    await this.#when(`${text} on the screen`, () =>
      (typeof text === "string" ? this.text.includes(text) : text.test(this.text)) ? true : undefined,
    );
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Asks it to end by `signal`; killed when it does not. Gives its exit status. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    if (this.#child.exitCode === null) this.#child.kill(signal);
    return await this.ended();
  }

  async ended(): Promise<number> {
    return await this.#when("its end", () => this.#child.exitCode ?? (this.#child.signalCode ? -1 : undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#terminal.close();
  }

  async #when<T>(what: string, look: () => T | undefined): Promise<T> {
    try {
      return await eventually(what, look);
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n--- terminal\n${this.text}`, { cause });
    }
  }
}

export type HostEnv = Readonly<Record<string, string | undefined>>;
