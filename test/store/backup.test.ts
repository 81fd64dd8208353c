import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { createIdentity } from "../../src/host/identity-file.ts";
import { HALF_MADE } from "../../src/store/backup/backup-manifest.ts";
import { type BackupSource, makeBackup } from "../../src/store/backup/make-backup.ts";
import { restoreBackup } from "../../src/store/backup/restore-backup.ts";
import { liftRestored, requireNotHeld } from "../../src/store/backup/restored-mark.ts";
import { DeviceRegistry } from "../../src/store/device-registry.ts";
import { groupDirectoryName } from "../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { SqliteEsp } from "../../src/store/sqlite/sqlite-esp.ts";
import { SqliteMailbox } from "../../src/store/sqlite/sqlite-mailbox.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import { roster } from "../support/roster.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const quiet = () => {};
const how = { isOriginalStopped: false, onProgress: quiet, signal: new AbortController().signal };

function lay(dataDir: string, n: number): SqliteDataRoot {
  const root = SqliteDataRoot.open(dataDir, "write");
  createIdentity(join(dataDir, "identity.json"), identity(n));
  const store = root.createGroup(GROUP);
  store.roster.append(roster([identity(n)]).entries);
  store.messages.putMany([keptMessage(message({}))]);
  root.agents();
  return root;
}

function sourceOf(dataDir: string): BackupSource {
  const key = PublicKey.fromBytes(identity(1).publicKey);
  return {
    dataDir,
    identityPath: join(dataDir, "identity.json"),
    key,
    program: "test",
    nowMs: unixMs(1_800_000_000_000),
  };
}

const refusal = (said: RegExp) => ({ message: expect.stringMatching(said) });

test("a backup is not made in the data root itself, whichever link leads there", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  using _root = lay(data, 1);
  symlinkSync(data, join(home.path, "led"));
  symlinkSync(join(data, "groups"), join(home.path, "groups"));
  const before = readdirSync(data, { recursive: true });
  for (const folder of ["data", "data/kept", "led/kept", "led/a/kept", "groups/kept", "led"]) {
    const made = makeBackup(sourceOf(data), join(home.path, folder), quiet);
    await expect(made).rejects.toMatchObject({ code: "invalid_argument", message: expect.stringContaining("itself") });
  }
  const led = { ...sourceOf(data), dataDir: join(home.path, "led") };
  await expect(makeBackup(led, join(data, "kept"), quiet)).rejects.toMatchObject(refusal(/itself/));
  expect(readdirSync(data, { recursive: true })).toEqual(before);
});

test("what is open, with a voice, is copied whole while it is written, and restored with everything held back", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  using root = lay(data, 1);
  using _voice = lay(join(data, "voices", "bot"), 2);
  root.node.setSetting("odd", "1");
  const more = message({ timestamp: 5_000n });
  root.openGroup(GROUP)!.messages.putMany([keptMessage(more)]);
  symlinkSync("/etc/passwd", join(data, "link.json"));
  writeFileSync(join(data, "noise.log"), "x");
  const kept = join(home.path, "kept");
  const made = await makeBackup(sourceOf(data), kept, quiet);
  expect(made).toMatchObject({ moots: 1, voices: 1 });
  expect(readdirSync(kept).sort()).toEqual([
    "agents.sqlite",
    "backup.json",
    "groups",
    "identity.json",
    "node.sqlite",
    "voices",
  ]);
  const back = join(home.path, "back");
  await restoreBackup(kept, back, how);
  for (const path of [back, join(back, "voices", "bot")]) {
    expect(() => requireNotHeld(path)).toThrow("restore -original-stopped");
    expect(liftRestored(path)).toBe(true);
    expect(() => requireNotHeld(path)).not.toThrow();
  }
  using restored = SqliteDataRoot.open(back, "write");
  expect(restored.node.getSetting("odd")).toBe("1");
  expect(restored.openGroup(GROUP)!.messages.merkleRoot()).toBe(root.openGroup(GROUP)!.messages.merkleRoot());
  expect(readFileSync(join(back, "identity.json"))).toEqual(readFileSync(join(data, "identity.json")));
  expect(statSync(join(back, "groups", groupDirectoryName(GROUP), "moot.sqlite")).mode & 0o777).toBe(0o600);
});

test("what the HTTP service keeps goes along, and its locks do not", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  using _root = lay(data, 1);
  const nowMs = unixMs(1_800_000_000_000);
  const expiresMs = unixMs(1_800_000_300_000);
  using esp = new SqliteEsp(data);
  esp.nonces.use([{ who: "device:phone", nonce: "n", expiresMs }], nowMs);
  using mailbox = new SqliteMailbox(data);
  const keys = { messageId: keptMessage(message({})).id, timestamp: 5n };
  const checkRoom = () => {};
  mailbox.put({ groupId: GROUP, client: "phone", expected: undefined, place: "7", keys, nowMs, checkRoom });
  new DeviceRegistry(join(data, "esp-devices.json")).change(() => []);
  const kept = join(home.path, "kept");
  await makeBackup(sourceOf(data), kept, quiet);
  const names = readdirSync(kept);
  expect(names).toEqual(expect.arrayContaining(["esp-devices.json", "esp.sqlite", "mailbox.sqlite"]));
  expect(names.filter((name) => name.includes("lock"))).toEqual([]);
  // As it was at that moment: what came later is not in it.
  esp.nonces.use([{ who: "device:phone", nonce: "late", expiresMs }], nowMs);
  const back = join(home.path, "back");
  await restoreBackup(kept, back, how);
  using restored = new SqliteEsp(back);
  expect(restored.nonces.valid(nowMs, 9).map(({ nonce }) => nonce)).toEqual(["n"]);
  using cursors = new SqliteMailbox(back);
  expect(cursors.row(GROUP, "phone")).toMatchObject({ placed: { place: "7", keys } });
  for (const name of ["esp.sqlite", "mailbox.sqlite", "esp-devices.json"]) {
    expect(statSync(join(back, name)).mode & 0o777).toBe(0o600);
  }
});

test("a backup that was not finished, was edited, or names what is outside of it is not restored, and nothing is left", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  lay(data, 1)[Symbol.dispose]();
  const kept = join(home.path, "kept");
  await makeBackup(sourceOf(data), kept, quiet);
  const back = join(home.path, "back");
  const manifest = readFileSync(join(kept, "backup.json"), "utf8");
  const edit = (from: string | RegExp, to: string) =>
    writeFileSync(join(kept, "backup.json"), manifest.replace(from, to));
  writeFileSync(join(kept, HALF_MADE), "");
  await expect(restoreBackup(kept, back, how)).rejects.toMatchObject(refusal(/begun here and not finished/));
  await expect(makeBackup(sourceOf(data), kept, quiet)).rejects.toMatchObject(refusal(/not finished; remove/));
  Bun.spawnSync(["rm", join(kept, HALF_MADE)]);
  for (const [from, to, said] of [
    ['"node.sqlite"', '"../node.sqlite"', /expected the name of a file in it/],
    ['"node.sqlite"', '"/etc/passwd"', /expected the name of a file in it/],
    ['"version":1', '"version":2', /expected version 1, found 2/],
    [/"sha256":"./, '"sha256":"Z', /expected size and digest/],
    [/^\{/, "", /expected/],
    ['"path":"node.sqlite"', '"path":"none.sqlite"', /expected a file of the backup/],
    [/"bytes":\d/, '"bytes":9', /changed or damaged/],
  ] as const) {
    edit(from, to);
    await expect(restoreBackup(kept, back, how)).rejects.toMatchObject(refusal(said));
    expect({ to, left: [existsSync(back), existsSync(`${back}.restoring`)] }).toEqual({ to, left: [false, false] });
  }
  edit("x", "x");
  writeFileSync(join(kept, "backup.json"), manifest);
  const node = join(kept, "node.sqlite");
  const bytes = readFileSync(node);
  bytes[200] = bytes[200]! ^ 1;
  writeFileSync(node, bytes);
  await expect(restoreBackup(kept, back, how)).rejects.toMatchObject(refusal(/changed or damaged/));
  await expect(restoreBackup(home.path, back, how)).rejects.toMatchObject(refusal(/no backup/));
  expect(existsSync(back)).toBe(false);
});

test("of two restores to one place at the same time one is refused, and the other is whole", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  lay(data, 1)[Symbol.dispose]();
  const kept = join(home.path, "kept");
  await makeBackup(sourceOf(data), kept, quiet);
  const back = join(home.path, "back");
  const ends = await Promise.allSettled([restoreBackup(kept, back, how), restoreBackup(kept, back, how)]);
  expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(ends[1]).toMatchObject({ reason: { code: "conflict", ...refusal(/another restore goes on there/) } });
  using restored = SqliteDataRoot.open(back, "write");
  expect(restored.openGroup(GROUP)!.messages.size).toBe(1);
  expect(() => requireNotHeld(back)).toThrow("restore -original-stopped");
  expect(readdirSync(home.path).toSorted()).toEqual(["back", "data", "kept"]);
});

test("places that are not to be written are refused, and stay as they are", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  lay(data, 1)[Symbol.dispose]();
  const full = join(home.path, "full");
  mkdirSync(full);
  writeFileSync(join(full, "mine"), "x");
  await expect(makeBackup(sourceOf(data), full, quiet)).rejects.toMatchObject(refusal(/is not empty/));
  symlinkSync(full, join(home.path, "link"));
  await expect(makeBackup(sourceOf(data), join(home.path, "link"), quiet)).rejects.toMatchObject(
    refusal(/expected a folder/),
  );
  writeFileSync(join(home.path, "file"), "x");
  await expect(makeBackup(sourceOf(data), join(home.path, "file"), quiet)).rejects.toMatchObject(
    refusal(/expected a folder/),
  );
  const open = join(home.path, "open");
  mkdirSync(open);
  chmodSync(open, 0o777);
  await makeBackup(sourceOf(data), open, quiet);
  expect(statSync(open).mode & 0o777).toBe(0o700);
  await expect(restoreBackup(open, full, how)).rejects.toMatchObject(refusal(/nothing is replaced/));
  expect(readdirSync(full)).toEqual(["mine"]);
});

test("a damaged database is named, and leaves no backup", async () => {
  using home = new TemporaryDirectory();
  const data = join(home.path, "data");
  lay(data, 1)[Symbol.dispose]();
  const path = join(data, "groups", groupDirectoryName(GROUP), "moot.sqlite");
  const db = new Database(path);
  db.run("PRAGMA journal_mode = DELETE");
  db.close(true);
  const bytes = readFileSync(path);
  bytes.fill(0x41, 4096, 3 * 4096);
  writeFileSync(path, bytes);
  const kept = join(home.path, "kept");
  await expect(makeBackup(sourceOf(data), kept, quiet)).rejects.toMatchObject(refusal(/moot\.sqlite/));
  expect(existsSync(kept)).toBe(false);
});
