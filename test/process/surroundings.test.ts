import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { restart, status } from "../../src/node/operations/daemon.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { OTHER_USER, otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a terminal stops and goes on at. */
const [CTRL_S, CTRL_Q] = ["\x13", "\x11"];

/** Runs the program with its stderr in the pipe named by `$PIPE`. */
const INTO_PIPE = ["sh", "-c", 'exec "$0" "$@" 2>"$PIPE"', BINARY];

inNetns(import.meta, () => {
  test("a daemon works on while nobody reads its stderr, and when the reader has gone, also without its sockets", async () => {
    using home = new TemporaryDirectory();
    using pipe = new FullPipe(join(home.path, "stderr"));
    await using node = new DaemonNode(home.path, "a", { command: INTO_PIPE, env: { PIPE: pipe.path } });
    // What it says of its new identity has no room already.
    await node.serve("-log-level", "debug");
    await using asking = new DaemonNode(home.path, "a");
    await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await asking.ask(["publish", "-topic", "chat", "-content", "nobody reads the log"]);
    pipe[Symbol.dispose]();
    const { pid } = await asking.ask(["info"]);
    for (const name of ["control.sock", "agent.sock"]) {
      rmSync(join(node.data, name));
      // Binding it again is a line on stderr.
      await eventually(`${name} again`, () => existsSync(join(node.data, name)) || undefined);
    }
    await asking.ask(["publish", "-topic", "chat", "-content", "nobody could read the log"]);
    expect(await asking.ask(["info"])).toMatchObject({ running: true, pid, groups: [{ messages: 2 }] });
    await asking.ask(["stop"]);
    expect((await node.daemon.ended()).status).toBe(0);
  });

  test("a daemon works on when what it read from and printed to is gone", async () => {
    using home = new TemporaryDirectory();
    const command = ["sh", "-c", `{ exec '${BINARY}' "$@" <&-; } | head -n 1`, "sh"];
    await using node = new DaemonNode(home.path, "a", { command });
    await node.serve();
    await using asking = new DaemonNode(home.path, "a");
    await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await asking.ask(["publish", "-topic", "chat", "-content", "nobody reads what it prints"]);
    expect(await asking.ask(["info"])).toMatchObject({ running: true, groups: [{ messages: 1 }] });
    await asking.ask(["stop"]);
    expect((await node.daemon.ended()).status).toBe(0);
  });

  test("an up whose reader stands still serves all others", async () => {
    using home = new TemporaryDirectory();
    using pipe = new FullPipe(join(home.path, "stdout"));
    const command = ["sh", "-c", 'exec "$0" "$@" >"$PIPE"', BINARY];
    await using node = new DaemonNode(home.path, "a", { command, env: { PIPE: pipe.path } });
    const up = node.spawn(["up"]);
    await using asking = new DaemonNode(home.path, "a");
    await eventually("it runs", async () => (await asking.ask(["info"])).running || undefined);
    await eventually("its moot", async () => (await asking.ask(["info"])).groups[0]);
    for (let n = 0; n < 3; n++) await asking.ask(["publish", "-topic", "chat", "-content", "x".repeat(8_000)]);
    expect(await asking.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
    expect(await asking.group()).toMatchObject({ messages: 3 });
    await asking.ask(["stop"]);
    expect((await up.ended()).status).toBe(0);
  });

  test("sockets that were removed are bound again with a line each, and who was connected stays so", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a");
    await node.serve();
    await using client = await node.client();
    const before = await client.call(status, {});
    for (const name of ["control.sock", "agent.sock"]) {
      const path = join(node.data, name);
      rmSync(path);
      await node.daemon.said(`control socket ${path}: was removed; it is bound again`);
      expect(existsSync(path)).toBe(true);
    }
    expect(await node.ask(["info"])).toMatchObject({ running: true, pid: before.pid });
    expect((await client.call(status, {})).pid).toBe(before.pid);
    await node.end();
    expect(node.daemon.stderr.match(/was removed/g)).toHaveLength(2);
    expect(existsSync(join(node.data, "control.sock"))).toBe(false);
  });

  test("a daemon whose folder and temporary folder are gone restarts in place, on the data root it had", async () => {
    using home = new TemporaryDirectory();
    const folder = join(home.path, "worktree");
    mkdirSync(folder);
    const command = ["sh", "-c", 'cd "$FOLDER" && exec "$0" "$@"', BINARY];
    const env = { FOLDER: folder, TMPDIR: folder, ENTMOOT_DATA: "../a" };
    await using node = new DaemonNode(home.path, "a", { command, env });
    await node.serve();
    await using asking = new DaemonNode(home.path, "a");
    const { group_id } = await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
    rmSync(folder, { recursive: true });
    const before = await asking.ask(["info"]);
    for (const _ of ["once", "and again"]) {
      await using client = await node.client();
      const { started_at_ms } = await client.call(status, {});
      await client.callLast(restart, { path: BINARY }, 60_000);
      await eventually("the daemon again", async () => {
        await using fresh = await node.client();
        return (await fresh.call(status, {})).started_at_ms !== started_at_ms || undefined;
      });
      await asking.ask(["publish", "-topic", "chat", "-content", "here"]);
    }
    const after = await asking.ask(["info"]);
    expect(after).toMatchObject({ running: true, pid: before.pid, groups: [{ group_id, messages: 2 }] });
    await asking.ask(["stop"]);
    expect((await node.daemon.ended()).status).toBe(0);
  });

  testWhere(
    otherUserMissing(),
    "a daemon that may not enter the folder it was started from restarts in place, on the data root it had",
    async () => {
      using home = new TemporaryDirectory();
      chmodSync(home.path, 0o755);
      const [theirs, closed] = [join(home.path, "user"), join(home.path, "closed")];
      for (const folder of [theirs, closed]) mkdirSync(folder, { mode: 0o700 });
      chownSync(theirs, OTHER_USER, OTHER_USER);
      const command = ["sh", "-c", 'cd "$FOLDER" && exec "$@"', "sh", ...otherUser(), BINARY];
      await using node = new DaemonNode(theirs, "a", { command, env: { FOLDER: closed } });
      await node.serve();
      await using client = await node.client();
      const { pid, started_at_ms } = await client.call(status, {});
      await client.callLast(restart, { path: BINARY }, 60_000);
      await eventually("the daemon again", async () => {
        await using fresh = await node.client();
        const now = await fresh.call(status, {});
        return (now.started_at_ms !== started_at_ms && now.pid === pid) || undefined;
      });
      await node.ask(["stop"]);
      expect((await node.daemon.ended()).status).toBe(0);
    },
  );

  testWhere(
    missingTool("prlimit"),
    "a daemon whose limits are lowered while it runs says so, keeps what it has, and goes on once they are raised",
    async () => {
      using home = new TemporaryDirectory();
      await using node = new DaemonNode(home.path, "a");
      await node.serve();
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const limit = (what: string) => {
        const { success, stderr } = Bun.spawnSync(["prlimit", "--pid", `${node.daemon.pid}`, `--${what}`]);
        if (!success) throw new Error(`prlimit: ${stderr}`);
      };
      const say = (content: string) => node.run(["publish", "-topic", "chat", "-content", content, "-timeout", "5s"]);
      expect((await say("before")).status).toBe(0);

      // Below the length that the log of its database has already.
      limit("fsize=4096:");
      const refused = await say("while");
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toMatch(/moot\.sqlite: the system refuses .*limits of this process/);
      await node.daemon.said("the system refuses to read or write it");
      const env = await node.run(["env", "-json", "-exit-code"]);
      expect([env.status, JSON.parse(env.stdout).runtime_status_reason]).toEqual([
        1,
        expect.stringContaining("moot.sqlite: the system refuses"),
      ]);
      limit("fsize=unlimited:");
      await node.daemon.said("data root: well again");
      expect((await say("after")).status).toBe(0);

      // Fewer than it has open: nobody new can be heard.
      limit("nofile=12:");
      expect((await node.run(["env", "-exit-code"])).status).not.toBe(0);
      await node.daemon.said("as many files open as it may");
      limit("nofile=1024:");
      await eventually("it answers", async () => (await node.run(["env", "-exit-code"])).status === 0 || undefined);
      expect((await say("at last")).status).toBe(0);
      expect(await node.group()).toMatchObject({ messages: 3 });
      await node.end();
    },
  );

  testWhere(
    otherUserMissing(),
    "a data root that is given to another user under its daemon is told of, and so is when it is given back",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const command = [...otherUser(), BINARY];
      await using node = new DaemonNode(theirs, "a", { command });
      await node.serve();
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      await using client = await node.client();
      chownSync(node.data, 0, 0);
      await node.daemon.said(`data root: ${node.data}: no permission (EACCES): it belongs to user 0`);
      expect((await client.call(status, {})).faults).toEqual([expect.stringContaining("check its owner and mode")]);
      chownSync(node.data, OTHER_USER, OTHER_USER);
      await node.daemon.said("data root: well again");
      await node.ask(["publish", "-topic", "chat", "-content", "after"]);
      await node.end();
    },
  );

  testWhere(
    otherUserMissing(),
    "a folder of root's in the way of a data root is named, with whose it is, by whoever comes to it first",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const [closed, unwritable] = [join(theirs, "closed"), join(theirs, "unwritable")];
      mkdirSync(closed, { mode: 0o700 });
      mkdirSync(unwritable, { mode: 0o755 });
      const command = [...otherUser(), BINARY];
      for (const [folder, name] of [
        [closed, "."],
        [closed, "a"],
        [unwritable, "."],
        [unwritable, "a/b"],
      ] as const) {
        await using node = new DaemonNode(theirs, "x", { command, env: { ENTMOOT_DATA: join(folder, name) } });
        const refused = [["serve"], ["up"], ["group", "create", "-name", "council"]];
        if (folder === closed) refused.push(["info"], ["query"]);
        for (const args of refused) {
          const { stderr, stdout } = await node.run(args);
          expect({ args, stdout, stderr }).toEqual({
            args,
            stdout: "",
            stderr: expect.stringContaining(
              ` ${folder}: no permission (EACCES): it belongs to user 0, and this process runs as user ${OTHER_USER}`,
            ),
          });
        }
      }
    },
  );

  testWhere(
    otherUserMissing(),
    "without a home folder a command says what to set, and none is needed where the data root is named whole",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const command = [...otherUser(), BINARY];
      await using node = new DaemonNode(theirs, "a", { command, env: { HOME: undefined } });
      const { status: exit, stderr } = await node.run(["info"], { env: { ENTMOOT_DATA: undefined } });
      expect([exit, stderr]).toEqual([5, expect.stringContaining("HOME is not set")]);
      expect((await node.run(["version"], { env: { ENTMOOT_DATA: undefined } })).status).toBe(0);
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      await node.serve();
      expect(await node.ask(["info"])).toMatchObject({ running: true, groups: [{ members: 1 }] });
      await node.ask(["env", "-json"]);
      await node.end();
    },
  );

  testWhere(
    otherUserMissing(),
    "where agents' socket cannot be bound, the reason and the next step are said",
    async () => {
      using home = new TemporaryDirectory();
      const theirs = otherUserFolder(home.path);
      const roots = join(home.path, "roots");
      mkdirSync(roots);
      await using node = new DaemonNode(theirs, "a", { command: [...otherUser(), BINARY] });
      const said = async (path: string) => {
        const { status, stderr, stdout } = await node.run(["serve", "-agent-socket", path]);
        expect({ path, stdout }).toEqual({ path, stdout: "" });
        return { status, stderr };
      };
      expect(await said(join(roots, "a.sock"))).toEqual({
        status: 1,
        stderr: expect.stringContaining(
          `cannot listen: ${roots}: no permission (EACCES): it belongs to user 0, and this process runs as user ${OTHER_USER}; choose another place`,
        ),
      });
      expect((await said(join(theirs, "n".repeat(120)))).stderr).toContain(
        "a socket's path may have at most 107 bytes",
      );
      expect((await said(join(theirs, "none", "a.sock"))).stderr).toContain(`there is no folder ${theirs}/none`);
      expect(await said(join(node.data, "../a/control.sock"))).toEqual({
        status: 5,
        stderr: expect.stringContaining("is this daemon's own control socket"),
      });
    },
  );

  test("a daemon makes its data root where the paths of its sockets are longer than a socket's address", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "a".repeat(120));
    expect(await node.ask(["info"])).toMatchObject({ running: false });
    await node.serve();
    expect(await node.ask(["info"])).toMatchObject({ running: true });
    await node.end();
  });

  testWhere(
    missingTool("script"),
    "a daemon whose terminal is stopped works on, and says then what it had to say",
    async () => {
      using home = new TemporaryDirectory();
      await using terminal = new DaemonNode(home.path, "a", { command: ["script", "-qec"] });
      const serve = terminal.spawn(['exec "$BINARY" serve', "/dev/null"], { stdin: "open", env: { BINARY } });
      await serve.line((line) => line.includes('"event":"serving"'));
      await using node = new DaemonNode(home.path, "a");
      serve.write(CTRL_S);
      for (const name of ["agent.sock", "control.sock"]) {
        rmSync(join(node.data, name));
        await eventually(`${name} again`, () => existsSync(join(node.data, name)) || undefined);
      }
      await node.ask(["group", "create", "-name", "council", "-policy", "none"]);
      await node.ask(["publish", "-topic", "chat", "-content", "the terminal stands still"]);
      // Or the terminal was not stopped, and nothing was shown here.
      expect(serve.stdout).not.toContain("control.sock: was removed");
      serve.write(CTRL_Q);
      await serve.line((line) => line.includes("control.sock: was removed"));
      await node.ask(["stop"]);
      expect((await serve.ended()).status).toBe(0);
    },
  );
});

/** A pipe by name with no room left; disposing it takes its reader away. */
class FullPipe implements Disposable {
  readonly path: string;
  readonly #fd: number;
  #open = true;

  constructor(path: string) {
    this.path = path;
    if (!Bun.spawnSync(["mkfifo", path]).success) throw new Error(`mkfifo ${path}`);
    this.#fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    fillUp(this.#fd);
  }

  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }
}

function fillUp(fd: number): void {
  const bytes = new Uint8Array(512).fill(0x2e);
  for (;;) {
    try {
      writeSync(fd, bytes);
    } catch (error) {
      if ((error as { code?: unknown }).code === "EAGAIN") return;
      throw error;
    }
  }
}
