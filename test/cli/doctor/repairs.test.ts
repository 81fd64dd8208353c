import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { findRepairs, repairAll } from "../../../src/cli/doctor/repairs.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import type { GlobalOptions } from "../../../src/daemon/options.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { DataRootLock } from "../../../src/store/lock.ts";
import { soundnessOf } from "../../../src/store/sqlite/database-soundness.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { cli } from "../../support/cli.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

/** A data root as the program makes it, with nothing wrong. */
function dataRoot(home: string): GlobalOptions {
  const dataDir = join(home, "data");
  SqliteDataRoot.open(dataDir, "write")[Symbol.dispose]();
  return { dataDir, identityPath: join(dataDir, "identity.json") } as GlobalOptions;
}

/** A database whose index has another key than its table: a byte of its page went bad. */
function withBadIndex(path: string): void {
  let page: number;
  {
    using db = new Database(path, { create: true });
    db.run("CREATE TABLE t (a, b); CREATE INDEX by_a ON t (a); INSERT INTO t VALUES ('oak', 'one'), ('pine', 'two')");
    page = Number(db.query("SELECT rootpage FROM sqlite_schema WHERE name = 'by_a'").values()[0]![0]);
  }
  const bytes = readFileSync(path);
  bytes.write("oal", bytes.indexOf("oak", (page - 1) * bytes.readUInt16BE(16)));
  writeFileSync(path, bytes);
  chmodSync(path, 0o600);
}

const shown = async (options: GlobalOptions) => {
  const { left, repairs } = await findRepairs(options);
  return [...repairs.map(({ diagnosis }) => diagnosis), ...left.map(() => "left")];
};

test("where all is well there is nothing to repair, and where there is no data root none is made", async () => {
  using home = new TemporaryDirectory();
  expect(await shown(dataRoot(home.path))).toEqual([]);
  const nowhere = { dataDir: join(home.path, "none"), identityPath: join(home.path, "none/key") } as GlobalOptions;
  expect(await shown(nowhere)).toEqual([]);
  expect(existsSync(nowhere.dataDir)).toBe(false);
});

test("what others may read is taken from them", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  chmodSync(join(options.dataDir, "node.sqlite"), 0o644);
  chmodSync(options.dataDir, 0o755);
  const { repairs } = await findRepairs(options);
  expect(repairs.map(({ path, what }) => [path, what])).toEqual([
    [options.dataDir, "take it from group and others: mode 0755 becomes 0700"],
    [join(options.dataDir, "node.sqlite"), "take it from group and others: mode 0644 becomes 0600"],
  ]);
  expect((await repairAll(options, repairs)).backup).toBeUndefined();
  expect(statSync(options.dataDir).mode & 0o777).toBe(0o700);
  expect(await shown(options)).toEqual([]);
});

test("a socket on which nobody listens goes, one on which somebody does stays", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  const path = join(options.dataDir, "control.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
  await Bun.spawn([process.execPath, "-e", script]).exited;
  expect(existsSync(path)).toBe(true);
  const { repairs } = await findRepairs(options);
  expect(repairs.map(({ diagnosis }) => diagnosis)).toEqual(["data_leftover"]);
  await repairAll(options, repairs);
  expect(existsSync(path)).toBe(false);

  const server = createServer().listen(path);
  await new Promise((resolve) => server.once("listening", resolve));
  try {
    expect(await shown(options)).toEqual([]);
  } finally {
    server.close();
  }
});

test("an index that does not fit is made anew, after a copy of its database, and no row is lost", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  const path = join(options.dataDir, "agents.sqlite");
  withBadIndex(path);
  expect(soundnessOf(path).state).toBe("index");
  const before = readFileSync(path);
  const { repairs } = await findRepairs(options);
  expect(repairs).toMatchObject([{ diagnosis: "index_damaged", path, isCopied: true }]);
  // Looking changes nothing.
  expect(readFileSync(path).equals(before)).toBe(true);
  const { backup } = await repairAll(options, repairs);
  expect(readFileSync(join(backup!, "agents.sqlite")).equals(before)).toBe(true);
  expect(statSync(backup!).mode & 0o777).toBe(0o700);
  expect(soundnessOf(path)).toEqual({ state: "sound", faults: [] });
  using db = new Database(path, { readonly: true });
  expect(db.query("SELECT b FROM t WHERE a > 'a' ORDER BY a").values()).toEqual([["one"], ["two"]]);
  expect(await shown(options)).toEqual([]);
});

test("a repair that fails names the copy of what was before", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  withBadIndex(join(options.dataDir, "agents.sqlite"));
  const { repairs } = await findRepairs(options);
  const carryOut = () => {
    throw new EntmootError("disk_full", "no room is left");
  };
  const failed = repairAll(
    options,
    repairs.map((repair) => ({ ...repair, carryOut })),
  );
  await expect(failed).rejects.toMatchObject({
    code: "disk_full",
    message: expect.stringMatching(/^no room is left; as it was before: .+repairs/),
  });
});

test("what cannot be repaired without a loss is left, with why", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  const path = join(options.dataDir, "mailbox.sqlite");
  writeFileSync(path, "no database at all ".repeat(500), { mode: 0o600 });
  mkdirSync(join(options.dataDir, "x.sqlite"));
  const { left, repairs } = await findRepairs(options);
  expect(repairs).toEqual([]);
  expect(left).toMatchObject([{ path }]);
  expect(left[0]!.why).toContain("put it back from a backup");
});

test("a script sees that damage is left, by the status, and that none is", async () => {
  using home = new TemporaryDirectory();
  const { dataDir } = dataRoot(home.path);
  const doctor = (...flags: string[]) => cli(home.path, ["-data", dataDir, "doctor", "-fix", ...flags]);
  expect(await doctor()).toMatchObject({ exit: 0, stdout: "there is nothing to repair\n" });
  writeFileSync(join(dataDir, "mailbox.sqlite"), "no database at all ".repeat(500), { mode: 0o600 });
  chmodSync(join(dataDir, "node.sqlite"), 0o644);
  for (const flags of [["-dry-run"], [], ["-json"]]) {
    const { exit, stderr, stdout } = await doctor(...flags);
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: "" });
    expect(stdout).toContain("mailbox.sqlite");
  }
  expect(statSync(join(dataDir, "node.sqlite")).mode & 0o777).toBe(0o600);
});

test("nothing is repaired while somebody else has the data root", async () => {
  using home = new TemporaryDirectory();
  const options = dataRoot(home.path);
  chmodSync(join(options.dataDir, "node.sqlite"), 0o644);
  const { repairs } = await findRepairs(options);
  using _held = DataRootLock.acquire(options.dataDir, realClock.unix());
  await expect(repairAll(options, repairs)).rejects.toMatchObject({ code: "already_running" });
  expect(statSync(join(options.dataDir, "node.sqlite")).mode & 0o777).toBe(0o644);
  expect(readdirSync(options.dataDir)).not.toContain("repairs");
});
