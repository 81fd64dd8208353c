import { expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bindSocket } from "../../src/control/bind-socket.ts";
import { dial } from "../../src/control/dial.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { RunningOriginal } from "../support/running-original.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const bind = (path: string) => bindSocket(path, realClock, (stream) => stream.destroy());
const mode = (path: string) => lstatSync(path).mode & 0o777;

test("a socket is there for its owner alone, under its own name alone, and gone when it is stopped", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const socket = await bind(path);
  expect(readdirSync(directory.path)).toEqual(["control.sock"]);
  expect(mode(path)).toBe(0o600);
  socket.stop(true);
  expect(readdirSync(directory.path)).toEqual([]);
});

test("one that nobody listens on any more is replaced, a file is not", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const code = `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); process.kill(process.pid, "SIGKILL")`;
  await Bun.spawn([process.execPath, "-e", code], { stdout: "ignore", stderr: "ignore" }).exited;
  expect(lstatSync(path).isSocket()).toBeTrue();
  (await bind(path)).stop(true);
  writeFileSync(path, "mine");
  await expect(bind(path)).rejects.toMatchObject({ code: "data_root_invalid" });
  expect(readdirSync(directory.path)).toEqual(["control.sock"]);
});

test("a directory in its place is called one", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  mkdirSync(path);
  await expect(bind(path)).rejects.toMatchObject({
    message: expect.stringContaining("found a directory; move it away"),
  });
});

test("a name as long as a socket's may be is bound and reached, a longer one is refused with the limit", async () => {
  using directory = new TemporaryDirectory();
  const folder = join(directory.path, "d".repeat(100));
  mkdirSync(folder);
  const longest = join(folder, "n".repeat(90));
  const socket = await bind(longest);
  const stream = await dial(longest, realClock);
  expect(stream).toBeDefined();
  stream?.destroy();
  socket.stop(true);
  await expect(bind(join(folder, "n".repeat(91)))).rejects.toMatchObject({
    code: "data_root_invalid",
    message: expect.stringMatching(/may have at most 107 bytes, or its name at most 90; found \d+ and 91/),
  });
  expect(readdirSync(folder)).toEqual([]);
});

test("where no more files can be opened, the limit is named", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const code = `
    const { bindSocket } = await import(${JSON.stringify(join(import.meta.dir, "../../src/control/bind-socket.ts"))});
    const { realClock } = await import(${JSON.stringify(join(import.meta.dir, "../../src/host/real-clock.ts"))});
    const { openSync } = await import("node:fs");
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    await bindSocket(${JSON.stringify(path)}, realClock, () => {}).catch(({ message }) => console.log(message));
    process.exit();`;
  const child = Bun.spawn(["sh", "-c", 'ulimit -n 64; exec "$0" -e "$1"', process.execPath, code]);
  expect(await child.stdout.text()).toMatch(/too many files are open.*ulimit -n/);
});

test("one that answers is somebody's, and it is said whose", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  using original = new RunningOriginal(path);
  await expect(bind(path)).rejects.toMatchObject({
    code: "already_running",
    message: expect.stringContaining(
      "in use by the original's daemon of node 45491, whose data root is entmoot-data; end that one first",
    ),
  });
  expect(original.unknown).toBe(1);
  expect(readdirSync(directory.path)).toEqual(["control.sock"]);
});

test("of two that bind at once one has it, and the other does not take it away", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const mask = process.umask();
  const bound = await Promise.allSettled([bind(path), bind(path), bind(path)]);
  expect(process.umask()).toBe(mask);
  const won = bound.filter((one) => one.status === "fulfilled");
  expect(won).toHaveLength(1);
  for (const one of bound) if (one.status === "rejected") expect(one.reason.code).toBe("already_running");
  expect(readdirSync(directory.path)).toEqual(["control.sock"]);
  won[0]?.value.stop(true);
});

test("what took its place meanwhile stays when it is stopped", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const socket = await bind(path);
  rmSync(path);
  using _original = new RunningOriginal(path);
  for (const closeOpen of [false, true]) socket.stop(closeOpen);
  expect(readdirSync(directory.path)).toEqual(["control.sock"]);
  await expect(bind(path)).rejects.toMatchObject({ code: "already_running" });
});

test("however many connect at once, everything else has its turn after some hundreds, and the socket stays where it is", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  let inRound = 0;
  let most = 0;
  const socket = await bindSocket(path, realClock, (stream) => {
    if (inRound === 0) {
      setImmediate(() => {
        inRound = 0;
      });
    }
    inRound += 1;
    most = Math.max(most, inRound);
    stream.destroy();
  });
  const first = socket.file;
  // The system has them connected before any is taken.
  const all = Array.from({ length: 500 }, () => Bun.connect({ unix: path, socket: { data() {}, connectError() {} } }));
  await Promise.allSettled(all);
  expect(most).toBeWithin(1, 401);
  expect(socket.file).not.toBe(first);
  expect([readdirSync(directory.path), mode(path)]).toEqual([["control.sock"], 0o600]);
  const stream = await dial(path, realClock);
  expect(stream).toBeDefined();
  stream?.destroy();
  socket.stop(true);
  expect(readdirSync(directory.path)).toEqual([]);
});
