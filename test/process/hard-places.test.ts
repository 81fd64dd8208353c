import { expect } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { fill, mountsMissing, mountTmpfs } from "../support/small-disk.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/**
 * Everything read-only but the data root, and a TMPDIR from which nothing can be executed: a hardened container.
 * `$1` is the data root, `$2` the TMPDIR.
 */
const READ_ONLY = String.raw`
set -e
mount --bind "$1" "$1"
mount -t tmpfs -o noexec tmpfs "$2"
mount -t tmpfs -o ro tmpfs /dev/shm 2>/dev/null || true
for at in /tmp /var /home /root /; do
  mount -o remount,bind,ro "$at" 2>/dev/null || true
done
# What the test is about, or it proves nothing.
if touch "$2/../probe" 2>/dev/null || touch /probe 2>/dev/null; then echo "still writable" >&2; exit 98; fi
printf '#!/bin/sh\n' >"$2/probe"
chmod 755 "$2/probe"
if "$2/probe" 2>/dev/null; then echo "TMPDIR is not noexec" >&2; exit 98; fi
export TMPDIR="$2"
shift 2
exec "$@"
`;

/** The size of a data root that fills up: the unpacked library takes 20 MB of it. */
const SMALL_DISK = "size=48m";

inNetns(import.meta, () => {
  const missing = mountsMissing();

  testWhere(
    missing,
    "a daemon runs where only its data root can be written and nothing in TMPDIR can be executed",
    async () => {
      using home = new TemporaryDirectory();
      const [data, temporary] = [join(home.path, "a"), join(home.path, "tmp")];
      for (const directory of [data, temporary]) mkdirSync(directory);
      const command = ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", data, temporary, BINARY];
      await using a = new DaemonNode(home.path, "a", { command });
      await using b = new DaemonNode(home.path, "b");
      await a.serve();
      const { group_id } = await a.ask(["group", "create", "-name", "council"]);
      const { link } = await a.ask(["invite", "link", "-group", group_id]);
      expect(await b.ask(["join", link])).toMatchObject({ status: "joined" });
      await a.ask(["publish", "-topic", "chat", "-content", "from a hard place"]);
      await a.end();
      expect(await a.ask(["info"])).toMatchObject({ running: false, groups: [{ messages: 1 }] });
      const refused = await a.run(["serve", "-agent-socket", "/a.sock"]);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toContain(
        "control socket /a.sock: cannot listen: the file system is read-only; choose another place",
      );
    },
  );

  testWhere(
    missing,
    "a full disk refuses what it cannot keep, loses nothing it acknowledged, and works again once there is room",
    async () => {
      using home = new TemporaryDirectory();
      const data = join(home.path, "a");
      mkdirSync(data);
      using disk = mountTmpfs(data, SMALL_DISK);
      await using a = new DaemonNode(home.path, "a");
      await a.serve();
      await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const acknowledged: string[] = [];
      const content = join(home.path, "content");
      writeFileSync(content, "x".repeat(60_000));
      const publish = () => a.run(["publish", "-topic", "chat", "-file", content]);
      const filler = join(data, "filler");
      fill(filler);

      let refused = await publish();
      for (let n = 0; refused.status === 0 && n < 200; n++) {
        acknowledged.push(JSON.parse(refused.stdout).message_id);
        refused = await publish();
      }
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toMatch(/disk|space/);
      expect(a.daemon.running).toBe(true);
      expect((await a.group()).messages).toBe(acknowledged.length);
      // A moot that finds no room leaves nothing that would be listed as one that cannot be opened.
      const moot = await a.run(["group", "create", "-name", "no room", "-policy", "none"]);
      expect(moot).toMatchObject({ status: 1, stdout: "" });
      expect(readdirSync(join(data, "groups"))).toHaveLength(1);
      // Also when the process ends the hard way while the disk is full.
      await a.kill();

      rmSync(filler);
      await a.serve();
      for (let n = 0; n < 3; n++) {
        const published = await publish();
        expect(published.stderr).toBe("");
        acknowledged.push(JSON.parse(published.stdout).message_id);
      }
      const { stdout } = await a.run(["query", "-limit", "0"]);
      const held = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).message_id]));
      expect(held.toSorted()).toEqual(acknowledged.toSorted());
      await a.end();
      expect(disk.path).toBe(data);
    },
  );

  testWhere(
    missing,
    "on a full disk what is kept is read, and a daemon starts, says so and stores again once there is room",
    async () => {
      using home = new TemporaryDirectory();
      const data = join(home.path, "a");
      mkdirSync(data);
      using _disk = mountTmpfs(data, SMALL_DISK);
      await using a = new DaemonNode(home.path, "a");
      await a.serve();
      await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const publish = (content: string) => a.run(["publish", "-topic", "chat", "-content", content]);
      const filler = join(data, "filler");
      const rounds = [
        { before: "killed", stop: () => a.kill(), after: "once" },
        { before: "ended", stop: () => a.end(), after: "again" },
      ];
      for (const { after, before, stop } of rounds) {
        expect(await publish(before)).toMatchObject({ status: 0 });
        await stop();
        fill(filler, 0);
        for (const args of [["query", "-limit", "1"], ["tail", "-n", "1"], ["info"]]) {
          const { status, stderr, stdout } = await a.run(args);
          expect(stdout).toContain(args[0] === "info" ? '"messages":' : `"content":"${before}"`);
          // What follows the last message takes a daemon.
          expect(status).toBe(args[0] === "tail" ? 6 : 0);
          expect(stderr).not.toContain("node.lock");
          expect(stderr).not.toContain("nothing was stored");
        }
        const down = await a.run(["env", "-json", "-exit-code"]);
        expect(down.status).toBe(6);
        expect(JSON.parse(down.stdout).runtime_status_reason).toContain("no room is left on its disk");
        await a.serve();
        const env = await a.run(["env", "-json", "-exit-code"]);
        expect(env.status).toBe(1);
        expect(JSON.parse(env.stdout).runtime_status_reason).toContain("no room is left on its disk");
        const refused = await publish("while");
        expect(refused).toMatchObject({ status: 1, stdout: "" });
        expect(refused.stderr).toContain("nothing was stored");
        expect(JSON.parse((await a.run(["query", "-limit", "1"])).stdout).content).toBe(before);
        rmSync(filler);
        expect(await publish(after)).toMatchObject({ status: 0, stderr: "" });
        await a.daemon.said("data root: well again");
      }
      await a.end();
      const { stdout } = await a.run(["query", "-limit", "0"]);
      const contents = stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line).content]));
      expect(contents.toReversed()).toEqual(["killed", "once", "ended", "again"]);
    },
  );

  testWhere(missing, "a data root too small for the carrier is refused with how much it takes", async () => {
    using home = new TemporaryDirectory();
    const data = join(home.path, "a");
    mkdirSync(data);
    using _disk = mountTmpfs(data, "size=8m");
    await using a = new DaemonNode(home.path, "a");
    const { status, stderr } = await a.run(["serve"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/cannot unpack its library of [\d.]+ MiB .*: no room left to write; free [\d.]+ MiB/);
    expect(stderr).not.toContain("writable");
  });

  testWhere(
    missing,
    "a daemon whose disk fills while it runs goes on without a restart once there is room",
    async () => {
      using home = new TemporaryDirectory();
      const data = join(home.path, "a");
      mkdirSync(data);
      using _disk = mountTmpfs(data, SMALL_DISK);
      await using a = new DaemonNode(home.path, "a");
      await a.serve();
      await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const publish = (content: string) => a.run(["publish", "-topic", "chat", "-content", content]);
      await publish("before");
      const filler = join(data, "filler");
      fill(filler);
      // Though nobody writes anything.
      const told = `data root: ${data}: no room is left on its disk`;
      await a.daemon.said(told);
      const env = await a.run(["env", "-json", "-exit-code"]);
      expect(env.status).toBe(1);
      expect(JSON.parse(env.stdout)).toMatchObject({
        runtime_status: "half_alive",
        runtime_status_reason: expect.stringMatching(/no room is left on its disk.*free space on this disk/),
        publish_path_healthy: false,
      });
      expect(await a.ask(["info"])).toMatchObject({ faults: [expect.stringContaining("no room is left")] });
      await using agent = new DaemonNode(home.path, "a", { env: { ENTMOOT_AGENT_SOCKET: join(data, "agent.sock") } });
      const seen = await agent.run(["env", "-json"], { env: { ENTMOOT_DATA: undefined } });
      expect(JSON.parse(seen.stdout)).toMatchObject({
        runtime_status_reason: expect.stringContaining("nothing can be stored"),
        publish_path_healthy: false,
      });
      let refused = await publish("while");
      for (let n = 0; refused.status === 0 && n < 500; n++) refused = await publish("while".repeat(10_000));
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      rmSync(filler);
      expect(await publish("after")).toMatchObject({ status: 0, stderr: "" });
      await a.daemon.said("data root: well again");
      expect(await a.ask(["env", "-json", "-exit-code"])).toMatchObject({ runtime_status: "healthy" });
      await a.end();
      expect(a.daemon.stderr.split(told)).toHaveLength(2);
      const { stdout } = await a.run(["query", "-limit", "1"]);
      expect(JSON.parse(stdout).content).toBe("after");
    },
  );
});
