import { expect, test } from "bun:test";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import type { RunningProgram } from "../../src/host/running-program.ts";
import type { NodeServices } from "../../src/node/implementations.ts";
import { program, status } from "../../src/node/operations/daemon.ts";
import { Implemented } from "../../src/node/operations/implementation.ts";
import { daemonUser, outputOf } from "../../src/update/daemon-user.ts";
import { RunningDaemon } from "../../src/update/running-daemon.ts";
import { controlledNode } from "../support/control.ts";
import { testWhere } from "../support/needs.ts";
import { OTHER_USER, otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const THEIRS = { kind: "other", owner: { uid: OTHER_USER, gid: OTHER_USER } } as const;

/** A process of the other user, which has the lines of shell behind it. */
function theirProcess(script: string) {
  const child = Bun.spawn([...otherUser(), "sh", "-c", `${script}; echo ready >&2; exec sleep 600 2>&-`], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  return {
    pid: child.pid,
    ready: () => child.stderr.getReader().read(),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** A node whose daemon says that it is process `pid` and was started as `lie`. */
function saying(lie: Partial<RunningProgram> & { readonly pid: number }) {
  const said = { path: "/bin/false", argv: ["false"], cwd: "/", env: [], ...lie };
  const operations = new Implemented<NodeServices>().add(
    { status, program },
    { status: (node) => node.status(), program: () => said },
  );
  return controlledNode({ parts: { operations } });
}

test("a daemon that says it is another program than the one that was asked for is not restarted", async () => {
  await using it = await saying({ pid: process.pid, path: "/" });
  const found = RunningDaemon.find({ clock: realClock, dataDir: it.dataDir, executable: "/usr/bin/entmootd" });
  await expect(found).rejects.toMatchObject({
    code: "update_failed",
    message: expect.stringContaining("found one of /"),
  });
});

testWhere(otherUserMissing(), "root ends and starts nothing that is said where another user could say it", async () => {
  const executable = realpathSync("/bin/sh");
  await using it = await saying({ pid: process.pid, path: executable, argv: ["sh", "-c", `: >"$MARK"`] });
  chmodSync(it.dataDir, 0o777);
  using daemon = await RunningDaemon.find({ clock: realClock, dataDir: it.dataDir, executable });
  await it.server[Symbol.asyncDispose]();
  const back = daemon!.bringBack("test", 1);
  await expect(back).rejects.toMatchObject({ message: expect.stringContaining("others may write in") });
});

testWhere(otherUserMissing(), "a daemon is its folder's owner's, as far as its process is", async () => {
  using home = new TemporaryDirectory();
  const theirs = otherUserFolder(home.path);
  const [data, roots] = [join(theirs, "data"), join(theirs, "roots")];
  for (const folder of [data, roots]) mkdirSync(folder);
  chownSync(data, OTHER_USER, OTHER_USER);
  await using sleeper = theirProcess("true");
  await sleeper.ready();
  expect(daemonUser(home.path, process.pid)).toEqual({ kind: "self" });
  expect(daemonUser(home.path, sleeper.pid)).toMatchObject({ kind: "nobody" });
  expect(daemonUser(data, sleeper.pid)).toEqual(THEIRS);
  expect(daemonUser(data, process.pid)).toMatchObject({ kind: "nobody" });
  // A folder of root's that they may move where they like.
  expect(daemonUser(roots, process.pid)).toMatchObject({ kind: "nobody" });
  expect(daemonUser(roots, sleeper.pid)).toEqual(THEIRS);
  chmodSync(data, 0o777);
  expect(daemonUser(data, sleeper.pid)).toMatchObject({ kind: "nobody" });
});

testWhere(
  otherUserMissing(),
  "root opens to write nothing of its own that another user's process only reads",
  async () => {
    using home = new TemporaryDirectory();
    const theirs = otherUserFolder(home.path);
    const [mine, log] = [join(home.path, "mine"), join(theirs, "log")];
    writeFileSync(mine, "of root", { mode: 0o644 });
    await using reader = theirProcess(`exec 5<'${mine}' 6>>'${log}'`);
    await reader.ready();
    expect(existsSync(log)).toBe(true);
    expect(outputOf(reader.pid, 5, THEIRS)).toBe("ignore");
    const handle = outputOf(reader.pid, 6, THEIRS);
    expect(handle).toBeNumber();
    closeSync(handle as number);
  },
);
