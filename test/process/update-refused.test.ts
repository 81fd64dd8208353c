import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { archiveName, FeedServer, feedFiles, type ReleaseOptions, STRANGER_SEED } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { buildTestBinary, fingerprint, install } from "../support/updated-binaries.ts";

/** Nothing here starts a daemon: these are the refusals of the compiled program. */
const OLD = { version: "v0.1.0", serial: 1000 };
const SCRIPT = new TextEncoder().encode('#!/bin/sh\necho \'{"version":"v0.2.0"}\'\n');
const NEW: ReleaseOptions = { version: "v0.2.0", serial: 2000, binary: SCRIPT };

const built = new TemporaryDirectory();
let oldBinary: string;
let oldPrint: string;
beforeAll(async () => {
  oldBinary = await buildTestBinary(built.path, OLD);
  oldPrint = fingerprint(oldBinary);
});
afterAll(() => built[Symbol.dispose]());

function installed(home: string, feedUrl: string) {
  const executable = install(oldBinary, join(home, "bin"));
  const node = new DaemonNode(home, "data", { command: [executable], env: { ENTMOOT_UPDATE_URL: feedUrl } });
  return { executable, node };
}

const changed = (files: Map<string, Uint8Array>, name: string, change: (bytes: Uint8Array) => Uint8Array) =>
  files.set(name, change(files.get(name)!.slice()));
const withBlank = (bytes: Uint8Array) => {
  bytes[bytes.length - 1] = 0x20;
  return bytes;
};
const flipped = (bytes: Uint8Array) => {
  bytes[bytes.length - 12]! ^= 1;
  return bytes;
};

const HOSTILE: readonly (readonly [string, RegExp, () => Map<string, Uint8Array>])[] = [
  ["a bad signature", /does not match/, () => changed(feedFiles(NEW), "manifest.json", withBlank)],
  ["an unknown key", /expected a signature by/, () => feedFiles({ ...NEW, seed: STRANGER_SEED })],
  ["a serial older than that of this build", /older than the installed 1000/, () => feedFiles({ ...NEW, serial: 999 })],
  ["an expired manifest", /expired/, () => feedFiles({ ...NEW, expiresAtMs: 1 })],
  [
    "a swapped archive",
    /checksum mismatch/,
    () => {
      const files = feedFiles(NEW);
      return changed(files, archiveName(files), flipped);
    },
  ],
  [
    "a truncated archive",
    /cut off after/,
    () => {
      const files = feedFiles(NEW);
      return changed(files, archiveName(files), (bytes) => bytes.slice(0, -30));
    },
  ],
  [
    "a link in the archive",
    /symbolic link/,
    () =>
      feedFiles({
        ...NEW,
        files: (file) => [{ name: "entmootd", content: new Uint8Array(0), kind: "2", link: "/bin/sh" }, file],
      }),
  ],
  [
    "a path out of the archive",
    /unsafe archive path/,
    () => feedFiles({ ...NEW, files: (file) => [file, { name: "../../entmootd", content: SCRIPT }] }),
  ],
  [
    "a program that fails its self-test",
    /self-test/,
    () =>
      feedFiles({
        ...NEW,
        binary: new TextEncoder().encode('#!/bin/sh\n[ "$1" = version ] || exit 9\necho \'{"version":"v0.2.0"}\'\n'),
      }),
  ],
];

test.each(HOSTILE)(
  "%s: status 1, the reason as JSON, and the installed program unchanged",
  async (_what, says, files) => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(files());
    const { executable, node } = installed(home.path, feed.url);
    await using a = node;
    const { status, stdout } = await a.run(["update", "-json"]);
    expect(JSON.parse(stdout)).toEqual({ error: { code: "update_failed", message: expect.stringMatching(says) } });
    expect(status).toBe(1);
    expect(fingerprint(executable)).toBe(oldPrint);
    const plain = await a.run(["update"]);
    expect(plain).toMatchObject({ status: 1, stdout: "" });
    expect(plain.stderr).toMatch(/^entmootd: update: /m);
    expect(fingerprint(executable)).toBe(oldPrint);
  },
);

test("of two updates that start at once one gets through, and the other says that one is under way", async () => {
  using home = new TemporaryDirectory();
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using feed = new FeedServer(feedFiles(NEW), async (path) => {
    if (path !== "manifest.json") return undefined;
    asked.resolve();
    await go.promise;
    return undefined;
  });
  const { executable, node } = installed(home.path, feed.url);
  await using a = node;
  const first = a.spawn(["update", "-json"]);
  await asked.promise;
  const second = await a.run(["update", "-json"]);
  expect(second.status).toBe(1);
  expect(JSON.parse(second.stdout).error.message).toContain("another update or installation is under way");
  expect(fingerprint(executable)).toBe(oldPrint);
  go.resolve();
  expect(JSON.parse((await first.ended()).stdout)).toMatchObject({ updated: true });
  expect(readFileSync(executable)).toEqual(Buffer.from(SCRIPT));
});

test("a named version that is already there changes nothing, and the original's spelling of the flag is known", async () => {
  using home = new TemporaryDirectory();
  await using feed = new FeedServer(feedFiles({ ...NEW, version: "v0.1.0" }));
  const { node } = installed(home.path, feed.url);
  await using a = node;
  expect(await a.ask(["update", "-tag", "0.1.0", "-json"])).toMatchObject({ update_available: false, updated: false });
  expect((await a.run(["update", "--version=v0.1.0"])).stdout).toBe("Entmoot is up to date (v0.1.0)\n");
});

const NOBODY = 65534;
testWhere(
  process.getuid?.() === 0 ? undefined : "needs root, to run as another user",
  "a folder that belongs to another user: a clear message and no change",
  async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(feedFiles(NEW));
    const { executable } = installed(home.path, feed.url);
    chmodSync(home.path, 0o755);
    chmodSync(built.path, 0o755);
    mkdirSync(join(home.path, "data"));
    const run = Bun.spawn([executable, "update", "-json"], {
      env: {
        PATH: process.env.PATH,
        HOME: home.path,
        ENTMOOT_UPDATE_URL: feed.url,
        ENTMOOT_DATA: join(home.path, "data"),
      },
      uid: NOBODY,
      gid: NOBODY,
      stdout: "pipe",
      stderr: "ignore",
    } as never) as Bun.Subprocess<"ignore", "pipe", "ignore">;
    const { error } = JSON.parse(await run.stdout.text());
    expect(error.message).toMatch(/not writable for this user/);
    expect(await run.exited).toBe(1);
    expect(fingerprint(executable)).toBe(oldPrint);
    expect(readdirSync(join(home.path, "bin"))).toEqual(["entmootd"]);
  },
);

testWhere(
  process.getuid?.() === 0 ? undefined : "needs root, to own a file for another user",
  "what root updates stays its owner's",
  async () => {
    using home = new TemporaryDirectory();
    await using feed = new FeedServer(feedFiles(NEW));
    const { executable, node } = installed(home.path, feed.url);
    await using a = node;
    Bun.spawnSync(["cp", oldBinary, `${executable}.copy`]);
    Bun.spawnSync(["mv", `${executable}.copy`, executable]);
    Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, join(home.path, "bin")]);
    expect(await a.ask(["update", "-json"])).toMatchObject({ updated: true });
    for (const name of readdirSync(join(home.path, "bin"))) {
      expect({ name, uid: statSync(join(home.path, "bin", name)).uid }).toEqual({ name, uid: NOBODY });
    }
  },
);
