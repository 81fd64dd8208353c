import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "../support/eventually.ts";

/** The server of tools in `probe-server.ts` as a test sees it, when a host has started it. */
export class Probe {
  /** What a host is told to start. */
  readonly command: readonly string[];
  readonly #folder: string;

  constructor(home: string, name = "probe") {
    this.#folder = join(home, name);
    mkdirSync(this.#folder);
    this.command = [process.execPath, join(import.meta.dir, "probe-server.ts"), this.#folder];
  }

  /** Its environment, process and parent, once the host has started it. */
  async started(): Promise<{ pid: number; ppid: number; env: Readonly<Record<string, string>> }> {
    const path = join(this.#folder, "env.json");
    return await eventually("the start of the probe", () =>
      existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined,
    );
  }

  /** What its host asked of it, oldest first. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever a host sends.
  get heard(): any[] {
    return readLines(join(this.#folder, "heard.jsonl"));
  }

  get calls(): { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[] {
    return readLines(join(this.#folder, "calls.jsonl"));
  }

  /** Resolves once a tool was called with `text`. */
  async called(text: string): Promise<void> {
    await eventually(`a call with ${text}`, () => this.calls.some((call) => call.arguments.text === text) || undefined);
  }

  /** Has the probe, a child of the host, send `lines` to the socket `to`, and gives what came back until it closed. */
  async relay(to: string, lines: readonly unknown[]): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const socket = connect(join(this.#folder, "relay.sock"), () =>
      socket.write(`${JSON.stringify({ to, lines })}\n`),
    ).on("error", reject);
    createInterface({ input: socket }).once("line", resolve);
    try {
      const { answered, error } = JSON.parse(await promise);
      if (error !== undefined) throw new Error(error);
      return answered;
    } finally {
      socket.destroy();
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever a host sends.
export function readLines(path: string): any[] {
  if (!existsSync(path)) return [];
  const whole = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return whole.map((line) => JSON.parse(line));
}
