import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { missingTool, testWhere } from "../support/needs.ts";
import { ReleaseKey, type TarFile } from "../support/release-feed.ts";
import { sliceOf } from "../support/slice.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { Sandbox } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");

/** What a feed does to us, and what is said of it. */
interface Attack {
  readonly name: string;
  readonly attack: (feed: FakeFeed) => void;
  readonly said: RegExp;
}

const newer = { version: "v2.0.0", serial: 1_800_000_000_000 };
const binary = fakeBinary(newer.version);
const entry: TarFile = { name: "entmootd", content: binary };

/** A body that never ends. */
function endless(): Response {
  const zeros = new Uint8Array(1 << 16);
  return new Response(
    new ReadableStream({
      pull(controller) {
        controller.enqueue(zeros);
      },
    }),
  );
}

/** Announces `size` bytes and breaks off after `sent`. */
function cutOff(bytes: Uint8Array, sent: number): () => Response {
  return () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(bytes.slice(0, sent));
          controller.error(new Error("cut off"));
        },
      }),
      { headers: { "content-length": String(bytes.length) } },
    );
}

const ATTACKS: readonly Attack[] = [
  {
    name: "an archive that was changed",
    attack: (feed) => {
      feed.publish(newer);
      const archive = Buffer.from(feed.files.get(feed.archive) as Uint8Array);
      archive[archive.length >> 1]! ^= 1;
      feed.files.set(feed.archive, archive);
    },
    said: /checksum mismatch: expected [0-9a-f]{64}, found [0-9a-f]{64}/,
  },
  {
    name: "an archive that is longer than announced",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set(feed.archive, Buffer.concat([feed.files.get(feed.archive) as Uint8Array, Buffer.alloc(1)]));
    },
    said: /expected at most \d+ bytes, found more/,
  },
  {
    name: "an archive that is shorter than announced",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set(feed.archive, (feed.files.get(feed.archive) as Uint8Array).subarray(0, 100));
    },
    said: /expected \d+ bytes, found 100/,
  },
  {
    name: "an archive cut off on its way",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set(feed.archive, cutOff(feed.files.get(feed.archive) as Uint8Array, 200));
    },
    said: /cut off after \d+ bytes|curl: \(\d+\)/,
  },
  {
    name: "an archive that never ends",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set(feed.archive, endless);
    },
    said: /expected at most \d+ bytes, found more/,
  },
  {
    name: "an archive that is not there",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.delete(feed.archive);
    },
    said: /404/,
  },
  {
    name: "a right archive with another binary in it",
    attack: (feed) => feed.publish({ ...newer, binary, files: () => [{ ...entry, content: fakeBinary("v6.6.6") }] }),
    said: /entmootd: checksum mismatch/,
  },
  {
    name: "an archive whose binary is a symbolic link",
    attack: (feed) => {
      const link: TarFile = { name: "entmootd", content: Buffer.alloc(0), kind: "2", link: "/bin/sh" };
      feed.publish({ ...newer, binary, files: () => [link] });
    },
    said: /entmootd: expected \d+ bytes, found 0/,
  },
  {
    name: "an archive whose binary is a link to what comes after it",
    attack: (feed) => {
      const link: TarFile = { name: "entmootd", content: Buffer.alloc(0), kind: "1", link: "other" };
      feed.publish({ ...newer, binary, files: () => [link, { ...entry, name: "other" }] });
    },
    said: /entmootd: expected \d+ bytes, found 0/,
  },
  {
    name: "an archive that holds the binary twice",
    attack: (feed) => feed.publish({ ...newer, binary, files: () => [entry, entry] }),
    said: /entmootd: expected \d+ bytes, found \d+/,
  },
  {
    name: "an archive without the binary",
    attack: (feed) => feed.publish({ ...newer, binary, files: () => [{ ...entry, name: "bin/entmootd" }] }),
    said: /entmootd: expected \d+ bytes, found 0/,
  },
  {
    name: "a manifest that was changed after it was signed",
    attack: (feed) => {
      feed.publish(newer);
      const text = Buffer.from(feed.files.get("manifest.json") as Uint8Array).toString();
      feed.files.set("manifest.json", Buffer.from(text.replace("v2.0.0", "v2.0.1")));
    },
    said: /the signature does not match its bytes/,
  },
  {
    name: "a manifest signed by a key nobody knows",
    attack: (feed) => feed.publish({ ...newer, keys: [new ReleaseKey()] }),
    said: /expected a signature by [0-9a-f]{16}, found [0-9a-f]{16}/,
  },
  {
    name: "another key's signature under the id of a known one",
    attack: (feed) => {
      feed.publish({ ...newer, keys: [new ReleaseKey()] });
      const line = Buffer.from(feed.files.get("manifest.json.sig") as Uint8Array).toString();
      feed.files.set("manifest.json.sig", Buffer.from(line.replace(/^[0-9a-f]{16}/, feed.key.id)));
    },
    said: /the signature does not match its bytes/,
  },
  {
    name: "a manifest without signatures",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.delete("manifest.json.sig");
    },
    said: /an unsigned release is not installed/,
  },
  {
    name: "an empty file of signatures",
    attack: (feed) => feed.publish({ ...newer, keys: [] }),
    said: /expected a signature by [0-9a-f]{16}, found none/,
  },
  {
    name: "more signatures than anybody needs",
    attack: (feed) => feed.publish({ ...newer, keys: Array.from({ length: 17 }, () => new ReleaseKey()) }),
    said: /expected at most 16 signatures/,
  },
  {
    name: "signatures that never end",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set("manifest.json.sig", endless);
    },
    said: /manifest\.json\.sig: expected at most 4096 bytes, found more/,
  },
  {
    name: "a manifest that never ends",
    attack: (feed) => void feed.files.set("manifest.json", endless),
    said: /manifest\.json: expected at most 1048576 bytes, found more/,
  },
  {
    name: "a page instead of a manifest, even signed",
    attack: (feed) => {
      const page = Buffer.from("<html>welcome</html>\n");
      feed.files.set("manifest.json", page);
      feed.files.set("manifest.json.sig", Buffer.from(feed.key.line(page)));
    },
    said: /expected a release manifest, found something else/,
  },
  {
    name: "an expired manifest",
    attack: (feed) => feed.publish({ ...newer, expiresAtMs: Date.now() - 2000 }),
    said: /the manifest has expired.*name it: .* --version v/,
  },
  {
    name: "an older release in place of the newest",
    attack: (feed) => feed.publish({ ...newer, serial: 5 }),
    said: /its serial 5 is older than \d+, that of the newest release ever installed here; .*--version v2\.0\.0/,
  },
  {
    name: "an archive of 10 GB",
    attack: (feed) =>
      feed.publish({
        ...newer,
        edit: ({ files }) =>
          files.forEach((file) => {
            file.size = 1e10;
          }),
      }),
    said: /expected at most 536870912 bytes, found 10000000000 announced/,
  },
  {
    name: "a name that leads out of the feed",
    attack: (feed) =>
      feed.publish({
        ...newer,
        edit: ({ files }) =>
          files.forEach((file) => {
            file.name = "../x.tar.gz";
          }),
      }),
    said: /expected the plain name of an archive/,
  },
  {
    name: "a size that is no number",
    attack: (feed) =>
      feed.publish({
        ...newer,
        edit: ({ files }) =>
          files.forEach((file) => {
            file.size = "$(id)";
          }),
      }),
    said: /size: expected a number/,
  },
  {
    name: "a binary that tells another version than its release",
    attack: (feed) => feed.publish({ ...newer, binary: fakeBinary("v1.9.0") }),
    said: /expected version v2\.0\.0, found 'v1\.9\.0'/,
  },
  {
    name: "a redirect to another host",
    attack: (feed) => {
      feed.publish(newer);
      feed.files.set(feed.archive, () => Response.redirect("http://localhost:1/x.tar.gz", 302));
    },
    said: /sends us elsewhere \(status 302\)/,
  },
];

for (const { name, attack, said } of ATTACKS) {
  testWhere(needs, `refused, with everything as it was: ${name}`, async () => {
    using feed = new FakeFeed();
    feed.publish({ version: "v1.0.0", serial: 10 });
    using box = new Sandbox(feed);
    await box.install();
    feed.files.clear();
    const before = box.snapshot();
    attack(feed);
    const upgrade = await box.run();
    expect(upgrade.stderr).toMatch(said);
    expect(upgrade.status).toBe(1);
    expect(box.snapshot()).toEqual(before);
    // And where nothing is installed yet, nothing is.
    if (said.source.includes("older than")) return;
    using fresh = new Sandbox(feed);
    expect((await fresh.run()).stderr).toMatch(said);
    expect(existsSync(fresh.installDir)).toBe(false);
  });
}

const WITH_WGET = ATTACKS.filter(({ said }) => !said.source.includes("older than"));

for (const { name, attack } of sliceOf(WITH_WGET, 8)) {
  testWhere(needs ?? missingTool("wget"), `refused with wget instead of curl: ${name}`, async () => {
    using feed = new FakeFeed();
    using box = new Sandbox(feed);
    // A `curl` that the script cannot find: only what it asks for by name is on this PATH.
    const tools =
      "basename cat chmod chown cmp cp cut date df dirname env expr getconf grep gzip head id ldd ln ls mkdir mkfifo mktemp mv openssl readlink rm rmdir sed sh sha256sum sync tail tar timeout tr uname wc wget";
    for (const tool of tools.split(" ")) {
      const found = Bun.which(tool);
      if (found !== null) box.link(`tools/${tool}`, found);
    }
    const env = { PATH: `${box.home}/tools` };
    const shell = [Bun.which("dash")!];
    attack(feed);
    const { status, stderr } = await box.run([], { env, shell });
    expect([status, existsSync(box.installDir)]).toEqual([1, false]);
    expect(stderr).not.toContain("not found");
    feed.publish();
    expect(await box.install([], { env, shell })).toContain("signed by");
  });
}

for (const [url, said] of [
  ["http://192.0.2.1/feed/", /plain http is only for this machine's loopback/],
  ["http://127.0.0.1.example.com/", /plain http is only/],
  ["http://localhost.example.com/", /plain http is only/],
  [`https://example.com/${"a".repeat(2048)}`, /found 2069 characters/],
  ["http://127.0.0.1@example.com/", /without blanks, user name, query or fragment/],
  ["https://example.com/?x=1", /without blanks/],
  ["https://example.com/$(id)/", /without blanks/],
  ["file:///tmp/feed/", /expected the https:\/\/ address/],
  ["/tmp/feed", /expected the https:\/\/ address/],
] as const) {
  testWhere(needs, `${url.slice(0, 60)} is no feed`, async () => {
    using box = new Sandbox();
    const { status, stderr } = await box.run([], { env: { ENTMOOT_UPDATE_URL: url } });
    expect(stderr).toMatch(said);
    expect(status).toBe(1);
    expect(existsSync(box.installDir)).toBe(false);
  });
}

testWhere(needs, "a signature by any of several keys is enough, and a key of another form is told", async () => {
  using feed = new FakeFeed();
  const [old, other] = [new ReleaseKey(), new ReleaseKey()];
  feed.publish({ keys: [other, feed.key] });
  using box = new Sandbox(feed);
  const env = (keys: string) => ({ env: { ENTMOOT_RELEASE_PUBKEYS: keys } });
  expect(await box.install([], env(`${old.publicKey}, ${feed.key.publicKey}`))).toContain(feed.key.id);
  expect((await box.run([], env("c2hvcnQ="))).stderr).toContain("release key: expected base64 of 32 bytes");
});
