import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode, type GroupInfo } from "./daemon.ts";
import { feedFiles } from "./release-feed.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";
import { buildTestBinary, install, type TestBuild } from "./updated-binaries.ts";

export const OLD = { version: "v0.1.0", serial: 1000 };
export const NEW = { version: "v0.2.0", serial: 2000 };

/** Executables of two versions and a feed with the newer, built once for the tests of a file. */
export class TwoVersions implements Disposable {
  readonly #built: TemporaryDirectory;
  readonly oldBinary: string;
  readonly newBinary: string;
  readonly newFeed: Map<string, Uint8Array>;
  /** By the build in them. */
  readonly #feeds = new Map<string, Promise<Map<string, Uint8Array>>>();

  private constructor(built: TemporaryDirectory, [oldBinary, newBinary]: readonly [string, string]) {
    this.#built = built;
    this.oldBinary = oldBinary;
    this.newBinary = newBinary;
    this.newFeed = feedFiles({ ...NEW, binary: readFileSync(newBinary) });
  }

  static async build(): Promise<TwoVersions> {
    const built = new TemporaryDirectory();
    return new TwoVersions(built, [await buildTestBinary(built.path, OLD), await buildTestBinary(built.path, NEW)]);
  }

  /** A feed with another build, made when it is first asked for. Not to be changed. */
  feedOf(build: TestBuild): Promise<Map<string, Uint8Array>> {
    const key = JSON.stringify(build);
    const feed = this.#feeds.get(key) ?? this.#makeFeed(build);
    this.#feeds.set(key, feed);
    return feed;
  }

  /** An installed v0.1.0 with a node that runs from it. */
  installIn(home: string, feedUrl: string, env: Record<string, string> = {}) {
    const executable = install(this.oldBinary, join(home, "bin"));
    const node = new DaemonNode(home, "data", {
      command: [executable],
      env: { ENTMOOT_UPDATE_URL: feedUrl, ENTMOOT_UPDATE_READY: "5s", ...env },
    });
    return { executable, node };
  }

  async #makeFeed(build: TestBuild): Promise<Map<string, Uint8Array>> {
    const { version, serial } = build;
    return feedFiles({ version, serial, binary: readFileSync(await buildTestBinary(this.#built.path, build)) });
  }

  [Symbol.dispose](): void {
    this.#built[Symbol.dispose]();
  }
}

/** Makes a group with one message; what `info` says of it. */
export async function council(node: DaemonNode): Promise<GroupInfo> {
  await node.ask(["group", "create", "-name", "council"]);
  await node.ask(["publish", "-topic", "t", "-content", "kept"]);
  return node.group();
}
