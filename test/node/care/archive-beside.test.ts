import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { moot_import, verify } from "../../../src/node/operations/care.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { search } from "../../../src/node/operations/find.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { exported, imported } from "../../support/archive.ts";
import { identity } from "../../support/identity.ts";
import { GROUP as group_id } from "../../support/message.ts";
import { startNode } from "../../support/nodes.ts";
import { changed, roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const FOUNDER = identity(1);
const BEFORE = roster([FOUNDER, identity(2), identity(3)]);
const withMember = (n: number, at = 0) =>
  changed(BEFORE, FOUNDER, { op: "add", key: identity(n).publicKey, nodeId: identity(n).nodeId }, at);
/** Two histories that the founder signed behind the same entry; that of Dave is longer. */
const A = withMember(4, 1_700_000_000_100);
const B = changed(withMember(5), FOUNDER, { op: "add", key: identity(6).publicKey, nodeId: identity(6).nodeId });

/** A node of the moot that meets nobody, on a disk of its own. */
function alone(folder: string, n: number, log = BEFORE): Promise<EntmootNode> {
  const root = SqliteDataRoot.open(join(folder, `node-${n}-${crypto.randomUUID()}`), "write");
  root.createGroup(group_id).roster.append(log.entries);
  return startNode(undefined, n, { root });
}

const say = (node: EntmootNode, text: string) =>
  node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text) });
const mootOf = async (node: EntmootNode) => (await node.call(status, {})).groups[0]!;

/** All that it holds is sound, and found. */
async function expectWhole(node: EntmootNode, words: string, count: number): Promise<void> {
  expect((await node.call(verify, {})).moots).toMatchObject([{ sound: true, faults: [], messages: count }]);
  expect((await node.call(search, { query: words, limit: 200 })).results).toHaveLength(count);
}

test("of an archive of the other history both are kept as proof, and what either's members wrote", async () => {
  using folder = new TemporaryDirectory();
  const path = join(folder.path, "archive");
  await using carol = await alone(folder.path, 4, A);
  await using dave = await alone(folder.path, 5, B);
  await say(carol, "words of Carol");
  await say(dave, "words of Dave");
  const [ofA, ofB] = [await exported(carol, group_id), await exported(dave, group_id)];
  for (const [first, second] of [
    [ofA, ofB],
    [ofB, ofA],
  ] as const) {
    await using stranger = await startNode(undefined, 9, {
      root: SqliteDataRoot.open(join(folder.path, crypto.randomUUID()), "write"),
    });
    await imported(stranger, path, first.bytes);
    const taken = await imported(stranger, path, second.bytes);
    expect(taken).toMatchObject({ created: false, stored: 1, refused: 0, unknown_author: 0 });
    await expectWhole(stranger, "words", 2);
    // What holds both can be given on.
    const both = await exported(stranger, group_id);
    await using other = await startNode(undefined, 8);
    expect(await imported(other, path, both.bytes)).toMatchObject({ stored: 2, merkle_root: both.said.merkle_root });
    await expectWhole(other, "words", 2);
    expect((await mootOf(other)).fork).toBeDefined();
  }
});

test("two imports at once, while the moot is published to, are the union of all", async () => {
  using folder = new TemporaryDirectory();
  await using alice = await alone(folder.path, 2);
  await using bob = await alone(folder.path, 3);
  for (let n = 0; n < 60; n++) await say(n % 2 === 0 ? alice : bob, `words ${n} ${"x".repeat(2_000)}`);
  await using founder = await alone(folder.path, 1);
  const paths = await Promise.all(
    [alice, bob].map(async (node, at) => {
      const path = join(folder.path, `archive-${at}`);
      await Bun.write(path, (await exported(node, group_id)).bytes);
      return path;
    }),
  );
  const imports = [...paths, ...paths].map((path) => founder.call(moot_import, { path }));
  const all = Promise.all(imports);
  const said = 20;
  for (let n = 0; n < said; n++) await say(founder, `words of the founder ${n}`);
  const done = await all;
  expect(done.reduce((sum, { stored }) => sum + stored, 0)).toBe(60);
  expect(done.reduce((sum, { known }) => sum + known, 0)).toBe(60);
  await expectWhole(founder, "words", 60 + said);
  // What it exports is what both would hold.
  const whole = await exported(founder, group_id);
  const path = join(folder.path, "whole");
  expect(await imported(alice, path, whole.bytes)).toMatchObject({ merkle_root: whole.said.merkle_root });
  await expectWhole(alice, "words", 60 + said);
});
