import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sizeText } from "../../src/core/amounts.ts";
import { Sandbox } from "../install/sandbox.ts";
import { DaemonNode } from "../support/daemon.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { archiveName, FeedServer, feedFiles, RELEASE_KEY, type ReleaseOptions } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { buildTestBinary, fingerprint } from "../support/updated-binaries.ts";

/** Nothing here starts a daemon. What is in an archive, or wrong with a signature, is in `update-refused`. */
const OLD = { version: "v0.1.0", serial: 1000 };
const BYTES = new TextEncoder().encode('#!/bin/sh\necho \'{"version":"v0.2.0"}\'\n');
const NEW: ReleaseOptions = { version: "v0.2.0", serial: 2000, binary: BYTES };
const SIZE = feedFiles(NEW).get(archiveName(feedFiles(NEW)))!.length;
const TEN_GB = 10_000_000_000;

/** What a feed and its server do, and what `entmootd update` and `install.sh` say of it. */
interface Attack {
  readonly name: string;
  readonly files?: () => Map<string, Uint8Array>;
  /** Answers instead of the file at `path`; `elsewhere` is a server of the very same files on another port. */
  readonly answer?: (path: string, elsewhere: string) => Response | undefined;
  readonly update: RegExp;
  readonly script: RegExp;
}

function endless(): Response {
  const piece = new Uint8Array(1 << 16).fill(0x20);
  return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }));
}

/** What is said somewhere in a text, whatever its characters mean in a pattern. */
const said = (words: string) => new RegExp(words.replace(/[()+]/g, "\\$&"));

const isArchive = (path: string) => path.endsWith(".tar.gz");

const ATTACKS: readonly Attack[] = [
  {
    name: "an archive declared as 10 GB",
    files: () => feedFiles({ ...NEW, edit: ({ files }) => Object.assign(files[0]!, { size: TEN_GB }) }),
    update: /files\.0\.size/,
    script: /expected at most \d+ bytes, found 10000000000 announced/,
  },
  {
    name: "a binary declared as 10 GB",
    files: () =>
      feedFiles({ ...NEW, edit: ({ files }) => Object.assign(files[0]!.binary as object, { size: TEN_GB }) }),
    update: /files\.0\.binary\.size/,
    script: /expected a binary of at most \d+ bytes, found 10000000000 announced/,
  },
  {
    name: "an archive without end",
    answer: (path) => (isArchive(path) ? endless() : undefined),
    update: said(`expected ${sizeText(SIZE)}, found more`),
    script: new RegExp(`expected at most ${SIZE} bytes, found more`),
  },
  {
    name: "a manifest without end",
    answer: (path) => (path === "manifest.json" ? endless() : undefined),
    update: /expected at most 1 MiB \(1,048,576 bytes\), found more/,
    script: /expected at most 1048576 bytes, found more/,
  },
  {
    name: "signatures without end",
    answer: (path) => (path === "manifest.json.sig" ? endless() : undefined),
    update: /expected at most .* bytes\), found more/,
    script: /expected at most 4096 bytes, found more/,
  },
  {
    name: "an archive that another host would have",
    answer: (path, elsewhere) => (isArchive(path) ? Response.redirect(`${elsewhere}${path}`) : undefined),
    update: /redirects to another host/,
    script: /sends us elsewhere \(status 302\)/,
  },
  {
    name: "a manifest that another host would have",
    answer: (path, elsewhere) => Response.redirect(`${elsewhere}${path}`),
    update: /redirects to another host/,
    script: /sends us elsewhere \(status 302\)/,
  },
  {
    name: "a right checksum and a size one byte too large",
    files: () => feedFiles({ ...NEW, file: { size: SIZE + 1 } }),
    update: said(`cut off after ${sizeText(SIZE)} of ${sizeText(SIZE + 1)}`),
    script: new RegExp(`expected ${SIZE + 1} bytes, found ${SIZE}`),
  },
  {
    name: "a right checksum and a size one byte too small",
    files: () => feedFiles({ ...NEW, file: { size: SIZE - 1 } }),
    update: said(`expected ${sizeText(SIZE - 1)}, `),
    script: new RegExp(`expected at most ${SIZE - 1} bytes, found more`),
  },
  {
    name: "a serial older than that of the newest release ever installed here",
    files: () => feedFiles({ ...NEW, serial: 1499 }),
    update: /older than 1500, that of the newest release ever installed here/,
    script: /its serial 1499 is older than .*1500/,
  },
];

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const box = new Sandbox();
let before: string;
if (needs === undefined) {
  beforeAll(async () => {
    using built = new TemporaryDirectory();
    const binary = readFileSync(await buildTestBinary(built.path, OLD));
    await using feed = new FeedServer(feedFiles({ ...OLD, binary }));
    await box.install([], { env: { ENTMOOT_UPDATE_URL: feed.url, ENTMOOT_RELEASE_PUBKEYS: RELEASE_KEY } });
    // A newer one was there once, and was gone back from.
    box.write(".entmoot/bin/.entmoot-serial", "1500\n");
    before = fingerprint(box.binary);
  });
}
afterAll(() => box[Symbol.dispose]());

for (const { name, files = () => feedFiles(NEW), answer, update, script } of ATTACKS) {
  testWhere(
    needs,
    `${name}: neither update nor install.sh takes it, and what is installed stays as it is`,
    async () => {
      await using elsewhere = new FeedServer(feedFiles(NEW));
      await using feed = new FeedServer(files(), (path) => answer?.(path, elsewhere.url));
      const env = { ENTMOOT_UPDATE_URL: feed.url };
      await using node = new DaemonNode(box.home, ".entmoot", { command: [box.binary], env });

      const updated = await node.run(["update", "-json"]);
      expect(JSON.parse(updated.stdout)).toEqual({
        error: { code: "update_failed", message: expect.stringMatching(update) },
      });
      expect(updated.status).toBe(1);
      expect(fingerprint(box.binary)).toBe(before);

      const installed = await box.run([], { env: { ...env, ENTMOOT_RELEASE_PUBKEYS: RELEASE_KEY } });
      expect(installed.stderr).toMatch(script);
      expect(installed.status).toBe(1);
      expect(fingerprint(box.binary)).toBe(before);

      expect(elsewhere.asked).toEqual([]);
      // Nothing to run is left, and of an archive at most its announced size.
      for (const left of readdirSync(join(box.installDir, "bin"))) {
        expect(left).not.toMatch(/previous|new-|swap-|\.install/);
        if (left.includes(".part-")) expect(statSync(join(box.installDir, "bin", left)).size).toBeLessThanOrEqual(SIZE);
      }
    },
  );
}
