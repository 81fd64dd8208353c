import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MessageId } from "../../../src/core/ids.ts";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { signTransportAd } from "../../../src/core/record/transport-ad.ts";
import { formatRosterLog } from "../../../src/core/roster/roster-file.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import type { SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { identity } from "../../support/identity.ts";
import { GROUP, message } from "../../support/message.ts";
import { numbered } from "../../support/numbered-message.ts";
import { insertAds, insertMessages, OriginalRoot } from "../../support/original-root.ts";
import { changed, roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const [FOUNDER, MEMBER, LATER, STRANGER] = [identity(1), identity(2), identity(4), identity(5)];
const LOG = roster([FOUNDER, MEMBER, identity(3)]);
const added = (key: typeof FOUNDER, at: number, log = LOG) =>
  changed(log, FOUNDER, { op: "add", key: key.publicKey, nodeId: key.nodeId }, at);

function first(count: number, from = 0): Message[] {
  return Array.from({ length: count }, (_, n) => numbered(from + n));
}

/** Opens the root as a daemon does; gives what `use` gives and what people are told. */
function serve<T>(path: string, use: (store: SqliteGroupStore) => T): { given: T; notices: readonly string[] } {
  using root = SqliteDataRoot.open(path, "write");
  const given = use(root.openGroup(GROUP)!);
  return { given, notices: [...root.notices] };
}

const held = ({ messages }: SqliteGroupStore) => ({ size: messages.size, root: messages.merkleRoot() });

function world(messages: readonly Message[] = first(11)) {
  const directory = new TemporaryDirectory();
  const original = new OriginalRoot(directory.path).roster(LOG);
  original.messages(messages).close();
  const database = join(original.group, "messages.sqlite");
  serve(directory.path, held);
  return {
    path: directory.path,
    original,
    /** A day with the original. */
    write(work: (database: Database) => void) {
      using db = new Database(database, { readwrite: true, strict: true });
      work(db);
    },
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

test("a start takes in what the original stored since, once, behind what was here", () => {
  using it = world();
  it.write((db) => insertMessages(db, first(4, 11)));
  const { given, notices } = serve(it.path, (store) => {
    const seqs = store.messages.arrivedAfter(11, 99).map(({ id }) => id);
    return { ...held(store), seqs };
  });
  const all = first(15).map(({ id }) => id);
  expect(given).toEqual({ size: 15, root: merkleRoot(all), seqs: all.slice(11) });
  expect(notices).toEqual([expect.stringContaining("taken in: 4 messages, 0 roster entries")]);
  expect(serve(it.path, held)).toEqual({ given: { size: 15, root: merkleRoot(all) }, notices: [] });
});

test("a root taken over by a version that kept nothing of it is compared all the same", () => {
  using it = world();
  serve(it.path, (store) => store.setFact("original_files", undefined));
  it.write((db) => insertMessages(db, first(2, 11)));
  expect(serve(it.path, held).given.size).toBe(13);
});

test("roster entries come along, and messages are judged by them, also those kept aside before", () => {
  const by = (key: typeof FOUNDER, n: number) => message({ by: key, timestamp: 1_700_000_500_000n + BigInt(n) });
  using it = world([...first(3), by(LATER, 1), by(STRANGER, 2)]);
  const longer = added(LATER, 1_700_000_400_000);
  it.original.roster(longer);
  it.write((db) => insertMessages(db, [by(LATER, 3), by(STRANGER, 4)]));
  const { given, notices } = serve(it.path, (store) => ({
    ...held(store),
    roster: store.roster.entries().length,
    aside: JSON.parse(store.getFact("takeover")!).unverified,
  }));
  expect(given).toMatchObject({ size: 5, roster: longer.entries.length, aside: { not_member: 2 } });
  expect(notices[0]).toContain("taken in: 2 messages, 1 roster entry; 1 message did not verify");
  expect(notices[1]).toContain("2 messages of the earlier store did not verify");
});

test("two rosters that part stay apart, and where and how far is said", () => {
  using it = world();
  serve(it.path, (store) => store.roster.append(added(LATER, 1_700_000_400_000).entries.slice(LOG.entries.length)));
  const theirs = added(STRANGER, 1_700_000_400_001);
  it.original.roster(theirs);
  const { given, notices } = serve(it.path, (store) => store.roster.entries().map(({ id }) => id));
  expect(given).toHaveLength(LOG.entries.length + 1);
  expect(notices).toHaveLength(1);
  expect(notices[0]).toContain(`parts from our roster after entry ${LOG.entries.length}`);
  expect(notices[0]).toContain(theirs.entries.at(-1)!.id);
  expect(notices[0]).toContain(given.at(-1)!);
});

test("what the original forgot stays here, and what changed beside it is told and left", () => {
  using it = world();
  it.write((db) => {
    db.run("DELETE FROM messages WHERE message_id = ?1", [MessageId.toBytes(numbered(0).id)]);
    insertMessages(db, first(1, 11));
  });
  it.original.policies("{}");
  const { given, notices } = serve(it.path, held);
  expect(given.size).toBe(12);
  expect(notices).toContainEqual(
    expect.stringContaining("held 11 messages when it was last read and holds 11 now, 1 of them new: at least 1"),
  );
  expect(notices).toContainEqual(expect.stringContaining("group-policies.json: changed since it was taken over"));
});

test("our counter of ads goes on from theirs, and an older ad does not replace a newer one", () => {
  using it = world();
  const ad = (seq: bigint) =>
    signTransportAd({
      seed: MEMBER.seed,
      group_id: GROUP,
      author: MEMBER.info,
      seq,
      endpoints: [],
      issued_at: 1n,
      not_after: 2n,
    });
  serve(it.path, ({ ads }) => ads.putTransportAd(ad(7n)));
  it.write((db) => insertAds(db, { transport: [ad(5n)], counters: [40n] }));
  const { given } = serve(it.path, ({ ads }) => ({
    seq: ads.transportAds()[0]?.seq,
    next: ads.nextSeq("transport", 0n),
  }));
  expect(given).toEqual({ seq: 7n, next: 41n });
});

test("files that cannot be read any more cost nothing of what is here, and are told", () => {
  using it = world();
  const file = join(it.original.group, "roster.jsonl");
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.concat([Buffer.from("not an entry\n"), whole]));
  it.write((db) => insertMessages(db, first(1, 11)));
  const damaged = serve(it.path, held);
  expect(damaged.given.size).toBe(12);
  expect(damaged.notices).toContainEqual(expect.stringContaining(`${file}: roster log: line 1`));
  writeFileSync(file, formatRosterLog(LOG));
  appendFileSync(join(it.original.group, "messages.sqlite"), "x");
  writeFileSync(join(it.original.group, "messages.sqlite"), "no database at all, only words".repeat(100));
  const broken = serve(it.path, held);
  expect(broken.given.size).toBe(12);
  expect(broken.notices).toEqual([expect.stringContaining("what the original wrote since its data was taken over")]);
});
