import { expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { basename, join } from "node:path";
import { sizeText } from "../../src/core/amounts.ts";
import { update } from "../../src/update/update.ts";
import { archiveName, FeedServer, feedFiles } from "../support/release-feed.ts";
import { Installed, program, refusal } from "./installed.ts";

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

/** A feed of v0.2.0, its archive, and where an earlier run of `place` would have left part of it. */
function halfway(place: Installed) {
  const files = feedFiles({ version: "v0.2.0", binary: program("v0.2.0") });
  const { sha256 } = JSON.parse(new TextDecoder().decode(files.get("manifest.json"))).files[0];
  const name = archiveName(files);
  return { files, name, archive: files.get(name)!, partial: join(place.dir, `.entmootd.part-${sha256}`) };
}

test("what an earlier run brought and is not of this archive is thrown away, and all of it is fetched again", async () => {
  for (const isWhole of [false, true]) {
    using place = new Installed();
    const { files, name, archive, partial } = halfway(place);
    writeFileSync(partial, new Uint8Array(isWhole ? archive.length : 100).fill(7));
    await using feed = new FeedServer(files);
    expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
    expect(feed.asked.slice(2)).toEqual([...(isWhole ? [] : [`${name} bytes=100-`]), name]);
  }
});

test("an archive that is wrong from its first byte on is fetched once", async () => {
  using place = new Installed();
  const { files, name, archive } = halfway(place);
  await using feed = new FeedServer(
    files.set(
      name,
      archive.map((byte) => byte ^ 1),
    ),
  );
  expect(await refusal(update(place.request(feed.url)))).toContain("checksum mismatch");
  expect(feed.asked.filter((path) => path.startsWith(name))).toEqual([name]);
});

test.each([
  ["sends another part than the one asked for", 206, "bytes 5-9/10"],
  ["sends a part without saying which", 206, undefined],
  ["has nothing after that", 416, "bytes */50"],
] as const)("a server that %s is asked for all of it", async (_what, status, range) => {
  using place = new Installed();
  const { files, name, archive, partial } = halfway(place);
  writeFileSync(partial, archive.subarray(0, 100));
  await using feed = new FeedServer(files, (path, request) =>
    path === name && request.headers.has("range")
      ? new Response("12345", { status, headers: range === undefined ? {} : { "Content-Range": range } })
      : undefined,
  );
  expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
  expect(feed.asked.slice(2)).toEqual([`${name} bytes=100-`, name]);
});

test("a link in place of a partial download is not followed", async () => {
  using place = new Installed();
  const { files, partial } = halfway(place);
  const elsewhere = join(place.data, "elsewhere");
  writeFileSync(elsewhere, "mine");
  symlinkSync(elsewhere, partial);
  await using feed = new FeedServer(files);
  expect(await update(place.request(feed.url))).toMatchObject({ updated: true });
  expect(readFileSync(elsewhere, "utf8")).toBe("mine");
});

test("a server whose archive is too short is not asked for all of it again and again", async () => {
  using place = new Installed();
  const { files, name, archive } = halfway(place);
  files.set(name, archive.slice(0, -20));
  await using feed = new FeedServer(files, (path, request) =>
    path === name && request.headers.has("range") ? new Response("", { status: 416 }) : undefined,
  );
  expect(await refusal(update(place.request(feed.url)))).toContain(
    `cut off after ${sizeText(archive.length - 20)} of ${sizeText(archive.length)}`,
  );
  expect(feed.asked.filter((path) => path === name).length).toBe(2);
});

test("what an earlier run brought goes when there is nothing to fetch any more", async () => {
  using place = new Installed();
  const { files, archive, partial } = halfway(place);
  writeFileSync(partial, archive.subarray(0, 100));
  await using feed = new FeedServer(files);
  const request = place.request(feed.url, { runningVersion: "v0.2.0" });
  expect(await update(request)).toMatchObject({ update_available: false });
  expect(readdirSync(place.dir)).not.toContain(basename(partial));
});
