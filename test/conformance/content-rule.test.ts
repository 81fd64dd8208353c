import { expect, test } from "bun:test";
import { join } from "node:path";
import { runFile } from "../../src/conformance/run.ts";
import { readVectorFile } from "../../src/conformance/vector-file.ts";
import { sha256Hex } from "../../src/core/bytes/sha256.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import { messageCanonical, messageSigningForm, signMessage } from "../../src/core/record/message.ts";
import { message as codec } from "../../src/core/record/record-codecs.ts";
import { identity } from "../support/identity.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const VECTORS = join(import.meta.dir, "../vectors");
const LENGTH = 3000;

/** A case whose content follows `rule`, as `content` says. */
function caseOf(rule: string, content: (i: number) => number) {
  const { seed, publicKey } = identity(1);
  const bytes = Uint8Array.from({ length: LENGTH }, (_, i) => content(i) % 256);
  const message = signMessage({
    seed,
    group_id: GroupId.fromBytes(new Uint8Array(32).fill(3)),
    author: { pilot_node_id: 7, entmoot_pubkey: publicKey },
    timestamp: 5n,
    topics: ["a"],
    parents: [],
    content: bytes,
    references: [],
  });
  const forms = {
    signing: messageSigningForm(message),
    canonical: messageCanonical(message),
    wire: encodeWire(codec, message),
  };
  return {
    name: rule,
    op: "build",
    seed: seed.toHex(),
    group_id: "03".repeat(32),
    author_node_id: 7,
    author_pubkey: publicKey.toHex(),
    timestamp: "5",
    topics_utf8: [Buffer.from("a").toString("hex")],
    parents: [],
    references: [],
    content_rule: rule,
    content_len: LENGTH,
    content_sha256: sha256Hex(bytes),
    gossip_inline: true,
    id: MessageId.toBytes(message.id).toHex(),
    signature: message.signature.toHex(),
    ...Object.fromEntries(
      Object.entries(forms).flatMap(([name, form]) => [
        [`${name}_len`, form.length],
        [`${name}_sha256`, sha256Hex(form)],
      ]),
    ),
  };
}

test("the content rule of a vector is read, whatever its numbers are", async () => {
  const cases = [
    caseOf("byte i = (7*i + 13) mod 256", (i) => 7 * i + 13),
    caseOf("byte i = (11*i + 250) mod 256", (i) => 11 * i + 250),
    caseOf("byte i = (0*i + 65) mod 256", () => 65),
    caseOf("byte i = (999999*i + 999999) mod 256", (i) => 999_999 * i + 999_999),
  ].map((entry) => ({ ...entry, gossip_inline: entry.canonical_len <= 4096 }));
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "message.json");
  await Bun.write(path, JSON.stringify({ cases }));
  expect(await runFile(path)).toMatchObject({ passed: cases.length, failed: 0, unknown: 0, failures: [] });
});

test("a content rule that cannot be read, or makes more than any message holds, fails its case and says why", async () => {
  const recorded = await readVectorFile(join(VECTORS, "message.json"));
  const ruled = (recorded.cases as Record<string, unknown>[]).find((entry) => entry.content_rule !== undefined)!;
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "message.json");
  const cases = [
    { ...ruled, name: "another", content_rule: "byte i = i" },
    { ...ruled, name: "endless", content_len: 1e12 },
  ];
  await Bun.write(path, JSON.stringify({ ...recorded, cases }));
  const { failures } = await runFile(path);
  expect(failures.map(({ found }) => found)).toEqual([
    "content_rule: expected byte i = (a*i + b) mod 256, found byte i = i",
    expect.stringContaining("content_len: expected 0 to"),
  ]);
});
