import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId } from "../../src/core/ids.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { archiveName, FeedServer, feedFiles } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { buildTestBinary, fingerprint, install } from "../support/updated-binaries.ts";

/** Replay with `SEED=<n>`; the number is in the title of the failure. */
const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const KILLS = 20;
const RESTART_KILLS = 8;
const OLD = { version: "v0.1.0", serial: 1000 };
const NEW = { version: "v0.2.0", serial: 2000 };

function tokenOf(n: number): Uint8Array {
  return encodeUtf8(`token-${String(n).padStart(16, "0")}`);
}

inNetns(import.meta, () => {
  const built = new TemporaryDirectory();
  let oldBinary: string;
  let newBinary: string;
  let newFeed: Map<string, Uint8Array>;
  beforeAll(async () => {
    oldBinary = await buildTestBinary(built.path, OLD);
    newBinary = await buildTestBinary(built.path, NEW);
    newFeed = feedFiles({ ...NEW, binary: readFileSync(newBinary) });
  }, 120_000);
  afterAll(() => built[Symbol.dispose]());

  /** An installed v0.1.0 with a node that runs from it. */
  function setUp(home: string, feedUrl: string, env: Record<string, string> = {}) {
    const executable = install(oldBinary, join(home, "bin"));
    const node = new DaemonNode(home, "data", {
      command: [executable],
      env: { ENTMOOT_UPDATE_URL: feedUrl, ENTMOOT_UPDATE_READY: "5s", ...env },
    });
    return { executable, node };
  }

  /** Makes a group with one message; what `info` says of it. */
  async function council(node: DaemonNode) {
    await node.ask(["group", "create", "-name", "council"]);
    await node.ask(["publish", "-topic", "t", "-content", "kept"]);
    return node.group();
  }

  test("an update restarts the daemon in place: same process, same messages, and tails go on", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    await a.ask(["publish", "-topic", "t", "-content", "before"]);
    const before = await a.group();
    const tail = a.spawn(["tail", "-n", "-1"]);
    expect(await tail.json()).toMatchObject({ content: "before" });

    expect(await a.run(["update", "-check", "-exit-code"])).toMatchObject({ status: 10 });
    expect(await a.ask(["update", "-check", "-json"])).toMatchObject({ update_available: true, updated: false });
    const { status, stdout, stderr } = await a.run(["update", "-restart", "-json"]);
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      current_version: "v0.1.0",
      latest_version: "v0.2.0",
      update_available: true,
      updated: true,
      asset: archiveName(newFeed),
      install_dir: join(executable, ".."),
      restart_required: false,
      daemon: { version: "v0.2.0", pid: a.daemon.pid },
    });
    const info = await a.ask(["info"]);
    expect(info).toMatchObject({ running: true, version: "v0.2.0", pid: a.daemon.pid, groups: [before] });
    expect(info.last_update).toMatchObject({ from: "v0.1.0", to: "v0.2.0", outcome: "updated", reason: "" });
    expect(await a.ask(["version"])).toMatchObject({ version: "v0.2.0" });
    await a.daemon.json({ event: "serving" });
    await tail.said("the daemon is back");
    await a.ask(["publish", "-topic", "t", "-content", "after"]);
    expect(await tail.json()).toMatchObject({ content: "after", group_id });

    expect(await a.ask(["update", "-json"])).toMatchObject({ update_available: false, updated: false });
    expect((await a.run(["update", "-check", "-exit-code"])).status).toBe(0);
    const back = await a.ask(["update", "-rollback", "-restart", "-json"]);
    expect(back).toMatchObject({ updated: true, daemon: { version: "v0.1.0", pid: a.daemon.pid } });
    expect(fingerprint(executable)).toBe(fingerprint(oldBinary));
    expect(await a.group()).toMatchObject({ messages: 2 });
    await a.end();
  }, 90_000);

  test("what is acknowledged while the daemon restarts is there afterwards, and nothing twice", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    let isOver = false;
    const acknowledged: string[] = [];
    const publishAll = async () => {
      for (let n = 0; !isOver; n++) {
        // Asked again with the same token when the answer was lost with the daemon that gave it.
        const request = { topics: ["t"], content: encodeUtf8(`${n}`), token: tokenOf(n) };
        const { message_id } = await eventually("published", async () => {
          await using client = await a.client();
          return client.call(publish, request);
        });
        acknowledged.push(MessageId.toBase64(message_id));
      }
    };
    const publishing = publishAll();
    await eventually("some before", () => (acknowledged.length > 20 ? true : undefined));
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({ updated: true });
    const before = acknowledged.length;
    await eventually("some after", () => (acknowledged.length > before + 20 ? true : undefined));
    isOver = true;
    await publishing;
    const lines = (await a.run(["query", "-limit", "0"])).stdout.trim().split("\n");
    const held = lines.map((line) => JSON.parse(line).message_id as string);
    expect(held.toSorted()).toEqual(acknowledged.toSorted());
    await a.end();
  }, 90_000);

  test("up restarts in place too, under its alias, with its arguments, folder and variables", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    const alias = join(home.path, "entmoot");
    symlinkSync(executable, alias);
    const daemon = new DaemonNode(home.path, "data", { command: [alias], env: { ODD: "a=b c" } });
    await using b = daemon;
    await b.up("-moot", "two words", "-hostname", "here");
    const commandLine = () => readFileSync(`/proc/${b.daemon.pid}/cmdline`, "utf8");
    const variables = () => readFileSync(`/proc/${b.daemon.pid}/environ`, "utf8").split("\0").sort();
    const before = { line: commandLine(), variables: variables(), folder: readlinkSync(`/proc/${b.daemon.pid}/cwd`) };
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({
      daemon: { version: "v0.2.0", pid: b.daemon.pid },
    });
    await b.daemon.json({ event: "ready" });
    const after = { line: commandLine(), variables: variables(), folder: readlinkSync(`/proc/${b.daemon.pid}/cwd`) };
    expect(after).toEqual(before);
    expect((await a.ask(["info"])).groups).toMatchObject([{ name: "two words" }]);
    // What the first program had open is closed: nothing of it holds the data root.
    const open = readdirSync(`/proc/${b.daemon.pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${b.daemon.pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
    expect(open.filter((path) => path.includes("(deleted)"))).toEqual([]);
    await b.end();
  }, 60_000);

  test("a supervisor that starts a failed daemon again finds the old executable, and is not raced", async () => {
    using home = new TemporaryDirectory();
    const bad = await buildTestBinary(built.path, { ...NEW, broken: "exit" });
    await using feed = new FeedServer(feedFiles({ ...NEW, binary: readFileSync(bad) }));
    const { executable, node } = setUp(home.path, feed.url);
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
  }, 60_000);

  test("without -restart a running daemon goes on, and the report says that it is to be restarted", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    expect(await a.ask(["update", "-json"])).toMatchObject({ updated: true, restart_required: true });
    expect(await a.ask(["info"])).toMatchObject({ version: "v0.1.0" });
    expect(await a.ask(["version"])).toMatchObject({ version: "v0.2.0" });
    // Asked for later, the restart is made up for.
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({
      updated: false,
      restart_required: false,
      daemon: { version: "v0.2.0", pid: a.daemon.pid },
    });
    expect(await a.ask(["info"])).toMatchObject({ version: "v0.2.0", pid: a.daemon.pid });
  }, 60_000);

  test.each([
    ["is asked for later", "v0.2.0", "v0.1.0"],
    ["finds a daemon that is older still", "v0.3.0", "v0.2.0"],
  ])(
    "a restart that %s and fails goes back to what was there before",
    async (_what, version, before) => {
      using home = new TemporaryDirectory();
      const bad = await buildTestBinary(built.path, { version, serial: 3000, broken: "exit" });
      await using feed = new FeedServer(feedFiles({ version, serial: 3000, binary: readFileSync(bad) }));
      const { executable, node } = setUp(home.path, feed.url);
      await using a = node;
      await a.serve();
      if (before === OLD.version) await a.ask(["update", "-json"]);
      else renameSync(install(newBinary, join(home.path, "newer")), executable);
      const { status, stdout } = await a.run(["update", "-restart", "-json"]);
      try {
        expect({ status, message: JSON.parse(stdout).error?.message }).toEqual({
          status: 1,
          message: expect.stringContaining(`ended before it was ready; ${before} is installed and running again`),
        });
        expect(fingerprint(executable)).toBe(fingerprint(before === OLD.version ? oldBinary : newBinary));
        expect(await a.ask(["info"])).toMatchObject({
          version: before,
          last_update: { from: before, to: version, outcome: "rolled_back" },
        });
      } finally {
        await a.run(["stop"]);
      }
    },
    60_000,
  );

  test("an interrupt ends an update with -restart while it downloads: nothing has begun yet", async () => {
    using home = new TemporaryDirectory();
    const silent = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    await using feed = new FeedServer(newFeed, (path) => (path.endsWith(".gz") ? new Response(silent) : undefined));
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    const update = a.spawn(["update", "-restart"]);
    await update.said("0 % of");
    update.kill("SIGINT");
    const { status, stderr } = await update.ended(5_000);
    expect(stderr).toContain("update: interrupted; nothing was changed; run it again to go on");
    expect(status).toBe(130);
    expect(fingerprint(executable)).toBe(fingerprint(oldBinary));
  }, 30_000);

  test("a daemon of another executable is not touched, and neither is the installed one", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    const other = install(oldBinary, join(home.path, "other"));
    await using b = new DaemonNode(home.path, "data", { command: [other], env: { ENTMOOT_UPDATE_URL: feed.url } });
    const { status, stdout } = await b.run(["update", "-restart", "-json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "update_failed",
      message: expect.stringContaining("cannot be restarted in place"),
    });
    expect(fingerprint(other)).toBe(fingerprint(oldBinary));
    expect(await a.ask(["info"])).toMatchObject({ pid: a.daemon.pid, version: "v0.1.0" });
  }, 60_000);

  test.each([
    ["exit", /ended before it was ready/],
    ["hang", /did not answer within 5 s/],
    ["lose", /lost /],
  ] as const)(
    "a new daemon that fails (%s): the old one is back and running, and the reason is shown",
    async (broken, reason) => {
      using home = new TemporaryDirectory();
      const bad = await buildTestBinary(built.path, { ...NEW, broken });
      await using feed = new FeedServer(feedFiles({ ...NEW, binary: readFileSync(bad) }));
      const { executable, node } = setUp(home.path, feed.url);
      await using a = node;
      await a.serve();
      const before = await council(a);
      const { status, stdout } = await a.run(["update", "-restart", "-json"]);
      const { error } = JSON.parse(stdout);
      try {
        expect({ status, code: error?.code }).toEqual({ status: 1, code: "update_failed" });
        expect(error.message).toMatch(reason);
        expect(error.message).toContain("v0.1.0 is installed and running again");
        expect(fingerprint(executable)).toBe(fingerprint(oldBinary));
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
    90_000,
  );

  test("a release that was taken back is not tried again by the next update, and is when it is named", async () => {
    using home = new TemporaryDirectory();
    const bad = await buildTestBinary(built.path, { ...NEW, broken: "exit" });
    await using feed = new FeedServer(feedFiles({ ...NEW, binary: readFileSync(bad) }));
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    try {
      expect((await a.run(["update", "-restart"])).status).toBe(1);
      const { pid, last_update } = await a.ask(["info"]);
      const again = await a.run(["update", "-restart"]);
      expect({ status: again.status, stdout: again.stdout }).toEqual({ status: 1, stdout: "" });
      expect(again.stderr).toMatch(/release v0\.2\.0: was taken back here at .*: the daemon of v0\.2\.0 ended before/);
      expect(await a.ask(["info"])).toMatchObject({ pid, last_update });
      expect(fingerprint(executable)).toBe(fingerprint(oldBinary));

      const check = await a.run(["update", "-check", "-exit-code"]);
      expect(check.status).toBe(0);
      expect(check.stdout).toMatch(/^Entmoot v0\.2\.0 was taken back here at .*: the daemon of v0\.2\.0 ended/);
      expect(check.stdout).toContain("To try v0.2.0 again: entmootd update -restart -version v0.2.0\n");
      const named = await a.run(["update", "-restart", "-version", "v0.2.0"]);
      expect(named.stderr).toContain("v0.1.0 is installed and running again");
      // Mended under the same name it is another release.
      feed.files = newFeed;
      expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({ daemon: { version: "v0.2.0" } });
    } finally {
      await a.run(["stop"]);
    }
  }, 90_000);

  test("however little time the new daemon is given, the old one is waited for", async () => {
    using home = new TemporaryDirectory();
    const slow = await buildTestBinary(built.path, { ...NEW, broken: "slow" });
    await using feed = new FeedServer(feedFiles({ ...NEW, binary: readFileSync(slow) }));
    const { executable, node } = setUp(home.path, feed.url, { ENTMOOT_UPDATE_READY: "1ms" });
    await using a = node;
    await a.serve();
    try {
      const { stderr } = await a.run(["update", "-restart"]);
      expect(stderr).toContain("did not answer within 0.001 s; v0.1.0 is installed and running again");
      expect(fingerprint(executable)).toBe(fingerprint(oldBinary));
      expect(await a.ask(["info"])).toMatchObject({
        running: true,
        version: "v0.1.0",
        last_update: { outcome: "rolled_back" },
      });
    } finally {
      await a.run(["stop"]);
    }
  }, 60_000);

  test(`killed at ${KILLS} random points of an update, what is installed runs (SEED=${SEED})`, async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    const random = new SeededRandom(SEED);
    const startedMs = performance.now();
    await a.ask(["update", "-json"]);
    const wholeMs = performance.now() - startedMs;
    const seen = new Set<string>();
    for (let kill = 0; kill < KILLS; kill++) {
      // From the old one each time, with what the last kill left lying about.
      const spare = join(home.path, "spare");
      mkdirSync(spare, { recursive: true });
      renameSync(install(oldBinary, join(spare, String(kill))), executable);
      const update = a.spawn(["update", "-json"]);
      await Promise.race([Bun.sleep(random.between(0, Math.ceil(wholeMs))), update.ended(60_000)]);
      update.kill("SIGKILL");
      await update.ended();
      const { version } = await a.ask(["version"]);
      expect([OLD.version, NEW.version]).toContain(version);
      expect(fingerprint(executable)).toBe(fingerprint(version === OLD.version ? oldBinary : newBinary));
      seen.add(version);
    }
    expect(seen).toContain(OLD.version);
    // The next one cleans up and gets through.
    renameSync(install(oldBinary, join(home.path, "last")), executable);
    expect(await a.ask(["update", "-json"])).toMatchObject({ updated: true });
    const left = readdirSync(join(executable, "..")).sort();
    expect(left).toEqual([".entmoot-serial", ".entmoot-version", ".entmootd.lock", "entmootd", "entmootd.previous"]);
  }, 180_000);

  test(`killed at random points of an update with a restart, the daemon answers with all it had (SEED=${SEED})`, async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const { executable, node } = setUp(home.path, feed.url);
    await using a = node;
    await a.serve();
    const before = await council(a);
    const random = new SeededRandom(SEED);
    for (let kill = 0; kill < RESTART_KILLS; kill++) {
      const update = a.spawn(["update", "-restart", "-json"]);
      // The last steps take about as long as the download, and are what matters here.
      await update.said("checking the new executable");
      await Promise.race([Bun.sleep(random.between(0, 800)), update.ended()]);
      update.kill("SIGKILL");
      await update.ended();
      const info = await eventually("answers", async () => {
        const found = await a.ask(["info"]);
        return found.running ? found : undefined;
      });
      expect([OLD.version, NEW.version]).toContain(info.version);
      expect(info).toMatchObject({ pid: a.daemon.pid, groups: [before] });
      renameSync(install(oldBinary, join(home.path, `again-${kill}`)), executable);
    }
    expect(await a.ask(["update", "-restart", "-json"])).toMatchObject({
      updated: true,
      daemon: { pid: a.daemon.pid },
    });
    await a.end();
  }, 120_000);

  test("a full disk and a read-only one are said so, and nothing changes", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(newFeed);
    const mount = join(home.path, "small");
    mkdirSync(mount);
    const sized = (options: string) => Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount]);
    if (!sized("size=150m").success) return; // Not permitted here.
    try {
      const copied = Bun.spawnSync(["cp", oldBinary, join(mount, "entmootd")]);
      expect(copied.success).toBe(true);
      const a = new DaemonNode(home.path, "data", {
        command: [join(mount, "entmootd")],
        env: { ENTMOOT_UPDATE_URL: feed.url },
      });
      await using _a = a;
      const full = await a.run(["update"]);
      expect(full).toMatchObject({ status: 1, stdout: "" });
      expect(full.stderr).toContain("no room left on the disk");
      expect(Bun.spawnSync(["mount", "-o", "remount,ro", mount]).success).toBe(true);
      const fixed = await a.run(["update", "-json"]);
      expect(fixed.status).toBe(1);
      expect(JSON.parse(fixed.stdout).error.message).toMatch(/read-only/);
      expect(fingerprint(join(mount, "entmootd"))).toBe(fingerprint(oldBinary));
    } finally {
      await eventually("unmounted", () => (Bun.spawnSync(["umount", mount]).success ? true : undefined), 5_000);
    }
  }, 60_000);

  test("what is asked wrongly ends with status 5, and a refused feed with status 1", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(new Map());
    const { node } = setUp(home.path, feed.url);
    await using a = node;
    const wrong = [["-version", "newest"], ["-rollback", "-check"], ["-install-dir", ""], ["extra"], ["-nope"]];
    for (const args of wrong) expect(await a.run(["update", ...args])).toMatchObject({ status: 5, stdout: "" });
    for (const [feedUrl, ...args] of [["/srv/feed"], ["", "-repo", "x"]]) {
      const env = { ENTMOOT_UPDATE_URL: feedUrl };
      expect(await a.run(["update", "-check", ...args], { env })).toMatchObject({ status: 5, stdout: "" });
    }
    expect(await a.run(["update"])).toMatchObject({ status: 1, stdout: "" });
    expect(JSON.parse((await a.run(["update", "-json"])).stdout)).toMatchObject({ error: { code: "update_failed" } });
  }, 60_000);
});
