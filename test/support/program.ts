import type { Subprocess } from "bun";

/** How a program ended, and all it said. */
export interface Ended {
  /** Its exit status; 128 + number when a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Longer than this no single step takes, in milliseconds; past it the program hangs. */
const STEP_MAX_MS = 90_000;

export interface ProgramOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it reads from stdin; by default nothing, and at once the end. `"open"`: nothing, and no end. */
  readonly stdin?: string | "open";
  readonly cwd?: string;
}

/**
 * One running program whose lines on stdout can be waited for. Disposing it ends it with SIGKILL when it still runs.
 * Every failure it reports holds the command line and the end of what the program wrote.
 */
export class Program implements AsyncDisposable {
  readonly #child: Subprocess<"pipe" | "ignore", "pipe", "pipe">;
  readonly #command: string;
  readonly #reading: Promise<unknown>;
  /** Whole lines of stdout, and how many of them `line` has given. */
  readonly #lines: string[] = [];
  #given = 0;
  #stdout = "";
  #stderr = "";
  #changed = Promise.withResolvers<void>();

  constructor(command: readonly string[], { env, stdin, cwd }: ProgramOptions) {
    this.#command = command.join(" ");
    this.#child = Bun.spawn([...command], {
      env: { ...env },
      stdin: stdin === undefined ? "ignore" : "pipe",
      stdout: "pipe",
      stderr: "pipe",
      ...(cwd === undefined ? {} : { cwd }),
    });
    if (stdin !== undefined && stdin !== "open") {
      this.write(stdin);
      this.closeStdin();
    }
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (text) => {
        this.#stdout += text;
        const lines = this.#stdout.slice(this.#complete).split("\n");
        const rest = lines.pop()!;
        this.#complete = this.#stdout.length - rest.length;
        this.#lines.push(...lines);
      }),
      this.#read(this.#child.stderr, (text) => {
        this.#stderr += text;
      }),
    ]);
    this.#child.exited.then(() => this.#wake());
  }

  /** Characters of stdout that are in `#lines`. */
  #complete = 0;

  get pid(): number {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get stdout(): string {
    return this.#stdout;
  }

  write(text: string): void {
    const stdin = this.#child.stdin;
    if (stdin === undefined || typeof stdin === "number") throw new Error("stdin is closed");
    stdin.write(text);
    stdin.flush();
  }

  closeStdin(): void {
    const stdin = this.#child.stdin;
    if (stdin !== undefined && typeof stdin !== "number") stdin.end();
  }

  /** The next line of stdout that `matches`; those before it are passed over. Throws when the program ends first. */
  async line(matches: (line: string) => boolean = () => true, withinMs = STEP_MAX_MS): Promise<string> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      while (this.#given < this.#lines.length) {
        const line = this.#lines[this.#given++]!;
        if (matches(line)) return line;
      }
      if (!this.running) {
        await this.#reading;
        if (this.#given < this.#lines.length) continue;
        throw this.#failure(`ended with status ${await this.#status()} before the line that was expected`);
      }
      if (!(await this.#more(deadline))) throw this.#failure(`did not print the expected line within ${withinMs} ms`);
    }
  }

  /** The next line of stdout that is a JSON object with these fields. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect of it and fail otherwise.
  async json(fields: Readonly<Record<string, unknown>> = {}, withinMs = STEP_MAX_MS): Promise<any> {
    const line = await this.line((text) => {
      const value = text.startsWith("{") ? JSON.parse(text) : undefined;
      return value !== undefined && Object.entries(fields).every(([key, field]) => value[key] === field);
    }, withinMs);
    return JSON.parse(line);
  }

  /** Resolves once stderr holds `text`. */
  async said(text: string, withinMs = STEP_MAX_MS): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!this.#stderr.includes(text)) {
      if (!this.running) await this.#reading;
      if (this.#stderr.includes(text)) return;
      if (!this.running || !(await this.#more(deadline)))
        throw this.#failure(`did not say ${JSON.stringify(text)} on stderr`);
    }
  }

  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. Throws when it still runs after `withinMs`, and ends it then. */
  async ended(withinMs = STEP_MAX_MS): Promise<Ended> {
    const deadline = performance.now() + withinMs;
    while (this.running) {
      if (await this.#more(deadline)) continue;
      const failure = this.#failure(`still ran after ${withinMs} ms`);
      await this[Symbol.asyncDispose]();
      throw failure;
    }
    await this.#reading;
    return { status: await this.#status(), stdout: this.#stdout, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.kill("SIGKILL");
    await this.#child.exited;
  }

  async #status(): Promise<number> {
    return this.#child.exited;
  }

  async #read(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      take(decoder.decode(chunk, { stream: true }));
      this.#wake();
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** Resolves when the program has said something or ended; `false` when the deadline came first. */
  async #more(deadline: number): Promise<boolean> {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    const changed = this.#changed.promise.then(() => true);
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => late.resolve(false), left);
    try {
      return await Promise.race([changed, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(what: string): Error {
    const [out, err] = [this.#stdout, this.#stderr].map((text) =>
      text.length > 4_000 ? `…${text.slice(-4_000)}` : text,
    );
    return new Error(`${this.#command}\n${what}\n--- stdout\n${out}\n--- stderr\n${err}`);
  }
}
