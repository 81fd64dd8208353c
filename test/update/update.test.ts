import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { FileLock } from "../../src/store/lock.ts";
import { rollBack, type UpdateRequest, update } from "../../src/update/update.ts";
import {
  archiveName,
  archiveOf,
  FeedServer,
  feedFiles,
  RELEASE_KEY,
  STRANGER_SEED,
  type TarFile,
} from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A program that says it is `version` and passes its self-test, or fails it with these lines of shell. */
function program(version: string, selfTest = "exit 0", size = 0): Uint8Array {
  const text = `#!/bin/sh\nif [ "$1" = version ]; then echo '{"version":"${version}"}'; exit 0; fi\n${selfTest}\n`;
  // What follows is never read: the shell has ended by then.
  return new TextEncoder().encode(`${text}exit 0\n${"#".repeat(size)}`);
}

/** An installed v0.1.0 in a folder of its own. */
class Installed implements Disposable {
  readonly #home = new TemporaryDirectory();
  readonly dir = join(realpathSync(this.#home.path), "bin");
  readonly executable = join(this.dir, "entmootd");
  readonly data = join(this.#home.path, "data");

  constructor(readonly content = program("v0.1.0")) {
    mkdirSync(this.dir);
    mkdirSync(this.data);
    writeFileSync(this.executable, content);
    chmodSync(this.executable, 0o755);
  }

  request(feedUrl: string, more: Partial<UpdateRequest> = {}): UpdateRequest {
    return {
      check: false,
      restart: false,
      version: undefined,
      prerelease: false,
      repo: "owner/name",
      installDir: undefined,
      feedUrl,
      dataDir: this.data,
      home: this.#home.path,
      running: this.executable,
      runningVersion: "v0.1.0",
      runningSerial: 500,
      keys: [RELEASE_KEY],
      readyMs: 1_000,
      ...more,
    };
  }

  get installed(): string {
    return readFileSync(this.executable, "utf8");
  }

  [Symbol.dispose](): void {
    this.#home[Symbol.dispose]();
  }
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    expect(error).toMatchObject({ code: "update_failed" });
    return (error as Error).message;
  }
  throw new Error("was not refused");
}

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

test("a download that breaks off is gone on with where it stopped, in the same run and in the next", async () => {
  using place = new Installed();
  const binary = program("v0.2.0", "exit 0", 2_000_000);
  const noise = crypto.getRandomValues(new Uint8Array(60_000));
  const files = feedFiles({ version: "v0.2.0", binary, files: (file) => [file, { name: "NOISE", content: noise }] });
  const name = archiveName(files);
  const archive = files.get(name)!;
  let broken = 0;
  let arrived: (received: number) => void = () => {};
  // One that closes early says how much it would have sent; Bun's server does so only over a raw socket.
  const short = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => {
      const [, path] = /^GET \/(\S+)/.exec(data.toString()) ?? [];
      const from = Number(/range: bytes=(\d+)-/i.exec(data.toString())?.[1] ?? 0);
      const bytes = path === name ? archive.subarray(from) : files.get(path!)!;
      const isCut = path === name && broken++ < 3;
      const status = from === 0 ? "200 OK" : "206 Partial Content";
      const range = from === 0 ? "" : `Content-Range: bytes ${from}-${archive.length - 1}/${archive.length}\r\n`;
      socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${bytes.length}\r\n${range}Connection: close\r\n\r\n`);
      if (!isCut) return void socket.end(bytes);
      socket.write(bytes.subarray(0, 10_000));
      // Cut when it has arrived: what a broken connection still held is lost, and how much that is depends on luck.
      arrived = (received) => received >= from + 10_000 && socket.destroy();
    });
  });
  await once(short.listen(0, "127.0.0.1"), "listening");
  const { port } = short.address() as AddressInfo;
  const seen: number[] = [];
  const request = place.request(`http://127.0.0.1:${port}/`, {
    onProgress: (received) => {
      seen.push(received);
      arrived(received);
    },
  });
  expect(await update(request)).toMatchObject({ updated: true });
  short.close();
  expect(broken).toBe(4);
  expect(seen.filter((at, i) => i > 0 && at < seen[i - 1]!)).toEqual([]);
  expect(place.installed).toContain("v0.2.0");
});

test("what an earlier run brought is not asked for again", async () => {
  using place = new Installed();
  const files = feedFiles({ version: "v0.2.0", binary: program("v0.2.0") });
  const name = archiveName(files);
  const archive = files.get(name)!;
  const { sha256 } = JSON.parse(new TextDecoder().decode(files.get("manifest.json"))).files[0];
  writeFileSync(join(place.dir, `.entmootd.part-${sha256}`), archive.subarray(0, 100));
  writeFileSync(join(place.dir, `.entmootd.part-${"0".repeat(64)}`), "of another");
  await using feed = new FeedServer(files);
  await update(place.request(feed.url));
  expect(feed.asked).toEqual(["manifest.json", "manifest.json.sig", `${name} bytes=100-`]);
  expect(readdirSync(place.dir).filter((found) => found.includes("part"))).toEqual([]);
});

/** Feeds that must not get in: what is wrong, how it comes to be so, and what is said. */
type Hostile = readonly [
  what: string,
  says: RegExp,
  make: (files: Map<string, Uint8Array>) => Partial<{
    files: Map<string, Uint8Array>;
    answer: (path: string) => Response | undefined;
    request: Partial<UpdateRequest>;
  }>,
];
const V2 = { version: "v0.2.0", binary: program("v0.2.0") };
const extra = (file: TarFile) => (binary: TarFile) => [file, binary];
const NOTHING = new Uint8Array(0);
const without = (files: Map<string, Uint8Array>, name: string) => new Map([...files].filter(([each]) => each !== name));
const endless = () =>
  new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)) });

const HOSTILE: readonly Hostile[] = [
  [
    "a manifest changed after it was signed",
    /does not match/,
    (files) => {
      const text = new TextDecoder().decode(files.get("manifest.json")).replace("v0.2.0", "v0.3.0");
      return { files: files.set("manifest.json", new TextEncoder().encode(text)) };
    },
  ],
  ["an unknown key", /expected a signature by/, () => ({ files: feedFiles({ ...V2, seed: STRANGER_SEED }) })],
  ["no signature", /unsigned/, (files) => ({ files: without(files, "manifest.json.sig") })],
  [
    "a signature that is none",
    /expected key id/,
    (files) => ({ files: files.set("manifest.json.sig", new TextEncoder().encode("trust me\n")) }),
  ],
  ["a build without keys", /no release keys/, () => ({ request: { keys: [] } })],
  ["no manifest", /is this a release feed/, () => ({ files: new Map() })],
  ["an older serial", /older than the installed 500/, () => ({ files: feedFiles({ ...V2, serial: 499 }) })],
  ["an expired manifest", /expired/, () => ({ files: feedFiles({ ...V2, expiresAtMs: Date.now() - 1 }) })],
  [
    "a manifest of 2 MiB",
    /at most 1048576 bytes/,
    (files) => ({ files: files.set("manifest.json", new Uint8Array(2 << 20)) }),
  ],
  [
    "an endless manifest",
    /at most 1048576 bytes/,
    () => ({ answer: (path) => (path === "manifest.json" ? new Response(endless()) : undefined) }),
  ],
  [
    "a build for other machines only",
    /no build for/,
    () => ({
      files: feedFiles({
        ...V2,
        file: { os: "windows", libc: "", binary: { name: "entmootd.exe", size: 1, sha256: "0".repeat(64) } },
      }),
    }),
  ],
  ["no archive", /not there/, (files) => ({ files: without(files, archiveName(files)) })],
  [
    "a swapped archive of equal size",
    /checksum mismatch/,
    (files) => {
      const swapped = files.get(archiveName(files))!.slice();
      swapped[swapped.length - 9]! ^= 1;
      return { files: files.set(archiveName(files), swapped) };
    },
  ],
  [
    "a longer archive",
    /found \d+ announced|found more/,
    (files) => ({
      files: files.set(archiveName(files), new Uint8Array([...files.get(archiveName(files))!, 0])),
    }),
  ],
  [
    "a truncated archive",
    /cut off after/,
    (files) => ({
      files: files.set(archiveName(files), files.get(archiveName(files))!.slice(0, -20)),
    }),
  ],
  [
    "an endless archive",
    /found more/,
    () => ({ answer: (path) => (path.endsWith(".gz") ? new Response(endless()) : undefined) }),
  ],
  [
    "a right checksum and a wrong size",
    /cut off after|found \d+ announced/,
    (files) => ({
      files: feedFiles({ ...V2, file: { size: files.get(archiveName(files))!.length + 7 } }),
    }),
  ],
  [
    "a right checksum and a smaller size",
    /found \d+ announced|found more/,
    (files) => ({
      files: feedFiles({ ...V2, file: { size: files.get(archiveName(files))!.length - 7 } }),
    }),
  ],
  [
    "a redirect to another host",
    /redirects to another host/,
    () => ({
      answer: (path) => (path.endsWith(".gz") ? Response.redirect("http://127.0.0.2:1/x.tar.gz") : undefined),
    }),
  ],
  [
    "a manifest behind a redirect to another host",
    /redirects to another host/,
    () => ({
      answer: () => Response.redirect("https://example.com/manifest.json"),
    }),
  ],
  [
    "redirects in a circle",
    /more than 5 redirects/,
    () => ({
      answer: () => new Response(null, { status: 302, headers: { Location: "/manifest.json" } }),
    }),
  ],
  [
    "a redirect to a file",
    /redirects to another host/,
    () => ({
      answer: () => new Response(null, { status: 302, headers: { Location: "file:///etc/passwd" } }),
    }),
  ],
  ["an error of the server", /answered 500/, () => ({ answer: () => new Response("", { status: 500 }) })],
  [
    "a part that was not asked for",
    /expected the part|without saying which/,
    () => ({
      answer: (path) =>
        path.endsWith(".gz")
          ? new Response("x", { status: 206, headers: { "Content-Range": "bytes 5-5/6" } })
          : undefined,
    }),
  ],
  [
    "a path out of the archive",
    /unsafe archive path/,
    () => ({ files: feedFiles({ ...V2, files: extra({ name: "../entmootd", content: NOTHING }) }) }),
  ],
  [
    "an absolute path",
    /unsafe archive path/,
    () => ({ files: feedFiles({ ...V2, files: extra({ name: "/etc/x", content: NOTHING }) }) }),
  ],
  [
    "a nested binary",
    /plain names at its root/,
    () => ({ files: feedFiles({ ...V2, files: (file) => [{ ...file, name: "x/entmootd" }] }) }),
  ],
  [
    "a symbolic link",
    /found a symbolic link/,
    () => ({
      files: feedFiles({ ...V2, files: extra({ name: "entmootd", content: NOTHING, kind: "2", link: "/bin/sh" }) }),
    }),
  ],
  [
    "a hard link",
    /found a hard link/,
    () => ({ files: feedFiles({ ...V2, files: extra({ name: "a", content: NOTHING, kind: "1", link: "entmootd" }) }) }),
  ],
  [
    "a device",
    /found a device/,
    () => ({ files: feedFiles({ ...V2, files: extra({ name: "null", content: NOTHING, kind: "3" }) }) }),
  ],
  [
    "a folder",
    /found a folder/,
    () => ({ files: feedFiles({ ...V2, files: extra({ name: "bin", content: NOTHING, kind: "5" }) }) }),
  ],
  [
    "a pax header",
    /found a pax extension/,
    () => ({
      files: feedFiles({
        ...V2,
        files: extra({ name: "x", content: new TextEncoder().encode("20 path=../entmootd\n"), kind: "x" }),
      }),
    }),
  ],
  [
    "a long name",
    /found a long name/,
    () => ({
      files: feedFiles({
        ...V2,
        files: extra({ name: "././@LongLink", content: new TextEncoder().encode("../entmootd\0"), kind: "L" }),
      }),
    }),
  ],
  ["the binary twice", /twice/, () => ({ files: feedFiles({ ...V2, files: (file) => [file, file] }) })],
  [
    "no binary",
    /is missing in it/,
    () => ({ files: feedFiles({ ...V2, files: (file) => [{ ...file, name: "other" }] }) }),
  ],
  [
    "another binary than the manifest says",
    /checksum mismatch/,
    () => ({
      files: feedFiles({ ...V2, files: (file) => [{ ...file, content: file.content.map((byte) => byte ^ 1) }] }),
    }),
  ],
  [
    "a binary of another size",
    /expected \d+ bytes, found/,
    () => ({
      files: feedFiles({ ...V2, files: (file) => [{ ...file, content: new Uint8Array([...file.content, 10]) }] }),
    }),
  ],
  [
    "more after the end of the archive",
    /goes on after its end/,
    () => ({
      files: feedFiles({
        ...V2,
        files: (file) => [file, { name: "x", content: new Uint8Array(512) }, { name: "y", content: NOTHING }],
      }),
    }),
  ],
  [
    "an archive that is none",
    /not a gzipped tar/,
    () => {
      const bytes = new TextEncoder().encode("<html>");
      return { files: feedWith(bytes) };
    },
  ],
  [
    "an archive that ends early",
    /ends before its end|not a gzipped tar/,
    () => ({ files: feedWith(archiveOf([]).slice(0, 15)) }),
  ],
  [
    "a binary of another version",
    /expected v0.2.0, found v0.1.9/,
    () => ({ files: feedFiles({ ...V2, binary: program("v0.1.9") }) }),
  ],
  [
    "a binary that fails its self-test",
    /ended with status 3: no luck/,
    () => ({
      files: feedFiles({ ...V2, binary: program("v0.2.0", "echo no luck >&2; exit 3") }),
    }),
  ],
  [
    "a binary that is no program",
    /does not start|expected its version|ended with status/,
    () => ({
      files: feedFiles({ ...V2, binary: new Uint8Array(5000).fill(7) }),
    }),
  ],
];

/** A signed feed whose archive is `bytes`, truly described. */
function feedWith(bytes: Uint8Array): Map<string, Uint8Array> {
  const size = bytes.length;
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const files = feedFiles({ ...V2, file: { size, sha256 } });
  return files.set(archiveName(files), bytes);
}

describe("a hostile feed is refused and the installed program stays as it is", () => {
  test.each(HOSTILE)("%s", async (what, says, make) => {
    using place = new Installed();
    const hostile = make(feedFiles(V2));
    if (what === "more after the end of the archive") {
      // A block of zeros between entries is the end; what follows is hidden.
      const files = feedFiles(V2);
      const tar = Bun.gunzipSync(files.get(archiveName(files))! as Uint8Array<ArrayBuffer>);
      const hidden = Bun.gunzipSync(archiveOf([{ name: "z", content: NOTHING }]) as Uint8Array<ArrayBuffer>);
      hostile.files = feedWith(Bun.gzipSync(Buffer.concat([tar, hidden])));
    }
    await using feed = new FeedServer(hostile.files ?? feedFiles(V2), hostile.answer);
    expect(await refusal(update(place.request(feed.url, hostile.request)))).toMatch(says);
    expect(place.installed).toBe(new TextDecoder().decode(place.content));
    expect(readdirSync(place.dir).filter((name) => /previous|new-|swap-|version/.test(name))).toEqual([]);
  });
});

test("10 GB declared are refused before any of it is taken", async () => {
  using place = new Installed();
  const files = feedFiles(V2);
  const name = archiveName(files);
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, data) {
        const [, path] = /^GET \/(\S+)/.exec(data.toString()) ?? [];
        if (path === name) return void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nxx");
        const bytes = files.get(path!)!;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`);
        socket.write(bytes);
        socket.end();
      },
    },
  });
  const said = await refusal(update(place.request(`http://127.0.0.1:${server.port}/`)));
  expect(said).toContain("found 10000000000 announced");
  expect(place.installed).toBe(new TextDecoder().decode(place.content));
});

test("of two updates at once the second is told so, and changes nothing", async () => {
  using place = new Installed();
  await using feed = new FeedServer(feedFiles(V2));
  {
    using _first = FileLock.tryAcquire(join(place.dir, ".entmootd.lock"), 0);
    expect(await refusal(update(place.request(feed.url)))).toContain("another update is under way");
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
  await using feed = new FeedServer(feedFiles(V2));
  const request = place.request(feed.url, { running: join(dir, "entmootd") });
  expect(await refusal(update(request))).toContain(`was installed by ${manager}`);
  expect(await update({ ...request, check: true })).toMatchObject({ update_available: true });
  expect(readdirSync(dir)).toEqual(["entmootd"]);
});

test("an alias leads to what it stands for", async () => {
  using place = new Installed();
  const alias = join(place.dir, "..", "entmoot");
  symlinkSync(place.executable, alias);
  await using feed = new FeedServer(feedFiles(V2));
  expect(await update(place.request(feed.url, { running: alias }))).toMatchObject({
    install_dir: place.dir,
    updated: true,
  });
  expect(place.installed).toContain("v0.2.0");
});

test("a folder of choice that is empty gets its first program", async () => {
  using place = new Installed();
  const dir = join(place.data, "new/bin");
  await using feed = new FeedServer(feedFiles(V2));
  expect(await update(place.request(feed.url, { installDir: dir }))).toMatchObject({ updated: true });
  expect(readFileSync(join(realpathSync(dir), "entmootd"), "utf8")).toContain("v0.2.0");
  expect(existsSync(join(dir, "entmootd.previous"))).toBe(false);
  expect(await refusal(rollBack(place.request(feed.url, { installDir: dir })))).toContain("no earlier version is kept");
});
