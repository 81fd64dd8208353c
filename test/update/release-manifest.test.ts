import { expect, test } from "bun:test";
import fc from "fast-check";
import { EntmootError } from "../../src/core/errors.ts";
import { publicKeyOf } from "../../src/core/signature.ts";
import { parseReleaseKeys, RELEASE_SERIAL } from "../../src/update/release-keys.ts";
import {
  formatManifest,
  MANIFEST_MAX_BYTES,
  parseManifest,
  platformOf,
  type ReleaseFile,
  type ReleaseManifest,
  releaseKeyId,
  signManifest,
  verifyManifest,
} from "../../src/update/release-manifest.ts";

const linux: ReleaseFile = {
  name: "entmoot-linux-amd64.tar.gz",
  os: "linux",
  arch: "amd64",
  libc: "glibc",
  size: 40_000_000,
  sha256: "a".repeat(64),
  binary: { name: "entmootd", size: 134_000_000, sha256: "b".repeat(64) },
  iroh: true,
  verified: "run",
  experimental: false,
  code_signature: "",
};
const mac: ReleaseFile = {
  ...linux,
  name: "entmoot-darwin-amd64.tar.gz",
  os: "darwin",
  libc: "",
  iroh: false,
  verified: "checked, not run",
  code_signature: "ad-hoc",
};
const manifest: ReleaseManifest = {
  type: "entmoot.release.v1",
  version: "v0.2.0",
  serial: 1_795_260_000_000,
  commit: "0123abc",
  date: "2026-11-21T10:00:00Z",
  expires_at_ms: 1_803_036_000_000,
  files: [linux, mac],
};

const encode = (text: string) => new TextEncoder().encode(text);
const refused = (value: unknown) => {
  try {
    parseManifest(encode(typeof value === "string" ? value : JSON.stringify(value)));
  } catch (error) {
    expect(error).toBeInstanceOf(EntmootError);
    expect((error as EntmootError).code).toBe("invalid_argument");
    return (error as EntmootError).message;
  }
  return "accepted";
};

test("what is written reads back, one line for each file", () => {
  const text = formatManifest(manifest);
  expect(parseManifest(encode(text))).toEqual(manifest);
  expect(text.split("\n")).toHaveLength(5);
  expect(text.split("\n")[1]).toStartWith('{"name":"entmoot-linux-amd64.tar.gz",');
  expect(manifest.files.map(platformOf)).toEqual(["linux-amd64", "darwin-amd64"]);
});

test("keys of later versions are passed over, and a file without a word on its seal has none", () => {
  const { code_signature: _, ...older } = linux;
  const read = parseManifest(encode(JSON.stringify({ ...manifest, next: 1, files: [{ ...older, later: {} }] })));
  expect(read.files).toEqual([linux]);
});

/** One fault each, and what the refusal names. */
const FAULTY: readonly (readonly [fault: string, value: unknown, said: RegExp])[] = [
  ["no JSON", "{", /expected a JSON object/],
  ["a byte order mark", `\ufeff${JSON.stringify(manifest)}`, /expected a JSON object/],
  ["another type", { ...manifest, type: "entmoot.release.v2" }, /type: .*entmoot\.release\.v1.*entmoot\.release\.v2/],
  ["a version that is a path", { ...manifest, version: "v1.0.0/.." }, /version: expected a version such as/],
  ["a version that has no order", { ...manifest, version: "v01.2.3" }, /version: expected a version such as/],
  ["a serial of zero", { ...manifest, serial: 0 }, /serial/],
  ["a serial past exact numbers", { ...manifest, serial: 2 ** 53 }, /serial/],
  ["an expiry that is text", { ...manifest, expires_at_ms: "1" }, /expires_at_ms/],
  ["a date in words", { ...manifest, date: "today" }, /date: expected a date such as/],
  ["no files", { ...manifest, files: [] }, /files/],
  ["65 files", { ...manifest, files: Array(65).fill(linux) }, /files/],
  ["a name twice", { ...manifest, files: [linux, { ...mac, name: linux.name }] }, /distinct names/],
  ["a platform twice", { ...manifest, files: [linux, { ...linux, name: "b.zip" }] }, /one file for each os/],
  ["an archive in another folder", { ...manifest, files: [{ ...linux, name: "../a.tar.gz" }] }, /name: .*plain name/],
  ["an archive with a drive", { ...manifest, files: [{ ...linux, name: "c:a.tar.gz" }] }, /name: .*plain name/],
  ["10 GB", { ...manifest, files: [{ ...linux, size: 10_000_000_000 }] }, /files\.0\.size: expected at most 512 MiB/],
  [
    "a binary of 2 GB",
    { ...manifest, files: [{ ...linux, binary: { ...linux.binary, size: 2 ** 31 } }] },
    /binary\.size/,
  ],
  [
    "a hash in capitals",
    { ...manifest, files: [{ ...linux, sha256: "A".repeat(64) }] },
    /sha256: expected 64 lowercase/,
  ],
  ["linux without a libc", { ...manifest, files: [{ ...linux, libc: "" }] }, /libc on linux/],
  [
    "a binary named for elsewhere",
    { ...manifest, files: [{ ...linux, binary: { ...linux.binary, name: "sh" } }] },
    /binary\.name/,
  ],
  [
    "a key that is missing",
    { ...manifest, files: [{ ...linux, os: undefined }] },
    /files\.0\.os: expected it, found none/,
  ],
  ["a text for a list", { ...manifest, files: "all" }, /files: expected a list, found "all"/],
  ["a part of a number", { ...manifest, serial: 1.5 }, /serial: expected a whole number, found 1\.5/],
  [
    "another system",
    { ...manifest, files: [{ ...linux, os: "beos" }] },
    /"linux" or "darwin" or "windows", found "beos"/,
  ],
  ["10,000 levels", "[".repeat(10_000), /expected/],
];

for (const [fault, value, said] of FAULTY) {
  test(`a manifest with ${fault} is refused`, () => {
    expect(refused(value)).toMatch(said);
    expect(refused(value).length).toBeLessThan(600);
    // In our words, and not those of the library that found it.
    expect(refused(value)).toMatch(/^manifest\.json: .*expected /);
    expect(refused(value)).not.toMatch(/Invalid|received/);
  });
}

test("a manifest past its size is refused before it is read, and none such is written", () => {
  expect(refused(`${JSON.stringify(manifest)}${" ".repeat(MANIFEST_MAX_BYTES)}`)).toMatch(
    /at most 1 MiB \(1,048,576 bytes\)/,
  );
  expect(() => formatManifest({ ...manifest, version: "0.2.0" })).toThrow(/version: expected a version/);
});

test("any text is either a manifest or refused with invalid_argument", () => {
  const text = formatManifest(manifest);
  fc.assert(
    fc.property(fc.nat(text.length - 1), fc.uint8Array({ maxLength: 8 }), (at, bytes) => {
      const broken = encode(text);
      broken.set(bytes.subarray(0, broken.length - at), at);
      try {
        parseManifest(broken);
      } catch (error) {
        expect((error as EntmootError).code).toBe("invalid_argument");
      }
    }),
  );
});

const [seed, otherSeed] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)];
const [key, otherKey] = [publicKeyOf(seed).toBase64(), publicKeyOf(otherSeed).toBase64()];
const bytes = encode(formatManifest(manifest));
const signatures = signManifest(bytes, seed);

test("a signature by any trusted key is enough, whatever stands beside it", () => {
  const both = signManifest(bytes, otherSeed) + signatures;
  for (const keys of [[key], [otherKey, key]]) {
    expect(verifyManifest({ bytes, signatures: both, keys })).toMatchObject({ manifest: { version: "v0.2.0" } });
  }
  expect(verifyManifest({ bytes, signatures: both, keys: [key] }).keyId).toBe(releaseKeyId(key));
  expect(signatures).toMatch(/^[0-9a-f]{16} [A-Za-z0-9+/]{86}==\n$/);
});

/** Who signed what, and why it is not taken. */
const UNTRUSTED: readonly (readonly [string, Parameters<typeof verifyManifest>[0], string, RegExp])[] = [
  [
    "an unknown key",
    { bytes, signatures, keys: [otherKey] },
    "signature_invalid",
    /expected a signature by [0-9a-f]{16}, found/,
  ],
  ["no key of ours", { bytes, signatures, keys: [] }, "signature_invalid", /carries no release keys/],
  ["nobody", { bytes, signatures: "", keys: [key] }, "signature_invalid", /found none/],
  ["us, over other bytes", { bytes: bytes.slice(1), signatures, keys: [key] }, "signature_invalid", /changed after/],
  [
    "a stranger in our name",
    { bytes, signatures: signManifest(bytes, otherSeed).replace(/^\S+/, releaseKeyId(key)), keys: [key] },
    "signature_invalid",
    /changed after/,
  ],
  ["half a line", { bytes, signatures: signatures.slice(0, 60), keys: [key] }, "invalid_argument", /expected key id/],
  ["17 keys", { bytes, signatures: signatures.repeat(17), keys: [key] }, "invalid_argument", /at most 16/],
  ["an endless file", { bytes, signatures: "a".repeat(5000), keys: [key] }, "invalid_argument", /at most 4 KiB/],
  ["a key that is none", { bytes, signatures, keys: ["QUJD"] }, "invalid_argument", /base64 of 32 bytes, found QUJD/],
];

for (const [who, input, code, said] of UNTRUSTED) {
  test(`a manifest signed by ${who} is refused`, () => {
    try {
      verifyManifest(input);
      expect.unreachable();
    } catch (error) {
      expect((error as EntmootError).code).toBe(code as never);
      expect((error as EntmootError).message).toMatch(said);
    }
  });
}

test("keys given to a build are a list with commas, and a run from source is older than every release", () => {
  expect(parseReleaseKeys(` ${key}, ${otherKey},`)).toEqual([key, otherKey]);
  expect(parseReleaseKeys("")).toEqual([]);
  expect(RELEASE_SERIAL).toBe(0);
});
