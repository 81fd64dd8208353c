import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type RunInTerminal, runInTerminal } from "../../src/agent/terminal/run-in-terminal.ts";
import type { TerminalConfig } from "../../src/agent/terminal/terminal-config.ts";
import type { UserEvents, UserTerminal } from "../../src/agent/terminal/user-terminal.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { eventually } from "./eventually.ts";
import { mayGive } from "./handing.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** What a fake host does; all of it off unless said. */
export interface FakeHost {
  readonly log: string;
  readonly takesPastes?: boolean;
  /** Where one sees the next key go: the terminal's cursor, a cell of its own, or nowhere. */
  readonly cursor: "real" | "drawn" | "none";
  /** So many Enters do nothing. */
  readonly swallows?: number;
  /** Shows a long line as a mark. */
  readonly marks?: boolean;
  /** Shows nothing of the line until SIGUSR1. */
  readonly isLate?: boolean;
  readonly isWorking?: boolean;
  readonly isAlternate?: boolean;
  /** Never reads. */
  readonly isDeaf?: boolean;
  /** Rubs nothing out. */
  readonly keeps?: boolean;
  readonly exitsAt?: "paste" | "enter";
}

/** Long for what should happen, short for what should not. */
export const QUICK: TerminalConfig = {
  keyQuietMs: 100,
  outputQuietMs: 100,
  readyWaitMs: 60_000,
  echoWaitMs: 60_000,
  settleMs: 30,
  enterWaitMs: 60_000,
  keysHeldMs: 60_000,
  endWaitMs: 60_000,
  pollMs: 5,
};

/** The user's end, in this process: what is shown is kept, and keys are typed by a test. */
export class TestUser implements UserTerminal {
  readonly canSuspend = false;
  size = { columns: 80, rows: 24 };
  waitingBytes = 0;
  shownBytes = 0;
  isDisposed = false;
  #shown = "";
  #events: UserEvents | undefined;
  #taken = Promise.withResolvers<void>();

  /** The last million characters. */
  get shown(): string {
    return this.#shown;
  }

  begin(events: UserEvents): void {
    this.#events = events;
  }

  show(bytes: Uint8Array | string): void {
    this.#shown = (this.#shown + (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1"))).slice(
      -1e6,
    );
    this.shownBytes += bytes.length;
  }

  taken(): Promise<void> {
    return this.waitingBytes === 0 ? Promise.resolve() : this.#taken.promise;
  }

  /** Takes nothing more until told. */
  stand(isStill: boolean): void {
    this.waitingBytes = isStill ? 1e9 : 0;
    if (isStill) return;
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
  }

  takeKeys(): void {}

  suspend(): void {}

  type(text: string): void {
    this.#events?.onKeys(new TextEncoder().encode(text));
  }

  resize(columns: number, rows: number): void {
    this.size = { columns, rows };
    this.#events?.onResize(this.size);
  }

  hangUp(): void {
    this.#events?.onGone();
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }
}

/** Any program in a terminal, with a user at it. Disposing hangs up. */
export async function hosted(command: readonly string[], more: Partial<RunInTerminal> = {}) {
  const user = new TestUser();
  const [program = "", ...args] = command;
  const env = { PATH: process.env.PATH, TERM: "xterm-256color", HOME: "/nonexistent" };
  const ending = new AbortController();
  const config = { ...QUICK, ...more.config };
  const running = await runInTerminal({
    env,
    clock: realClock,
    user,
    signal: ending.signal,
    ...more,
    command: program,
    args,
    config,
  });
  return {
    ...running,
    user,
    hand: (text: string) => running.door.hand({ ids: [], text, mayGive }, new AbortController().signal),
    async saw(text: string) {
      await eventually(`on the terminal: ${text}`, () => (user.shown.includes(text) ? true : undefined));
    },
    async [Symbol.asyncDispose]() {
      await running.door[Symbol.asyncDispose]();
      ending.abort();
      try {
        process.kill(running.pid, "SIGKILL");
      } catch {
        // It has ended.
      }
      await running.ended;
    },
  };
}

/** A fake host in a terminal, ready. */
export async function fakeHost(how: Omit<FakeHost, "log">, more: Partial<RunInTerminal> = {}) {
  const folder = new TemporaryDirectory();
  const log = join(folder.path, "log");
  const script = join(import.meta.dir, "fake-host.ts");
  const host: FakeHost = { ...how, log };
  const running = await hosted([process.execPath, script, JSON.stringify(host)], more);
  const logged = (): Record<string, unknown>[] =>
    existsSync(log)
      ? readFileSync(log, "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : [];
  await eventually("the fake host is ready", () => (logged().some(({ ready }) => ready) ? true : undefined));
  // What it says it has written comes here a moment later.
  if (how.takesPastes) await running.saw("\x1b[?2004h");
  return {
    ...running,
    logged,
    submitted: () => logged().flatMap(({ submitted }) => (submitted === undefined ? [] : [submitted])),
    async logs(key: string) {
      return await eventually(`logged: ${key}`, () => logged().find((event) => key in event));
    },
    signal: (signal: NodeJS.Signals) => process.kill(running.pid, signal),
    async [Symbol.asyncDispose]() {
      await running[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** A text as doors hand it over: lines, one of them long, and an end of its own. */
export function someText(name: string): string {
  const words = Array.from({ length: 40 }, (_, at) => `word${at}`).join(" ");
  return `<entmoot-message id="${name}">\n| ${words}\n| second line\n</entmoot-message>\nTo answer: reply(id="${name}").`;
}

/** Writes a file that a program can run. */
export function scriptIn(folder: TemporaryDirectory, name: string, text: string): string {
  const path = join(folder.path, name);
  appendFileSync(path, text, { mode: 0o755 });
  return path;
}
