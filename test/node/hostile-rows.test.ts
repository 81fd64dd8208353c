import { expect, test } from "bun:test";
import { RosterEntryId } from "../../src/core/ids.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import type { RosterEntry } from "../../src/core/record/records.ts";
import { signRosterEntry } from "../../src/core/roster/roster-entry.ts";
import { fittingRows, type Room } from "../../src/node/operations/fitting-rows.ts";
import {
  group_create,
  MEMBERS_ROOM,
  type MemberRow,
  members,
  PEERS_ROOM,
  type PeerRow,
  peers,
  TOPICS_ROOM,
  topics,
} from "../../src/node/operations/moots.ts";
import type { AnyOperation } from "../../src/node/operations/operation.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { message } from "../support/message.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

const GROUP_ID = message({}).group_id;

/** Text of so many bytes, each of which takes six in an answer. */
const worst = (bytes: number) => "\u0001".repeat(bytes);

/** What a founder can sign with a program of its own. */
function oddEntry(entries: readonly RosterEntry[], nodeId: number, keyBytes: number): RosterEntry {
  const last = entries.at(-1)!;
  const { nodeId: actor, seed } = identity(1);
  return signRosterEntry({
    seed,
    op: "add",
    subject: { pilot_node_id: nodeId, entmoot_pubkey: new Uint8Array(keyBytes).fill(1) },
    policy: undefined,
    actor,
    timestamp: last.timestamp + 1n,
    parents: [last.id],
  });
}

test("a key of any length in the roster makes no answer fail, and is shown as none", async () => {
  const root = new MemoryDataRoot();
  const founding = await startNode(undefined, 1, { root });
  const { group_id } = await founding.call(group_create, OPEN_GROUP);
  await founding.close();
  const { roster } = root.openGroup(group_id)!;
  const odd = [0, 31, 33, 1024, 2000, 100_000];
  for (const [at, length] of odd.entries()) roster.append([oddEntry(roster.entries(), at + 1, length)]);
  await using node = await startNode(undefined, 1, { root });
  const told = await node.call(members, { group_id });
  const reached = await node.call(peers, { group_id });
  for (const [operation, answer, rows] of [
    [members, told, told.members],
    [peers, reached, reached.peers],
  ] as const) {
    expect(encodeWire((operation as AnyOperation).answer, answer).length).toBeLessThan(operation.answerMax);
    expect(answer.more).toBeFalse();
    const shown = rows.filter(({ self }) => !self);
    expect(shown.map(({ node_id }) => node_id)).toEqual(odd.map((_, at) => at + 1));
    expect(shown.every(({ entmoot_pubkey }) => entmoot_pubkey.length === 0)).toBeTrue();
  }
});

test("topics that members chose as long as they can make no answer fail", async () => {
  const root = new MemoryDataRoot();
  await using node = await startNode(undefined, 1, { root });
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  const long = (at: number) => `${at}/${worst(4096 - 8)}`;
  const said = Array.from({ length: 1000 }, (_, at) =>
    message({ group_id, timestamp: BigInt(at), topics: [long(at)] }),
  );
  root.openGroup(group_id)!.messages.putMany(said.map(keptMessage));
  const answer = await node.call(topics, { group_id, limit: 1000 });
  expect(encodeWire(topics.answer, answer).length).toBeLessThan(topics.answerMax);
  expect(answer.more).toBeTrue();
  expect(answer.topics.length).toBeGreaterThan(100);
  expect((await node.call(topics, { group_id, limit: 9 })).more).toBeTrue();
});

const member: MemberRow = {
  node_id: 0xffffffff,
  entmoot_pubkey: new Uint8Array(32),
  hostname: worst(2000),
  self: false,
  founder: false,
  since_ms: -(2n ** 63n),
  entry_id: RosterEntryId.zero,
  by_node_id: 0xffffffff,
  left_ms: Number.MAX_SAFE_INTEGER,
  listening: true,
  listening_since_ms: 8.64e15,
  not_listening_since_ms: 8.64e15,
  listening_host: worst(64),
};

const peer: PeerRow = {
  ...member,
  self: false,
  connected: false,
  trust: "unknown",
  route: "not_checked",
  rtt_ms: Number.MAX_SAFE_INTEGER,
  last_seen_ms: Number.MAX_SAFE_INTEGER,
  error: worst(5000),
  hints: Array.from({ length: 8 }, () => worst(512)),
  hints_stale: true,
  copy: "different",
  copy_since_ms: Number.MAX_SAFE_INTEGER,
  refusals: Number.MAX_SAFE_INTEGER,
  refused_for: worst(64),
};

const topic = { topic: worst(5000), messages: Number.MAX_SAFE_INTEGER, latest_ms: -(2n ** 63n) };

const ROOMS: [AnyOperation, Room<never>, unknown, (fitting: { rows: readonly unknown[]; more: boolean }) => object][] =
  [
    [members, MEMBERS_ROOM, member, ({ more, rows }) => ({ group_id: GROUP_ID, members: rows, more })],
    [peers, PEERS_ROOM, peer, ({ more, rows }) => ({ peers: rows, more })],
    [topics, TOPICS_ROOM, topic, ({ more, rows }) => ({ group_id: GROUP_ID, topics: rows, more })],
  ];

for (const [operation, room, row, answerOf] of ROOMS) {
  test(`${operation.name}: the largest rows there can be are told as far as they fit`, () => {
    const fitting = fittingRows(new Array(20_000).fill(row) as never[], room);
    expect(fitting.more).toBeTrue();
    const { length } = encodeWire(operation.answer, answerOf(fitting));
    expect(length).toBeLessThanOrEqual(operation.answerMax);
    expect(length).toBeGreaterThan(operation.answerMax * 0.9);
  });
}
