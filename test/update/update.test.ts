import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FileLock } from "../../src/store/lock.ts";
import { installPlace } from "../../src/update/install-place.ts";
import { rememberTakenBack, takenBack } from "../../src/update/taken-back.ts";
import { rollBack, update } from "../../src/update/update.ts";
import { archiveName, FeedServer, feedFiles, sha256 } from "../support/release-feed.ts";
import { Installed, program, refusal } from "./installed.ts";

test("an update puts the release in place, keeps the one before, and a rollback changes them again", async () => {
  using place = new Installed();
  const binary = program("v0.2.0");
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary }));
  expect(await update(place.request(feed.url))).toEqual({
    current_version: "v0.1.0",
    latest_version: "v0.2.0",
    update_available: true,
    updated: true,
    asset: archiveName(feed.files),
    install_dir: place.dir,
    restart_required: false,
  });
  expect(place.installed).toBe(new TextDecoder().decode(binary));
  expect(readFileSync(join(place.dir, "entmootd.previous"), "utf8")).toBe(new TextDecoder().decode(place.content));
  expect(readFileSync(join(place.dir, ".entmoot-version"), "utf8")).toBe("v0.2.0\n");
  expect(readdirSync(place.dir).filter((name) => /part|new|swap/.test(name))).toEqual([]);
  expect(JSON.parse(readFileSync(join(place.data, "last-update.json"), "utf8"))).toMatchObject({
    from: "v0.1.0",
    to: "v0.2.0",
    outcome: "updated",
  });

  const again = place.request(feed.url, { runningVersion: "v0.2.0" });
  expect(await update(again)).toMatchObject({ update_available: false, updated: false });
  expect(await rollBack(again)).toMatchObject({ current_version: "v0.2.0", latest_version: "v0.1.0", updated: true });
  expect(place.installed).toBe(new TextDecoder().decode(place.content));
  expect(await rollBack(place.request(feed.url))).toMatchObject({ latest_version: "v0.2.0" });
  expect(place.installed).toBe(new TextDecoder().decode(binary));
});

test("a check changes nothing and asks for nothing but the manifest and its signature", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  const before = readdirSync(place.dir);
  expect(await update(place.request(feed.url, { check: true }))).toMatchObject({
    update_available: true,
    updated: false,
  });
  expect(readdirSync(place.dir)).toEqual(before);
  expect(feed.asked).toEqual(["manifest.json", "manifest.json.sig"]);
});

test("an older release is installed when it is named, from its folder, although it has expired", async () => {
  using place = new Installed();
  const files = feedFiles({ version: "v0.2.0", binary: program("v0.2.0") });
  const old = feedFiles({ version: "v0.0.9", binary: program("v0.0.9"), serial: 3, expiresAtMs: 1 });
  for (const [name, bytes] of old) files.set(`v0.0.9/${name}`, bytes);
  await using feed = new FeedServer(files);
  expect(await update(place.request(feed.url, { version: "0.0.9" }))).toMatchObject({ updated: true });
  expect(place.installed).toContain("v0.0.9");
  // The newest stands at the top and may be named too.
  const next = place.request(feed.url, { runningVersion: "v0.0.9", version: "v0.2.0" });
  expect(await update(next)).toMatchObject({ updated: true });
  expect(await refusal(update(place.request(feed.url, { version: "v9.9.9" })))).toContain("not in this feed");
});

test("a pre-release is taken only when it is asked for", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0-rc.1", binary: program("v0.2.0-rc.1") }));
  const found = await update(place.request(feed.url));
  expect(found).toMatchObject({ update_available: false, updated: false });
  expect(found.warnings).toEqual([expect.stringContaining("-prerelease")]);
  expect(await update(place.request(feed.url, { prerelease: true }))).toMatchObject({ updated: true });
});

test("of two updates at once the second is told so, and changes nothing", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  {
    using _first = FileLock.tryAcquire(join(place.dir, ".entmootd.lock"), 0);
    expect(await refusal(update(place.request(feed.url)))).toContain("another update or installation is under way");
    expect(feed.asked).toEqual([]);
  }
  expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
});

test.each([
  ["lib/node_modules/entmootd/bin", "npm"],
  ["opt/homebrew/Cellar/entmoot/0.1.0/bin", "Homebrew"],
])("a program in %s is left to its package manager", async (folder, manager) => {
  using place = new Installed();
  const dir = join(place.dir, folder);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "entmootd"), place.content);
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  const request = place.request(feed.url, { running: join(dir, "entmootd") });
  expect(await refusal(update(request))).toContain(`was installed by ${manager}`);
  expect(await update({ ...request, check: true })).toMatchObject({ update_available: true });
  expect(readdirSync(dir)).toEqual(["entmootd"]);
});

test("an alias leads to what it stands for", async () => {
  using place = new Installed();
  const alias = join(place.dir, "..", "entmoot");
  symlinkSync(place.executable, alias);
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  expect(await update(place.request(feed.url, { running: alias }))).toMatchObject({
    install_dir: place.dir,
    updated: true,
  });
  expect(place.installed).toContain("v0.2.0");
});

test("a folder of choice that is empty gets its first program", async () => {
  using place = new Installed();
  const dir = join(place.data, "new/bin");
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  expect(await update(place.request(feed.url, { installDir: dir }))).toMatchObject({ updated: true });
  expect(readFileSync(join(realpathSync(dir), "entmootd"), "utf8")).toContain("v0.2.0");
  expect(existsSync(join(dir, "entmootd.previous"))).toBe(false);
  expect(await refusal(rollBack(place.request(feed.url, { installDir: dir })))).toContain("no earlier version is kept");
});

test("a serial may be as large as a release may choose it, and still bars what is older", async () => {
  using place = new Installed();
  const serial = Number.MAX_SAFE_INTEGER;
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0"), serial }));
  await update(place.request(feed.url));
  feed.files = feedFiles({ version: "v0.3.0", binary: program("v0.3.0"), serial: serial - 1 });
  const said = await refusal(update(place.request(feed.url)));
  expect(said).toContain(`older than ${serial}, that of the newest release ever installed here`);
  expect(said).toContain('"entmootd update -version v0.3.0"');
});

test("links beside the program are not followed by what is written there", async () => {
  using place = new Installed();
  const elsewhere = join(place.data, "elsewhere");
  writeFileSync(elsewhere, "mine");
  for (const name of [".entmoot-version.tmp", ".entmoot-serial.tmp"]) symlinkSync(elsewhere, join(place.dir, name));
  symlinkSync(elsewhere, join(place.data, "last-update.json.tmp"));
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
  expect(readFileSync(elsewhere, "utf8")).toBe("mine");
  expect(readFileSync(join(place.dir, ".entmoot-version"), "utf8")).toBe("v0.2.0\n");
});

test("a folder that cannot be looked into is refused in words", async () => {
  using place = new Installed();
  const loop = join(place.data, "loop");
  symlinkSync(loop, loop);
  expect(await refusal(update(place.request("http://127.0.0.1:1/", { installDir: join(loop, "bin") })))).toContain(
    loop,
  );
  expect(await refusal(update(place.request("http://127.0.0.1:1/", { running: loop })))).toContain(loop);
});

test("a build without release keys asks for nothing and says where one with keys comes from", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  const said = await refusal(update(place.request(feed.url, { check: true, keys: [] })));
  expect(said).toMatch(/no release keys.*install\.sh.*ENTMOOT_RELEASE_PUBKEYS/);
  expect(feed.asked).toEqual([]);
});

test("a server that cannot be reached is told with what to look at", async () => {
  using place = new Installed();
  const said = await refusal(update(place.request("http://127.0.0.1:1/")));
  expect(said).toMatch(/manifest\.json: cannot be reached: ECONNREFUSED: Unable to connect; check the address/);
});

test("an update with -restart where no daemon runs says that there was nothing to restart", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  const { warnings } = await update(place.request(feed.url, { restart: true }));
  expect(warnings).toEqual([`no daemon runs on ${place.data}, so there was nothing to restart`]);
});

test("an executable that was taken back is not installed again unless it is named, and a mended one is", async () => {
  using place = new Installed();
  const binary = program("v0.2.0");
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary }));
  const where = installPlace({ installDir: place.dir, running: place.executable, home: place.dir });
  const record = { version: "v0.2.0", sha256: sha256(binary), at_ms: 1, reason: "it hangs" };
  rememberTakenBack(where, record);
  const said = await refusal(update(place.request(feed.url)));
  expect(said).toContain("release v0.2.0: was taken back here at 1970-01-01 00:00:00Z: it hangs; nothing was done");
  expect(said).toContain('"entmootd update -version v0.2.0 -restart"');
  expect(place.installed).toBe(new TextDecoder().decode(place.content));
  expect(await update(place.request(feed.url, { check: true }))).toMatchObject({
    update_available: false,
    taken_back: { at_ms: 1, reason: "it hangs" },
  });

  expect(await update(place.request(feed.url, { version: "v0.2.0" }))).toMatchObject({ updated: true });
  expect(takenBack(where, record.sha256)).toBeUndefined();
  expect(await rollBack(place.request(feed.url, { runningVersion: "v0.2.0" }))).toMatchObject({ updated: true });
  rememberTakenBack(where, record);
  feed.files = feedFiles({ version: "v0.2.0", binary: program("v0.2.0", "true") });
  expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
});

test("what was rolled back on request is installed again when it is asked for", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary: program("v0.2.0") }));
  await update(place.request(feed.url));
  await rollBack(place.request(feed.url, { runningVersion: "v0.2.0" }));
  expect(await update(place.request(feed.url))).toMatchObject({ latest_version: "v0.2.0", updated: true });
});

test("nobody goes back to what was taken back", async () => {
  using place = new Installed();
  const binary = program("v0.2.0");
  await using feed = new FeedServer(feedFiles({ version: "v0.2.0", binary }));
  await update(place.request(feed.url));
  await rollBack(place.request(feed.url, { runningVersion: "v0.2.0" }));
  const where = installPlace({ installDir: place.dir, running: place.executable, home: place.dir });
  rememberTakenBack(where, { version: "v0.2.0", sha256: sha256(binary), at_ms: 1, reason: "it hangs" });
  const said = await refusal(rollBack(place.request(feed.url)));
  expect(said).toMatch(
    /^no earlier version is kept; release v0\.2\.0: was taken back here at .*: it hangs; nothing was done/,
  );
  expect(place.installed).toBe(new TextDecoder().decode(place.content));
});

test("of what was taken back the newest few are remembered, and a file that cannot be read holds nothing", () => {
  using place = new Installed();
  const where = installPlace({ installDir: place.dir, running: place.executable, home: place.dir });
  const record = (n: number) => ({ version: `v0.${n}.0`, sha256: `${n % 10}`.repeat(64), at_ms: n, reason: "no" });
  for (let n = 0; n < 10; n++) rememberTakenBack(where, record(n));
  rememberTakenBack(where, { ...record(9), at_ms: 100 });
  expect(takenBack(where, record(1).sha256)).toBeUndefined();
  expect(takenBack(where, record(2).sha256)).toEqual(record(2));
  expect(takenBack(where, record(9).sha256)?.at_ms).toBe(100);
  writeFileSync(where.takenBackFile, "[");
  expect(takenBack(where, record(9).sha256)).toBeUndefined();
  rememberTakenBack(where, record(3));
  expect(takenBack(where, record(3).sha256)).toEqual(record(3));
});
