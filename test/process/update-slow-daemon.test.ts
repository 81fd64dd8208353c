import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { FeedServer, feedFiles } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { buildTestBinary, fingerprint, install } from "../support/updated-binaries.ts";

const OLD = { version: "v0.1.0", serial: 1000, broken: "slow" } as const;
const NEW = { version: "v0.2.0", serial: 2000 };

inNetns(import.meta, () => {
  const built = new TemporaryDirectory();
  let oldBinary: string;
  beforeAll(async () => {
    oldBinary = await buildTestBinary(built.path, OLD);
  });
  afterAll(() => built[Symbol.dispose]());

  test("a daemon that takes three seconds to start comes back too when the release in its place fails", async () => {
    using home = new TemporaryDirectory();
    const failing = await buildTestBinary(built.path, { ...NEW, broken: "exit" });
    await using feed = new FeedServer(feedFiles({ ...NEW, binary: readFileSync(failing) }));
    const executable = install(oldBinary, join(home.path, "bin"));
    await using node = new DaemonNode(home.path, "data", {
      command: [executable],
      env: { ENTMOOT_UPDATE_URL: feed.url, ENTMOOT_UPDATE_READY: "10s" },
    });
    await node.serve();
    await node.ask(["group", "create", "-name", "council"]);
    const before = await node.group();
    try {
      const { status, stdout } = await node.run(["update", "-restart", "-json"]);
      expect(JSON.parse(stdout).error.message).toContain("v0.1.0 is installed and running again");
      expect(status).toBe(1);
      expect(fingerprint(executable)).toBe(fingerprint(oldBinary));
      const info = await node.ask(["info"]);
      expect(info).toMatchObject({ running: true, version: OLD.version, groups: [before] });
      expect(info.last_update).toMatchObject({ outcome: "rolled_back" });
    } finally {
      // It was started anew and is nobody's child.
      await node.run(["stop"]);
    }
  });
});
