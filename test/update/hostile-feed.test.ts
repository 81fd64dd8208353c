import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type UpdateRequest, update } from "../../src/update/update.ts";
import { archiveName, archiveOf, FeedServer, feedFiles, STRANGER_SEED, type TarFile } from "../support/release-feed.ts";
import { Installed, program, refusal } from "./installed.ts";

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
  [
    "an unknown key",
    /expected a signature by.*install anew/,
    () => ({ files: feedFiles({ ...V2, seed: STRANGER_SEED }) }),
  ],
  ["no signature", /unsigned/, (files) => ({ files: without(files, "manifest.json.sig") })],
  [
    "a signature that is none",
    /expected key id.*damaged.*tell the publisher/,
    (files) => ({ files: files.set("manifest.json.sig", new TextEncoder().encode("trust me\n")) }),
  ],
  ["a build without keys", /no release keys/, () => ({ request: { keys: [] } })],
  ["no manifest", /is this a release feed/, () => ({ files: new Map() })],
  ["an older serial", /older than the installed 500/, () => ({ files: feedFiles({ ...V2, serial: 499 }) })],
  ["an expired manifest", /expired/, () => ({ files: feedFiles({ ...V2, expiresAtMs: Date.now() - 1 }) })],
  [
    "a manifest of 2 MiB",
    /at most 1 MiB \(1,048,576 bytes\)/,
    (files) => ({ files: files.set("manifest.json", new Uint8Array(2 << 20)) }),
  ],
  [
    "an endless manifest",
    /at most 1 MiB \(1,048,576 bytes\)/,
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
    /checksum mismatch.*nothing was installed; try again later/,
    (files) => {
      const swapped = files.get(archiveName(files))!.slice();
      swapped[swapped.length - 9]! ^= 1;
      return { files: files.set(archiveName(files), swapped) };
    },
  ],
  [
    "a longer archive",
    /the server has \d+|found more/,
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
    /cut off after|the server has \d+/,
    (files) => ({
      files: feedFiles({ ...V2, file: { size: files.get(archiveName(files))!.length + 7 } }),
    }),
  ],
  [
    "a right checksum and a smaller size",
    /the server has \d+|found more/,
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
    /the server does not send it/,
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
  expect(said).toContain("the server has 9.3 GiB (10,000,000,000 bytes); nothing was installed");
  expect(place.installed).toBe(new TextDecoder().decode(place.content));
});
