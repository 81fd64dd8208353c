import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ArchiveOpening, ArchiveWriter } from "../../../src/core/archive/archive-writer.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { unixMs } from "../../../src/core/clock.ts";
import type { GroupId } from "../../../src/core/ids.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import type { RosterEntry } from "../../../src/core/record/records.ts";
import { createRosterEntry } from "../../../src/core/roster/roster-change.ts";
import type { RosterHeal } from "../../../src/core/roster/roster-heal.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { moot_import } from "../../../src/node/operations/care.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { exported, imported, refusedImport } from "../../support/archive.ts";
import { identity } from "../../support/identity.ts";
import { GROUP } from "../../support/message.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";
import { roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

async function say(node: EntmootNode, group_id: GroupId, ...words: string[]): Promise<void> {
  for (const word of words) await node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(word) });
}

async function council(words: readonly string[]) {
  const founder = await startNode(undefined, 1);
  const { group_id } = await founder.call(group_create, { ...OPEN_GROUP, name: "council" });
  await founder.call(roster_change, {
    group_id,
    op: "add",
    entmoot_pubkey: PublicKey.fromBytes(identity(2).publicKey),
  });
  await say(founder, group_id, ...words);
  return { founder, group_id };
}

const rootOf = async (node: EntmootNode, id: GroupId) =>
  (await node.call(status, {})).groups.find(({ group_id }) => group_id === id)?.merkle_root;

test("what is exported is imported elsewhere with an equal root, by a member and by a stranger, and again without a change", async () => {
  using folder = new TemporaryDirectory();
  const { founder, group_id } = await council(["one", "two", "three"]);
  await using _ = founder;
  const { bytes, said } = await exported(founder, group_id);
  expect(said).toMatchObject({ messages: 3, roster_entries: 2, merkle_root: await rootOf(founder, group_id) });
  const member = await startNode(undefined, 2, { root: SqliteDataRoot.open(join(folder.path, "member"), "write") });
  await using _member = member;
  expect(await imported(member, join(folder.path, "a"), bytes)).toMatchObject({
    ...{ group_id, name: "council", created: true, messages: 3, stored: 3, known: 0, roster: "extended" },
    ...{ archive_root: said.merkle_root, merkle_root: said.merkle_root, exporter_is_member: true },
  });
  expect(await imported(member, join(folder.path, "a"), bytes)).toMatchObject({
    ...{ created: false, stored: 0, known: 3, roster: "same", merkle_root: said.merkle_root },
  });
  await using stranger = await startNode(undefined, 7);
  expect(await imported(stranger, join(folder.path, "a"), bytes)).toMatchObject({
    created: true,
    member: false,
    merkle_root: said.merkle_root,
  });
});

test("an import into a moot that holds other messages is their union, and the roster that is longer counts", async () => {
  using folder = new TemporaryDirectory();
  const { founder, group_id } = await council(["one"]);
  await using _ = founder;
  const early = await exported(founder, group_id);
  await using member = await startNode(undefined, 2);
  await imported(member, join(folder.path, "a"), early.bytes);
  await say(member, group_id, "mine");
  await founder.call(roster_change, {
    group_id,
    op: "add",
    entmoot_pubkey: PublicKey.fromBytes(identity(3).publicKey),
  });
  await say(founder, group_id, "two");
  const late = await exported(founder, group_id);
  expect(await imported(member, join(folder.path, "a"), late.bytes)).toMatchObject({
    ...{ stored: 1, known: 1, roster: "extended" },
  });
  const whole = await exported(member, group_id);
  expect(whole.said).toMatchObject({ messages: 3, roster_entries: 3 });
  expect(await imported(founder, join(folder.path, "a"), whole.bytes)).toMatchObject({ stored: 1, roster: "same" });
  expect(await rootOf(founder, group_id)).toBe((await rootOf(member, group_id))!);
  expect(await imported(founder, join(folder.path, "a"), early.bytes)).toMatchObject({ stored: 0, roster: "behind" });
});

test("an archive that was edited at any byte, cut, or whose lines were taken out, doubled or swapped, is refused naming where", async () => {
  using folder = new TemporaryDirectory();
  const { founder, group_id } = await council(["one", "two", "three"]);
  await using _ = founder;
  const { bytes } = await exported(founder, group_id);
  await using other = await startNode(undefined, 2);
  const path = join(folder.path, "a");
  const refused = (edited: Uint8Array | string) => refusedImport(other, path, edited);
  for (let at = 0; at < bytes.length; at += 7) {
    const edited = bytes.slice();
    edited[at] = edited[at] === 0x30 ? 0x31 : 0x30;
    const reason = await refused(edited);
    expect({ at, reason }).toEqual({ at, reason: expect.stringMatching(/^lines? \d+/) });
  }
  for (let length = 0; length < bytes.length; length += 97) {
    expect({ length, reason: await refused(bytes.subarray(0, length)) }).toEqual({
      length,
      reason: expect.stringMatching(
        /^(line \d+: .*cut short|an empty file; expected an archive).*; nothing was stored; ask for a new export$/,
      ),
    });
  }
  const lines = new TextDecoder().decode(bytes).trimEnd().split("\n");
  const joined = (edited: readonly string[]) => `${edited.join("\n")}\n`;
  for (const at of lines.keys()) {
    const dropped = await refused(joined(lines.toSpliced(at, 1)));
    expect({ at, dropped }).toEqual({ at, dropped: expect.stringMatching(/^lines? \d+/) });
    const doubled = await refused(joined(lines.toSpliced(at, 0, lines[at]!)));
    expect({ at, doubled }).toEqual({ at, doubled: expect.stringMatching(/^lines? \d+/) });
  }
  const swapped = lines.with(3, lines[4]!).with(4, lines[3]!);
  expect(await refused(joined(swapped))).toMatch(/^lines? \d+/);
  expect((await other.call(status, {})).groups).toEqual([]);
  expect(await refused(bytes)).toBe("");
});

test("what stands before the messages has bounds, each alone and all in sum, which are held to before any of it is kept", async () => {
  using folder = new TemporaryDirectory();
  const log = roster([identity(1), identity(2)]);
  const founded = log.entries[0]!;
  const heal = (n: number, type = "x"): RosterHeal => ({
    ...{ type, group_id: GROUP, fork: founded.id, kept: founded.id, lost: founded.id },
    ...{ timestamp: BigInt(n), signature: new Uint8Array(64) },
  });
  const large = (bytes: number): RosterEntry => ({ ...log.entries[1]!, policy: JSON.stringify("x".repeat(bytes)) });
  await using node = await startNode(undefined, 3);
  const refused = (beside: Partial<ArchiveOpening>) => {
    const opening = { group_id: GROUP, made_ms: 1, metadata: undefined, policy: undefined, side: [], heals: [] };
    const writer = new ArchiveWriter(1, log.entries);
    const pieces = [...writer.opening({ ...opening, roster: log.entries, ...beside }), writer.end(identity(1)).bytes];
    return refusedImport(node, join(folder.path, "a"), Buffer.concat(pieces));
  };
  expect(await refused({ heals: Array.from({ length: 65 }, (_, n) => heal(n)) })).toContain("at most 64 heals");
  expect(await refused({ heals: [heal(1, "x".repeat(2_000))] })).toContain("expected a heal of at most");
  expect(await refused({ side: [large(20_000)] })).toContain("of other histories of at most 16 KiB");
  expect(await refused({ side: Array.from({ length: 1_000 }, () => large(10_000)) })).toContain("together");
  const policy = JSON.stringify("x".repeat(2_000_000));
  let grown = log;
  for (let n = 0; n < 34; n++) {
    const change = { op: "policy_change", policy } as const;
    const entry = createRosterEntry({ log: grown, seed: identity(1).seed, nowMs: unixMs(0), change });
    grown = RosterLog.ofVerified([...grown.entries, entry]);
  }
  expect(await refused({ roster: grown.entries })).toMatch(/^line \d+: expected a smaller roster/);
  expect(await refused({})).toBe("");
});

test("an archive of another moot under the same id is refused, and nothing of it is taken", async () => {
  using folder = new TemporaryDirectory();
  const { founder, group_id } = await council(["one"]);
  await using _ = founder;
  const { bytes } = await exported(founder, group_id);
  await using other = await startNode(undefined, 2);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const foreign = await other.call(group_create, { ...OPEN_GROUP, name: "foreign" });
  const theirs = new TextDecoder().decode((await exported(other, foreign.group_id)).bytes).split("\n");
  // What their exporter would have to sign is signed here no more.
  const mixed = [lines[0], ...theirs.slice(1)].join("\n");
  expect(await refusedImport(founder, join(folder.path, "a"), mixed)).toMatch(/^lines? \d+/);
  expect((await exported(founder, group_id)).said.messages).toBe(1);
});

test("an import that its caller leaves keeps what was stored, and is finished by the next one", async () => {
  using folder = new TemporaryDirectory();
  const words = Array.from({ length: 600 }, (_, at) => `message ${at}: ${"x".repeat(4000)}`);
  const { founder, group_id } = await council(words);
  await using _ = founder;
  const { bytes, said } = await exported(founder, group_id);
  const path = join(folder.path, "a");
  await Bun.write(path, bytes);
  const root = SqliteDataRoot.open(join(folder.path, "member"), "write");
  await using member = await startNode(undefined, 2, { root });
  const left = new AbortController();
  const call = member.call(
    moot_import,
    { path },
    {
      signal: left.signal,
      onEvent: ({ stage }) => (stage === "store" ? left.abort(new Error("left")) : undefined),
    },
  );
  await expect(call).rejects.toThrow("left");
  const again = await member.call(moot_import, { path });
  expect(again.known).toBeGreaterThan(0);
  expect(again.stored).toBeGreaterThan(0);
  expect(again).toMatchObject({ created: false, merkle_root: said.merkle_root });
}, 60_000);

test("what is no archive is refused in words: a folder, a pipe, nothing, another file", async () => {
  using folder = new TemporaryDirectory();
  await using node = await startNode(undefined, 1, { clock: realClock });
  const path = (name: string) => join(folder.path, name);
  Bun.spawnSync(["mkfifo", path("pipe")]);
  await Bun.write(path("text"), "hello\n");
  await Bun.write(path("long"), "x".repeat(3 * 1024 * 1024));
  expect(existsSync(path("pipe"))).toBe(true);
  for (const [given, said] of [
    [folder.path, /expected a f/],
    [path("pipe"), /expected a file/],
    [path("none"), /no such file/],
    [path("text"), /^line 1: expected an archive/],
    [path("long"), /^line 1: expected lines of at most 2 MiB/],
  ] as const) {
    await expect(node.call(moot_import, { path: given })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(said),
    });
  }
});
