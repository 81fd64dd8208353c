import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { FeedServer } from "../support/release-feed.ts";
import { sliceOf } from "../support/slice.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { council, NEW, OLD, TwoVersions } from "../support/two-versions.ts";
import { fingerprint, install } from "../support/updated-binaries.ts";

inNetns(import.meta, () => {
  let two: TwoVersions;
  /** Two of the last four, each time. */
  const drawn = new Set(sliceOf([1, 2, 3, 4], 2));
  let at = 0;
  const sometimes = (name: string, run: () => Promise<void>) => {
    at += 1;
    if (drawn.has(at)) test(name, run);
  };
  beforeAll(async () => {
    two = await TwoVersions.build();
  });
  afterAll(() => two[Symbol.dispose]());

  test("a supervisor that starts a failed daemon again finds the old executable, and is not raced", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(await two.feedOf({ ...NEW, broken: "exit" }));
    const { executable, node } = two.installIn(home.path, feed.url);
    await using a = node;
    const loop = 'while ! "$0" serve; do sleep 0.2; done';
    const supervised = new DaemonNode(home.path, "data", { command: ["sh", "-c", loop, executable] });
    await using s = supervised;
    const supervisor = s.spawn([]);
    await supervisor.json({ event: "serving" });
    await a.ask(["group", "create", "-name", "council"]);
    const { status, stdout } = await a.run(["update", "-restart", "-json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error.message).toContain("v0.1.0 is installed and running again");
    const info = await a.ask(["info"]);
    expect(info).toMatchObject({ running: true, version: "v0.1.0" });
    const parent = readFileSync(`/proc/${info.pid}/stat`, "utf8").split(") ")[1]!.split(" ")[1];
    expect(Number(parent)).toBe(supervisor.pid);
    await a.run(["stop"]);
    expect((await supervisor.ended()).status).toBe(0);
  });

  const restarts = [
    ["is asked for later", "v0.2.0", "v0.1.0"],
    ["finds a daemon that is older still", "v0.3.0", "v0.2.0"],
  ] as const;

  test.each(sliceOf(restarts, 1))(
    "a restart that %s and fails goes back to what was there before",
    async (_what, version, before) => {
      using home = new TemporaryDirectory();
      await using feed = new FeedServer(await two.feedOf({ version, serial: 3000, broken: "exit" }));
      const { executable, node } = two.installIn(home.path, feed.url);
      await using a = node;
      await a.serve();
      if (before === OLD.version) await a.ask(["update", "-json"]);
      else renameSync(install(two.newBinary, join(home.path, "newer")), executable);
      const { status, stdout } = await a.run(["update", "-restart", "-json"]);
      try {
        expect({ status, message: JSON.parse(stdout).error?.message }).toEqual({
          status: 1,
          message: expect.stringContaining(`ended before it was ready; ${before} is installed and running again`),
        });
        expect(fingerprint(executable)).toBe(fingerprint(before === OLD.version ? two.oldBinary : two.newBinary));
        expect(await a.ask(["info"])).toMatchObject({
          version: before,
          last_update: { from: before, to: version, outcome: "rolled_back" },
        });
      } finally {
        await a.run(["stop"]);
      }
    },
  );

  const failures = [
    ["exit", /ended before it was ready/],
    ["hang", /did not answer within 1 s/],
    ["lose", /lost /],
  ] as const;

  test.each(sliceOf(failures, 1))(
    "a new daemon that fails (%s): the old one is back and running, and the reason is shown",
    async (broken, reason) => {
      using home = new TemporaryDirectory();
      await using feed = new FeedServer(await two.feedOf({ ...NEW, broken }));
      // One that hangs is given up as soon as its time is over; one that loses something has to answer first.
      const env = broken === "hang" ? { ENTMOOT_UPDATE_READY: "1s" } : {};
      const { executable, node } = two.installIn(home.path, feed.url, env);
      await using a = node;
      await a.serve();
      const before = await council(a);
      const { status, stdout } = await a.run(["update", "-restart", "-json"]);
      const { error } = JSON.parse(stdout);
      try {
        expect({ status, code: error?.code }).toEqual({ status: 1, code: "update_failed" });
        expect(error.message).toMatch(reason);
        expect(error.message).toContain("v0.1.0 is installed and running again");
        expect(fingerprint(executable)).toBe(fingerprint(two.oldBinary));
        const info = await a.ask(["info"]);
        expect(info).toMatchObject({ running: true, version: "v0.1.0", groups: [before] });
        expect(info.last_update).toMatchObject({ from: "v0.1.0", to: "v0.2.0", outcome: "rolled_back" });
        expect(info.last_update.reason).toMatch(reason);
        await a.ask(["publish", "-topic", "t", "-content", "still works"]);
      } finally {
        // One that was started anew is nobody's child.
        await a.run(["stop"]);
      }
    },
  );

  sometimes(
    "a release that was taken back is not tried again by the next update, and is when it is named",
    async () => {
      using home = new TemporaryDirectory();
      await using feed = new FeedServer(await two.feedOf({ ...NEW, broken: "exit" }));
      const { executable, node } = two.installIn(home.path, feed.url);
      await using a = node;
      await a.serve();
      try {
        expect((await a.run(["update", "-restart"])).status).toBe(1);
        const { pid, last_update } = await a.ask(["info"]);
        const again = await a.run(["update", "-restart"]);
        expect({ status: again.status, stdout: again.stdout }).toEqual({ status: 1, stdout: "" });
        expect(again.stderr).toMatch(
          /release v0\.2\.0: was taken back here at .*: the daemon of v0\.2\.0 ended before/,
        );
        expect(await a.ask(["info"])).toMatchObject({ pid, last_update });
        expect(fingerprint(executable)).toBe(fingerprint(two.oldBinary));

        const check = await a.run(["update", "-check", "-exit-code"]);
        expect(check.status).toBe(0);
        expect(check.stdout).toMatch(/^Entmoot v0\.2\.0 was taken back here at .*: the daemon of v0\.2\.0 ended/);
        expect(check.stdout).toMatch(/To try v0\.2\.0 again: '.*\/bin\/entmootd' update -restart -version v0\.2\.0\n/);
        const named = await a.run(["update", "-restart", "-version", "v0.2.0"]);
        expect(named.stderr).toContain("v0.1.0 is installed and running again");
        // Mended under the same name it is another release.
        feed.files = two.newFeed;
        expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({ daemon: { version: "v0.2.0" } });
      } finally {
        await a.run(["stop"]);
      }
    },
  );

  sometimes("a daemon whose start folder is gone is brought back from a place that exists, and updated", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(await two.feedOf({ ...NEW, broken: "exit" }));
    const { executable, node: asking } = two.installIn(home.path, feed.url);
    const folder = join(home.path, "worktree");
    mkdirSync(folder);
    const command = ["sh", "-c", 'cd "$FOLDER" && exec "$0" "$@"', executable];
    await using node = new DaemonNode(home.path, "data", { command, env: { FOLDER: folder } });
    await node.serve();
    const before = await council(asking);
    rmSync(folder, { recursive: true });
    try {
      const failed = await asking.run(["update", "-restart"]);
      expect(failed.stderr).toContain("ended before it was ready; v0.1.0 is installed and running again");
      feed.files = two.newFeed;
      expect(await asking.ask(["update", "-restart", "-json"])).toMatchObject({ daemon: { version: "v0.2.0" } });
      expect(await asking.group()).toEqual(before);
    } finally {
      await asking.run(["stop"]);
    }
  });

  sometimes("a release is not called bad where the one before does not come up either", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { node } = two.installIn(home.path, feed.url);
    await using a = node;
    await a.serve();
    const identity = join(a.data, "identity.json");
    renameSync(identity, `${identity}.aside`);
    writeFileSync(identity, "{}");
    const failed = await a.run(["update", "-restart"]);
    expect(failed.stderr).toContain("v0.1.0 is installed again, but did not come back");
    rmSync(identity);
    renameSync(`${identity}.aside`, identity);
    expect((await a.run(["update", "-check"])).stdout).toContain("Entmoot update available: v0.1.0 -> v0.2.0");
    await a.serve();
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({ daemon: { version: "v0.2.0" } });
    await a.run(["stop"]);
  });

  sometimes("however little time the new daemon is given, the old one is waited for", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(await two.feedOf({ ...NEW, broken: "slow" }));
    const { executable, node } = two.installIn(home.path, feed.url, { ENTMOOT_UPDATE_READY: "1ms" });
    await using a = node;
    await a.serve();
    try {
      const { stderr } = await a.run(["update", "-restart"]);
      expect(stderr).toContain("did not answer within 1 ms; v0.1.0 is installed and running again");
      expect(fingerprint(executable)).toBe(fingerprint(two.oldBinary));
      expect(await a.ask(["info"])).toMatchObject({
        running: true,
        version: "v0.1.0",
        last_update: { outcome: "rolled_back" },
      });
    } finally {
      await a.run(["stop"]);
    }
  });
});
