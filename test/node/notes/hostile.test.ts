import { expect, test } from "bun:test";
import { type GroupId, MessageId, PublicKey } from "../../../src/core/ids.ts";
import { readNote, type SignedNote, signNote } from "../../../src/core/record/note.ts";
import { encodePresence, encodeReceipt } from "../../../src/core/record/note-bodies.ts";
import { Group } from "../../../src/node/group/group.ts";
import { MootNotes, PASSED_ON_MEMBERS_MAX } from "../../../src/node/notes/moot-notes.ts";
import { NoteBudget } from "../../../src/node/notes/note-budget.ts";
import { roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { encodeFrame, type Frame, peerLanguage } from "../../../src/wire/peer/frame.ts";
import { groupParts } from "../../support/group-parts.ts";
import type { TestIdentity } from "../../support/identity.ts";
import { identity } from "../../support/identity.ts";
import { lengthenRoster } from "../../support/long-roster.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { roster } from "../../support/roster.ts";
import { statusQuestion } from "../../support/status-question.ts";

const keyOf = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);
const receipt = (by: TestIdentity, groupId: GroupId, version: number, rows = 0): SignedNote =>
  signNote({
    seed: by.seed,
    kind: "receipt",
    groupId,
    version: BigInt(version),
    body: encodeReceipt({
      nobodySinceMs: version,
      rows: Array.from({ length: rows }, (_, n) => ({
        ...{ messageId: MessageId.fromBytes(new Uint8Array(32).fill(n)), state: "arrived" as const },
        ...{ arrivedMs: 1, deliveredMs: 0, readMs: 0, doneMs: 0 },
      })),
    }),
  });

/** A founder's node whose clock stands still, and Alice and Bob, members that say what they like. */
async function world() {
  const clock = new ManualClock();
  const root = new MemoryDataRoot();
  const it = await nodeWithRawMember({ root, clock });
  const { alice, group_id, node } = it;
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: keyOf(STRANGER) });
  const { notes } = root.openGroup(group_id)!;
  const versionOf = (by: TestIdentity) => notes.get({ kind: "receipt", author: keyOf(by) })?.version;
  const tell = (...bytes: Uint8Array[]) => alice.say({ kind: "notes", group_id, notes: bytes });
  return { ...it, alice, clock, group_id, node, notes, tell, versionOf };
}

test("an author has three at once, then one in ten seconds, and never an older one again", async () => {
  const { clock, group_id, node, tell, versionOf } = await world();
  await using _ending = node;
  for (let version = 1; version <= 30; version++) await tell(receipt(ALICE, group_id, version).bytes);
  expect(versionOf(ALICE)).toBe(3n);
  await tell(receipt(ALICE, group_id, 2).bytes);
  expect(versionOf(ALICE)).toBe(3n);
  clock.advance(10_000);
  await tell(receipt(ALICE, group_id, 31).bytes, receipt(ALICE, group_id, 32).bytes);
  expect(versionOf(ALICE)).toBe(31n);
});

test("what is forged, another's, of another moot, or no note is refused, and costs its author nothing", async () => {
  const { group_id, node, notes, tell, versionOf } = await world();
  await using _ending = node;
  const good = receipt(ALICE, group_id, 1).bytes;
  const forged = good.with(good.length - 1, good.at(-1)! ^ 1);
  for (let n = 0; n < 20; n++) expect(await tell(forged)).toMatchObject([{ code: "signature_invalid" }]);
  expect(await tell(receipt(STRANGER, group_id, 1).bytes)).toMatchObject([{ code: "forbidden" }]);
  expect(await tell(new Uint8Array(200))).toMatchObject([{ code: "malformed_frame" }]);
  expect(await tell(receipt(ALICE, GROUP, 1).bytes)).toEqual([]);
  const body = Uint8Array.of(1, 2, 3);
  const odd = signNote({ seed: ALICE.seed, kind: "receipt", groupId: group_id, version: 1n, body });
  expect(await tell(odd.bytes)).toMatchObject([{ code: "malformed_frame" }]);
  const rule = signNote({ seed: ALICE.seed, kind: "rule", groupId: group_id, version: 1n, body: Uint8Array.of(0) });
  expect(await tell(rule.bytes)).toEqual([]);
  expect([...notes.all()]).toEqual([]);
  expect(await tell(good)).toEqual([]);
  expect(versionOf(ALICE)).toBe(1n);
});

test("who brings more signatures than its part is refused, and others' notes still come", async () => {
  const { alice, clock, group_id, node, network, tell, versionOf } = await world();
  await using _ending = node;
  const good = receipt(ALICE, group_id, 1).bytes;
  const forged = good.with(good.length - 1, good.at(-1)! ^ 1);
  let refused = 0;
  for (let n = 0; n < 270; n++) {
    const [answer] = await tell(forged);
    if (answer?.kind === "refused" && answer.code === "rate_limited") refused += 1;
  }
  expect(refused).toBe(14);
  const bob = new RawPeer(network, STRANGER, FOUNDER);
  await bob.say({ kind: "notes", group_id, notes: [receipt(STRANGER, group_id, 7).bytes] });
  expect(versionOf(STRANGER)).toBe(7n);
  clock.advance(1_000);
  expect(await alice.say({ kind: "notes", group_id, notes: [good] })).toEqual([]);
  expect(versionOf(ALICE)).toBe(1n);
});

test("heads of what nobody has bring one question, then none for a while", async () => {
  const { alice, clock, group_id, node } = await world();
  await using _ending = node;
  const asked: Frame[] = [];
  alice.transport.accept(async (stream) => {
    const signal = AbortSignal.timeout(60_000);
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read(signal);
    if (question?.kind !== "notes_req") return stream.reset();
    asked.push(question);
    await frames.write({ kind: "notes_resp", group_id, notes: [] }, signal);
    await frames.finish();
  });
  const lie = { kind: "receipt", author: keyOf(STRANGER), version: 2n ** 62n, mark: new Uint8Array(8) } as const;
  const tellHeads = () => alice.say({ kind: "note_heads", group_id, heads: [lie], greeting: false });
  await tellHeads();
  await until(() => asked.length === 1);
  for (let n = 0; n < 20; n++) await tellHeads();
  expect(asked.length).toBe(1);
  clock.advance(10_000);
  await tellHeads();
  await until(() => asked.length === 2);
  expect(asked[0]).toMatchObject({ wanted: [{ kind: "receipt", author: keyOf(STRANGER) }] });
});

test("of a moot's notes so many bytes are kept; the oldest make room, and none of this node's own", async () => {
  const clock = new ManualClock();
  const others = Array.from({ length: 12 }, (_, n) => identity(20 + n));
  const store = new MemoryGroupStore(GROUP);
  store.roster.append(roster([FOUNDER, ...others]).entries);
  const group = new Group(groupParts({ store, clock, local: keyOf(FOUNDER) }));
  const notes = new MootNotes({
    group,
    local: keyOf(FOUNDER),
    clock,
    budget: new NoteBudget(clock),
    turn: async () => {},
    onNews: () => {},
    onOwn: () => {},
    bytesMax: 5 * receipt(ALICE, GROUP, 1, 64).bytes.length,
  });
  notes.keep(receipt(FOUNDER, GROUP, 1, 64), true);
  for (const [n, by] of others.entries()) {
    expect(await notes.take(receipt(by, GROUP, 10 + n, 64).bytes, keyOf(by))).toMatchObject({ kind: "kept" });
  }
  const kept = [...store.notes.all()].map(({ version }) => version).sort();
  expect(kept).toEqual([18n, 19n, 1n, 20n, 21n].sort());
});

test("in a large moot a receipt is told to who asked alone, and taken from its reader alone", async () => {
  const { alice, group_id, node, notes, tell, versionOf, network } = await world();
  await using _ending = node;
  await lengthenRoster(alice, group_id, PASSED_ON_MEMBERS_MAX);
  const bob = new RawPeer(network, STRANGER, FOUNDER);
  await tell(receipt(ALICE, group_id, 5).bytes);
  expect(versionOf(ALICE)).toBe(5n);
  const wanted = [{ kind: "receipt", author: keyOf(ALICE) }] as const;
  expect(await bob.say({ kind: "notes_req", group_id, wanted })).toEqual([{ kind: "notes_resp", group_id, notes: [] }]);
  const heads = [{ kind: "receipt", author: keyOf(ALICE), version: 9n, mark: new Uint8Array(8) }] as const;
  const questions: Frame[] = [];
  bob.transport.accept(async (stream) => {
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read();
    if (question !== undefined && question.kind !== "unknown_extension") questions.push(question);
    stream.reset();
  });
  await bob.say({ kind: "note_heads", group_id, heads, greeting: false });
  await bob.say(statusQuestion(group_id));
  expect(questions.filter(({ kind }) => kind === "notes_req")).toEqual([]);
  expect([...notes.all()].length).toBe(1);
});

test("presence of a former minute is not taken twice, and nothing of it goes over Pilot", async () => {
  const { clock, group_id, node, tell } = await world();
  await using _ending = node;
  const say = (version: number, state: "listening" | "away") => {
    const body = encodePresence({ state, sinceMs: 1, issuedMs: clock.unix(), host: "x\u001b[2J" });
    return tell(
      signNote({ seed: ALICE.seed, kind: "presence", groupId: group_id, version: BigInt(version), body }).bytes,
    );
  };
  for (let version = 1; version <= 9; version++) await say(version, version % 2 === 0 ? "listening" : "away");
  const frames: Frame[] = [
    { kind: "note_heads", group_id, heads: [], greeting: true },
    { kind: "notes", group_id, notes: [readNote(receipt(ALICE, group_id, 1).bytes).bytes] },
    { kind: "notes_req", group_id, wanted: [] },
    { kind: "notes_resp", group_id, notes: [] },
  ];
  for (const frame of frames) expect(() => encodeFrame(frame, "pilot")).toThrow("not part of the dialect pilot");
});
