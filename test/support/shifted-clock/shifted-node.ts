import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildBinary, currentVersion } from "../../../scripts/build.ts";
import { hostTarget } from "../../../scripts/launch/platform.mjs";
import { DaemonNode } from "../daemon.ts";

let built: Promise<string> | undefined;

/** The program as it ships, on clocks that a test moves; compiled once by each process that asks. */
export function shiftedBinary(dir: string): Promise<string> {
  built ??= build(join(dir, "entmootd-shifted"));
  return built;
}

async function build(outfile: string): Promise<string> {
  await buildBinary({
    target: hostTarget(),
    outfile,
    version: currentVersion(),
    commit: "0123456789abcdef",
    date: "2026-01-02T03:04:05Z",
    irohOptional: true,
    entry: "test/support/shifted-clock/main.ts",
  });
  return outfile;
}

/** A node whose date and steady clock are moved by a test, also while its daemon runs. */
export class ShiftedNode extends DaemonNode {
  readonly #file: string;
  #dateMs: number;
  #steadyMs = 0;

  /** `dateMs`: how far its date is ahead of this machine's at first. */
  constructor(home: string, name: string, { binary, dateMs }: { readonly binary: string; readonly dateMs: number }) {
    const file = join(home, `${name}.clock`);
    super(home, name, { command: [binary], env: { ENTMOOT_TEST_CLOCK: file } });
    this.#file = file;
    this.#dateMs = dateMs;
    this.#write();
  }

  /** What its clock shows, Unix milliseconds. */
  get now(): number {
    return Date.now() + this.#dateMs;
  }

  /** Somebody sets the date. */
  setDate(byMs: number): void {
    this.#dateMs += byMs;
    this.#write();
  }

  /** So much time passes. */
  pass(ms: number): void {
    this.#dateMs += ms;
    this.#steadyMs += ms;
    this.#write();
  }

  /** At once: a process never reads half of it. */
  #write(): void {
    const fresh = `${this.#file}.new`;
    rmSync(fresh, { force: true });
    writeFileSync(fresh, `${this.#dateMs} ${this.#steadyMs}`);
    renameSync(fresh, this.#file);
  }
}
