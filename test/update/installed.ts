import { expect } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import type { UpdateRequest } from "../../src/update/update.ts";
import { RELEASE_KEY } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A program that says it is `version` and passes its self-test, or fails it with these lines of shell. */
export function program(version: string, selfTest = "exit 0", size = 0): Uint8Array {
  const text = `#!/bin/sh\nif [ "$1" = version ]; then echo '{"version":"${version}"}'; exit 0; fi\n${selfTest}\n`;
  // What follows is never read: the shell has ended by then.
  return new TextEncoder().encode(`${text}exit 0\n${"#".repeat(size)}`);
}

/** An installed v0.1.0 in a folder of its own. */
export class Installed implements Disposable {
  readonly #home = new TemporaryDirectory();
  readonly dir = join(realpathSync(this.#home.path), "bin");
  readonly executable = join(this.dir, "entmootd");
  readonly data = join(this.#home.path, "data");

  constructor(readonly content = program("v0.1.0")) {
    mkdirSync(this.dir);
    mkdirSync(this.data);
    writeFileSync(this.executable, content);
    chmodSync(this.executable, 0o755);
  }

  request(feedUrl: string | undefined, more: Partial<UpdateRequest> = {}): UpdateRequest {
    return {
      clock: realClock,
      check: false,
      restart: false,
      version: undefined,
      prerelease: false,
      repo: undefined,
      installDir: undefined,
      feedUrl,
      dataDir: this.data,
      home: this.#home.path,
      running: this.executable,
      runningVersion: "v0.1.0",
      runningSerial: 500,
      keys: [RELEASE_KEY],
      readyMs: 1_000,
      ...more,
    };
  }

  get installed(): string {
    return readFileSync(this.executable, "utf8");
  }

  [Symbol.dispose](): void {
    this.#home[Symbol.dispose]();
  }
}

/** The message of the `update_failed` that `work` ends with. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    expect(error).toMatchObject({ code: "update_failed" });
    return (error as Error).message;
  }
  throw new Error("was not refused");
}
