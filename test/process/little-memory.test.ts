import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { MemoryLimit } from "../support/memory-limit.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a small machine or container gives a daemon. */
const LITTLE = 128 * 1024 * 1024;
/** With base64 and all that it carries, a little below what a message may have. */
const LONG = "x".repeat(700_000);
const MESSAGES = 20;

inNetns(import.meta, () => {
  const limit = MemoryLimit.of(LITTLE);

  // Few machines permit it, whatever else they do: no reason to fail where everything must run.
  test.skipIf(limit === undefined)(
    "in 128 MiB a daemon takes and gives long messages, and refuses too long ones",
    async () => {
      await using little = limit!;
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "a", { command: little.run(BINARY) });
      await node.serve();
      await using asking = new DaemonNode(home.path, "a");
      await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const [long, tooLong] = ["long", "too long"].map((name) => join(home.path, name)) as [string, string];
      writeFileSync(long, LONG);
      writeFileSync(tooLong, "x".repeat(12_000_000));
      for (let n = 0; n < MESSAGES; n++) await asking.ask(["publish", "-topic", "chat", "-file", long]);
      const readers = await Promise.all(
        Array.from({ length: 3 }, () => asking.run(["tail", "-n", "-1", "-count", `${MESSAGES}`])),
      );
      for (const { status, stdout } of readers) {
        expect(status).toBe(0);
        expect(stdout.trimEnd().split("\n")).toHaveLength(MESSAGES);
      }
      const refused = await asking.run(["publish", "-topic", "chat", "-file", tooLong]);
      expect([refused.status, refused.stderr]).toEqual([5, expect.stringContaining("at most")]);
      expect(await asking.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
      expect(await asking.ask(["info"])).toMatchObject({ pid: node.daemon.pid, groups: [{ messages: MESSAGES }] });
      await node.end();
    },
  );
});
