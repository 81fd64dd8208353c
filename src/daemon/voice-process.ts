import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { shownLine } from "../core/bytes/shown-text.ts";
import { type Clock, later, type SteadyMs } from "../core/clock.ts";
import { codeOf } from "../core/system-error.ts";
import type { Log } from "../host/log.ts";
import type { VoiceState } from "../node/operations/voices.ts";
import { atMost } from "../transport/wait.ts";

/** Ours. A voice that ends by itself is started again after so long, doubling from the first to the second. */
const AGAIN_FIRST_MS = 1_000;
const AGAIN_MAX_MS = 300_000;
/** Ours. One that ran for so long did not fail at its start. */
const RAN_MS = 60_000;
/** Ours. A clean end of a daemon takes far less, and the one above it has eight seconds; then it is killed. */
const END_MS = 6_000;
/** Ours. Of one line that a voice logs; the rest of it is left out. */
const LINE_MAX = 4096;

/** How a voice is started. */
export interface VoiceProgram {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The daemon of one voice as a process below this one. Its stdin is a pipe that only this process holds, so it ends with
 * this one however that ends. One that ends by itself is started again.
 */
export class VoiceProcess implements AsyncDisposable {
  readonly name: string;
  readonly #parts: { readonly program: VoiceProgram; readonly clock: Clock; readonly log: Log };
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #startedAt: SteadyMs | undefined;
  #again: Disposable | undefined;
  #failures = 0;
  #restarts = -1;
  #failure: string | undefined;
  #isEnding = false;
  /** It has said so, which it does once others reach it. */
  #isServing = false;
  #told: string | undefined;

  constructor(name: string, parts: { readonly program: VoiceProgram; readonly clock: Clock; readonly log: Log }) {
    this.name = name;
    this.#parts = parts;
    this.#start();
  }

  get state(): VoiceState {
    const pid = this.#child?.pid;
    const alive = this.#isServing ? "running" : "starting";
    const state = this.#isEnding ? "ended" : pid === undefined ? "waiting" : alive;
    return { name: this.name, state, pid, restarts: Math.max(0, this.#restarts), failure: this.#failure };
  }

  /** Says a line to its stdin, now and after each start; only the latest counts. */
  tell(line: string): void {
    this.#told = line;
    this.#child?.stdin?.write(`${line}\n`);
  }

  /** Ends it cleanly, and by force where that takes too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    this.#again?.[Symbol.dispose]();
    const child = this.#child;
    if (child === undefined) return;
    child.stdin?.end();
    if (
      await atMost(
        this.#parts.clock,
        END_MS,
        this.#gone.then(() => true),
      )
    )
      return;
    child.kill("SIGKILL");
    await this.#gone;
  }

  #start(): void {
    const { clock, program } = this.#parts;
    this.#restarts += 1;
    this.#startedAt = clock.steady();
    const child = spawn(program.path, program.args, { env: program.env, stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    // It may end while it is told something, which nobody but its end need say.
    child.stdin.on("error", () => {});
    if (this.#told !== undefined) child.stdin.write(`${this.#told}\n`);
    this.#isServing = false;
    child.stdout.once("data", () => {
      this.#isServing = true;
    });
    child.stdout.resume();
    this.#tellLog(child.stderr);
    this.#gone = new Promise((resolve) => {
      child.once("error", (error) => resolve(this.#ended(codeOf(error) ?? error.message)));
      child.once("exit", (status, signal) => resolve(this.#ended(signal ?? `exit status ${status}`)));
    });
  }

  #ended(how: string): void {
    if (this.#child === undefined) return;
    this.#child = undefined;
    if (this.#isEnding) return;
    const { clock, log } = this.#parts;
    const ranLong = this.#startedAt !== undefined && clock.steady() >= later(this.#startedAt, RAN_MS);
    this.#failures = ranLong ? 1 : this.#failures + 1;
    this.#failure = how;
    const waitMs = Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** Math.min(this.#failures - 1, 10));
    log.warn(`voice ${this.name}: its process ended (${how}); it is started again`, { after_ms: waitMs });
    this.#again = clock.after(waitMs, () => this.#start(), { idle: true });
  }

  /** What it says goes into this daemon's log, with its name. */
  #tellLog(stderr: Readable): void {
    let rest = "";
    stderr.setEncoding("utf8");
    stderr.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(0, LINE_MAX);
      for (const line of lines) this.#parts.log.info(`voice ${this.name}: ${shownLine(line.slice(0, LINE_MAX))}`);
    });
    stderr.on("error", () => {});
  }
}
