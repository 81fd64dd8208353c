import { expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { otherUser, otherUserFolder, otherUserMissing } from "../support/other-user.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a user may name that is no file with something in it, by what is said of it. */
const ODD = {
  folder: /expected a file, found a folder/,
  missing: /there is no such file|no file of that name/,
  "folder/missing/x": /there is no such file|no file of that name/,
  "empty/x": /a part of this path is a file/,
  circle: /lead in a circle/,
  socket: /found a socket/,
  huge: /expected at most \d+( bytes)?/,
  "/dev/zero": /expected at most \d+( bytes)?/,
  empty: /is empty|found the end of the input/,
} as const;

function pipe(path: string): void {
  if (!Bun.spawnSync(["mkfifo", path]).success) throw new Error(`mkfifo ${path}`);
}

/** The only moot's folder. */
function mootFolder(data: string): string {
  const groups = join(data, "groups");
  return join(groups, readdirSync(groups)[0]!);
}

inNetns(import.meta, () => {
  test("whatever is named to be read is read to its limit, or it is said what it is", async () => {
    using home = new TemporaryDirectory();
    const at = (name: string) => join(home.path, name);
    mkdirSync(at("folder"));
    for (const name of ["empty", "huge"]) writeFileSync(at(name), "");
    truncateSync(at("huge"), 2 ** 40);
    symlinkSync("circle", at("circle"));
    const listener = Bun.listen({ unix: at("socket"), socket: { data() {} } });
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const run = (...args: string[]) => a.run(args, { cwd: home.path });
    for (const [name, said] of Object.entries(ODD)) {
      for (const args of [
        ["publish", "-topic", "t", "-timeout", "10s", "-file", name],
        ["join", "-timeout", "10s", name],
        ["group", "create", "-name", "x", "-policy", `file:${name}`],
      ]) {
        const { status, stdout, stderr } = await run(...args);
        expect({ args, status, stdout }).toEqual({ args, status: 5, stdout: "" });
        expect({ args, stderr }).toEqual({ args, stderr: expect.stringMatching(said) });
        expect(stderr).toContain(name);
      }
    }
    // A pipe that nobody writes ends with the time-out, where there is one, and is no file to others.
    pipe(at("pipe"));
    for (const name of ["pipe", "folder", "socket", "/dev/zero"]) {
      const identity = await run("-data", at("b"), "-identity", name, "serve");
      expect([name, identity.status, identity.stderr]).toEqual([
        name,
        1,
        expect.stringContaining("expected a regular file"),
      ]);
      const data = await run("-data", name, "call", "status");
      if (name !== "folder")
        expect([name, data.stderr]).toEqual([
          name,
          expect.stringMatching(/a directory, found|is a file, not a directory/),
        ]);
      const vectors = await run("conformance", name);
      expect([name, vectors.status, vectors.stderr]).toEqual([
        name,
        name === "folder" ? 5 : 1,
        expect.stringMatching(name === "folder" ? /no vector files found/ : /: not a regular file/),
      ]);
    }
    expect(await run("conformance", "missing")).toMatchObject({
      status: 5,
      stderr: expect.stringContaining("missing: there is no such file or directory"),
    });
    for (const operation of ["publish", "join"]) {
      const endless = await a
        .through(["sh", "-c"])
        .run([`"$E" call ${operation} - </dev/zero`], { env: { E: BINARY } });
      expect(endless).toMatchObject({ status: 5, stdout: "", stderr: expect.stringContaining("expected at most") });
    }
    const installed = await run("update-lock", "-install-dir", "empty");
    expect(installed).toMatchObject({ status: 1, stderr: expect.stringContaining("expected a folder, found a file") });
    expect((await a.ask(["info"])).groups).toHaveLength(1);
    listener.stop(true);
    await a.end();
  });

  testWhere(otherUserMissing(), "what may not be read is told as that", async () => {
    using home = new TemporaryDirectory();
    const theirs = otherUserFolder(home.path);
    const closed = join(theirs, "closed");
    writeFileSync(closed, "{}");
    chmodSync(closed, 0);
    await using user = new DaemonNode(theirs, "a", { command: [...otherUser(), BINARY] });
    for (const args of [
      ["publish", "-topic", "t", "-file", closed],
      ["join", closed],
      ["group", "create", "-name", "x", "-policy", `file:${closed}`],
    ]) {
      const { status, stderr } = await user.run(args);
      expect({ args, status, stderr }).toEqual({
        args,
        status: 5,
        stderr: expect.stringContaining("this user may not read it"),
      });
    }
    expect((await user.run(["conformance", closed])).stderr).toMatch(/closed: cannot be read: .*EACCES/);
  });

  test("a pipe, a folder or a socket where a file of the data root belongs holds up nobody", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const sound = join(home.path, "sound");
    cpSync(a.data, sound, { recursive: true });
    const freshRoot = () => {
      rmSync(a.data, { recursive: true });
      cpSync(sound, a.data, { recursive: true });
    };

    // A moot of which that is true is left out, the others work, and it opens once it can be.
    const { group_id: other } = await a.ask(["group", "create", "-name", "other", "-policy", "none"]);
    const [folder] = [mootFolder(sound)].map((path) => path.replace(sound, a.data));
    const database = join(folder!, "moot.sqlite");
    renameSync(database, `${database}.away`);
    pipe(database);
    chmodSync(database, 0o644);
    const reason = { reason: expect.stringContaining("moot.sqlite: expected a file, found a pipe; move it away") };
    expect(await a.ask(["info"])).toMatchObject({ groups: [{ group_id: other }], unopened: [reason] });
    await a.serve();
    await a.ask(["publish", "-group", "other", "-topic", "chat", "-content", "goes on"]);
    expect(await a.ask(["info"])).toMatchObject({ groups: [{ group_id: other }], unopened: [reason] });
    // What is no file keeps its mode: a link may lead to a device that is everybody's.
    expect(statSync(database).mode & 0o777).toBe(0o644);
    rmSync(database);
    renameSync(`${database}.away`, database);
    await a.daemon.said("opened now");
    await a.end();

    for (const name of ["node.sqlite", "node.lock", "identity.json"]) {
      freshRoot();
      rmSync(join(a.data, name), { force: true });
      pipe(join(a.data, name));
      const { status, stderr } = await a.run(["serve"]);
      expect([name, status, stderr]).toEqual([name, 1, expect.stringMatching(/expected a (regular )?file/)]);
    }
    for (const name of ["last-update.json", "node.pid"]) {
      freshRoot();
      rmSync(join(a.data, name), { force: true });
      pipe(join(a.data, name));
      expect(await a.ask(["info"])).toMatchObject({ groups: [{ name: "council" }] });
    }
    expect(readFileSync(join(sound, "identity.json")).length).toBeGreaterThan(0);
  });
});
