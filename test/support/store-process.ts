import { join } from "node:path";

/** The command that runs `store-child.ts`. */
export function storeCommand(...args: string[]): string[] {
  return [process.execPath, join(import.meta.dir, "store-child.ts"), ...args];
}

/** A child that runs `store-child.ts`; killed, whatever it does, when the test is over. */
export class StoreProcess implements AsyncDisposable {
  readonly #process;
  readonly #lines: AsyncIterator<string>;

  constructor(...args: string[]) {
    this.#process = Bun.spawn(storeCommand(...args), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#process.stdout);
  }

  get pid(): number {
    return this.#process.pid;
  }

  write(text: string): void {
    this.#process.stdin.write(text);
    this.#process.stdin.flush();
  }

  /** Ends its input, and waits until it has ended by itself. */
  async end(): Promise<void> {
    this.#process.stdin.end();
    await this.#process.exited;
  }

  /** The next line it prints; `undefined` when there will be none. */
  async line(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  async lines(): Promise<string[]> {
    const all: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) all.push(line);
    return all;
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of stream) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}
