import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { archiveName, FeedServer } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { TwoVersions } from "../support/two-versions.ts";
import { fingerprint, install } from "../support/updated-binaries.ts";

function tokenOf(n: number): Uint8Array {
  return encodeUtf8(`token-${String(n).padStart(16, "0")}`);
}

inNetns(import.meta, () => {
  let two: TwoVersions;
  beforeAll(async () => {
    two = await TwoVersions.build();
  });
  afterAll(() => two[Symbol.dispose]());

  test("an update restarts the daemon in place: same process, same messages, and tails go on", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { executable, node } = two.installIn(home.path, feed.url);
    await using a = node;
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    await a.ask(["publish", "-topic", "t", "-content", "before"]);
    const pages = join(executable, "..", "man", "man1");
    mkdirSync(pages, { recursive: true });
    const page = join(pages, "entmootd.1");
    writeFileSync(page, "of before");
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
      asset: archiveName(two.newFeed),
      install_dir: join(executable, ".."),
      restart_required: false,
      daemon: { version: "v0.2.0", pid: a.daemon.pid },
    });
    expect(readFileSync(page, "utf8")).toContain("v0.2.0");
    expect(readdirSync(pages)).toContain("entmootd-publish.1");
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
    expect(fingerprint(executable)).toBe(fingerprint(two.oldBinary));
    expect(readFileSync(page, "utf8")).toContain("v0.1.0");
    expect(await a.group()).toMatchObject({ messages: 2 });
    await a.end();
  });

  test("an update restarts the daemon while another program holds one of its moots, which goes on once it is let go", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { node } = two.installIn(home.path, feed.url);
    await using a = node;
    await a.serve();
    const say = (group: string) => a.run(["publish", "-group", group, "-topic", "t", "-content", "x"]);
    const ids: string[] = [];
    for (const name of ["held", "free"]) {
      const { group_id } = await a.ask(["group", "create", "-name", name, "-policy", "none"]);
      expect((await say(group_id)).status).toBe(0);
      ids.push(group_id);
    }
    const [held, free] = ids as [string, string];
    const folder = groupDirectoryName(GroupId.fromBytes(Uint8Array.fromBase64(held)));
    {
      using db = new Database(join(a.data, "groups", folder, "moot.sqlite"));
      db.run("BEGIN IMMEDIATE");
      const { status, stdout, stderr } = await a.run(["update", "-restart", "-json"]);
      expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ updated: true, daemon: { version: "v0.2.0", pid: a.daemon.pid } });
      expect((await say(free)).status).toBe(0);
    }
    await eventually("the moot again", async () => (await say(held)).status === 0 || undefined);
    const { groups, version } = await a.ask(["info"]);
    expect(version).toBe("v0.2.0");
    expect(groups).toHaveLength(2);
    for (const { messages } of groups) expect(messages).toBe(2);
    await a.end();
  });

  test("what is acknowledged while the daemon restarts is there afterwards, and nothing twice", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { node } = two.installIn(home.path, feed.url);
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
          return await client.call(publish, request);
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
  });

  test("up restarts in place too, under its alias, with its arguments, folder and variables", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { executable, node } = two.installIn(home.path, feed.url);
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
  });

  test("without -restart a running daemon goes on, and the report says that it is to be restarted", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { node } = two.installIn(home.path, feed.url);
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
  });

  test("an interrupt ends an update with -restart while it downloads: nothing has begun yet", async () => {
    using home = new TemporaryDirectory();
    const silent = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(new Uint8Array(1)) });
    await using feed = new FeedServer(two.newFeed, (path) => (path.endsWith(".gz") ? new Response(silent) : undefined));
    const { executable, node } = two.installIn(home.path, feed.url);
    await using a = node;
    const update = a.spawn(["update", "-restart"]);
    await update.said("0 % of");
    update.kill("SIGINT");
    const { status, stderr } = await update.ended(5_000);
    expect(stderr).toContain("update: interrupted; nothing was changed; run it again to go on");
    expect(status).toBe(130);
    expect(fingerprint(executable)).toBe(fingerprint(two.oldBinary));
  });

  test("a daemon of another executable is not touched, and neither is the installed one", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const { node } = two.installIn(home.path, feed.url);
    await using a = node;
    await a.serve();
    const other = install(two.oldBinary, join(home.path, "other"));
    await using b = new DaemonNode(home.path, "data", { command: [other], env: { ENTMOOT_UPDATE_URL: feed.url } });
    const { status, stdout } = await b.run(["update", "-restart", "-json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error).toMatchObject({
      code: "update_failed",
      message: expect.stringContaining("cannot be restarted in place"),
    });
    expect(fingerprint(other)).toBe(fingerprint(two.oldBinary));
    expect(await a.ask(["info"])).toMatchObject({ pid: a.daemon.pid, version: "v0.1.0" });
  });

  test("a full disk and a read-only one are said so, and nothing changes", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(two.newFeed);
    const mount = join(home.path, "small");
    mkdirSync(mount);
    const sized = (options: string) => Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", mount]);
    if (!sized("size=150m").success) return; // Not permitted here.
    try {
      const copied = Bun.spawnSync(["cp", two.oldBinary, join(mount, "entmootd")]);
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
      expect(fingerprint(join(mount, "entmootd"))).toBe(fingerprint(two.oldBinary));
    } finally {
      await eventually("unmounted", () => (Bun.spawnSync(["umount", mount]).success ? true : undefined));
    }
  });

  test("what is asked wrongly ends with status 5, and a refused feed with status 1", async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(new Map());
    const { node } = two.installIn(home.path, feed.url);
    await using a = node;
    const wrong = [["-version", "newest"], ["-rollback", "-check"], ["-install-dir", ""], ["extra"], ["-nope"]];
    for (const args of wrong) expect(await a.run(["update", ...args])).toMatchObject({ status: 5, stdout: "" });
    for (const [feedUrl, ...args] of [["/srv/feed"], ["", "-repo", "x"]]) {
      const env = { ENTMOOT_UPDATE_URL: feedUrl };
      expect(await a.run(["update", "-check", ...args], { env })).toMatchObject({ status: 5, stdout: "" });
    }
    expect(await a.run(["update"])).toMatchObject({ status: 1, stdout: "" });
    expect(JSON.parse((await a.run(["update", "-json"])).stdout)).toMatchObject({ error: { code: "update_failed" } });
  });
});
