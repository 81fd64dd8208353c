import { expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Well formed, and nobody's. */
const UNKNOWN_GROUP = Buffer.alloc(32, 7).toString("base64");

inNetns(import.meta, () => {
  test("serve on nothing makes an identity for its owner alone, answers, and ends by stop", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    expect(await a.serve()).toMatchObject({ event: "serving", group_id: null, group_ids: [], transport: "iroh" });
    expect(statSync(join(a.data, "identity.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(a.data, "control.sock")).mode & 0o777).toBe(0o600);
    const { pid, running } = await a.ask(["info"]);
    expect({ pid, running }).toEqual({ pid: a.daemon.pid, running: true });
    expect(await a.ask(["stop"])).toEqual({ event: "stopped", pid });
    expect((await a.daemon.ended()).status).toBe(0);
    expect(existsSync(join(a.data, "control.sock"))).toBe(false);
    expect(await a.ask(["info"])).toMatchObject({ running: false });
    expect(await a.run(["stop"])).toMatchObject({ status: 6, stdout: "" });
  });

  test("a second daemon on the same data root ends with status 6 and names the process of the first", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    const { group_id } = await a.ask(["group", "create", "-name", "council"]);
    for (const command of [["serve"], ["up"]]) {
      const { status, stdout, stderr } = await a.run(command);
      expect({ status, stdout }).toEqual({ status: 6, stdout: "" });
      expect(stderr).toContain(`process ${a.daemon.pid}`);
      expect(stderr).toContain("entmootd stop");
    }
    await a.kill();
    // The kernel has let go of what a killed daemon held.
    expect(await a.serve()).toMatchObject({ event: "serving", group_id });
  });

  test("serve of a group that was not joined ends with status 3, and with one that was serves only it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const [first] = [
      await a.ask(["group", "create", "-name", "one"]),
      await a.ask(["group", "create", "-name", "two"]),
    ];
    const unknown = await a.run(["serve", "-group", UNKNOWN_GROUP]);
    expect(unknown).toMatchObject({ status: 3, stdout: "" });
    expect(unknown.stderr).toContain(UNKNOWN_GROUP);
    expect(await a.serve("-group", first.group_id)).toMatchObject({ group_ids: [first.group_id] });
    expect(await a.run(["publish", "-group", UNKNOWN_GROUP, "-topic", "t", "-content", "x"])).toMatchObject({
      status: 3,
      stdout: "",
    });
  });

  test("without a daemon what needs one ends with status 6 and says what to do", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council"]);
    for (const args of [["publish", "-topic", "t", "-content", "x"], ["tail"], ["stop"]]) {
      const { status, stdout, stderr } = await a.run(args);
      expect({ status, stdout }).toEqual({ status: 6, stdout: "" });
      expect(stderr).toContain("entmootd serve");
    }
  });

  test("a publish with the same token again is the same message", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council"]);
    const publish = ["publish", "-topic", "t", "-content", "once", "-token", "0123456789abcdef"];
    const first = await a.ask(publish);
    expect(await a.ask(publish)).toEqual({ ...first, duplicate: true });
    // The answer may have been lost with the daemon that gave it.
    await a.kill();
    await a.serve();
    expect(await a.ask(publish)).toEqual({ ...first, duplicate: true });
    expect((await a.group()).messages).toBe(1);
  });

  test("a malformed feature switch stops every command with status 5 before it does anything", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a", { env: { ENTMOOT_ENABLE_FLEET: "sure" } });
    for (const command of [["serve"], ["up"], ["info"], ["version"]]) {
      const { status, stdout, stderr } = await a.run(command);
      expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
      expect(stderr).toContain("ENTMOOT_ENABLE_FLEET");
    }
    expect(readdirSync(home.path)).toEqual([]);
  });

  test("fleets are off until a variable turns them on, and the refusal names it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const { status, stdout, stderr } = await a.run(["fleet", "list"]);
    expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
    expect(stderr).toContain("ENTMOOT_ENABLE_FLEET=1");
    expect(readdirSync(home.path)).toEqual([]);
  });

  test("every command has help with an example that starts with the program's name", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    const help = async (words: readonly string[]) => {
      const { status, stdout, stderr } = await a.run([...words, "--help"]);
      expect({ words, status, stderr }).toEqual({ words, status: 0, stderr: "" });
      expect(stdout).toMatch(/examples?:\n( {2}entmootd .+\n)+/);
      return stdout;
    };
    const { stdout: program } = await a.run(["--help"]);
    const commands = [...program.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)].map(([, name]) => name!);
    expect(commands).toContain("up");
    expect(commands.length).toBeGreaterThanOrEqual(17);
    for (const command of commands) {
      const text = await help([command]);
      const parts = text.split(/^commands:$/m)[1]?.split(/^\S/m)[0] ?? "";
      for (const [, part] of parts.matchAll(/^ {2}([a-z][a-z-]*) {2,}\S/gm)) await help([command, part!]);
    }
    expect(readdirSync(home.path)).toEqual([]);
  });
});
