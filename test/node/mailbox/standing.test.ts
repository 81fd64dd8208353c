import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { MessageId } from "../../../src/core/ids.ts";
import { putCursors } from "../../support/original-root.ts";
import { MailboxWorld, mail } from "./world.ts";

const cursor = (client: string, { id, timestamp }: { id: MessageId; timestamp: bigint }) => ({ client, id, timestamp });
const ids = (messages: readonly { readonly id: MessageId }[]) => messages.map(({ id }) => id);

test("a client of the original goes on exactly where it was, also behind a parent that is dated later", async () => {
  const late = mail(9);
  const child = mail(3, { parents: [late.id] });
  const [first, last] = [mail(1), mail(10)];
  using it = new MailboxWorld([first, late, child, last]);
  putCursors(it.path, [cursor("a", child), cursor("b", first), { client: "gone", id: mail(1).id, timestamp: 5n }]);
  expect(await it.shown("a")).toEqual([last.id]);
  expect(await it.shown("b")).toEqual(ids([late, child, last]));
  expect(await it.shown("gone")).toEqual(ids([late, child, last]));
  expect(await it.shown("new")).toEqual(ids([first, late, child, last]));
  expect((await it.cursor("a")).cursor).toMatchObject({ message_id: child.id, timestamp_ms: 3n });
});

test("where the original was read on, what came to us by other ways is shown all the same, and ours never goes back", async () => {
  const [one, two, three, four] = [mail(1), mail(2), mail(3), mail(4)];
  using it = new MailboxWorld([one, two]);
  await it.ack({ message_id: one.id });
  const between = mail(2);
  it.arrive(between);
  it.originalStores(three, four);
  it.restart();
  putCursors(it.path, [cursor("a", three)]);
  // Behind the first that was not read there, nothing is taken for read.
  expect(await it.shown()).toEqual(ids([between, three, four]));
  await it.ack({ message_id: four.id });
  putCursors(it.path, [cursor("a", one)]);
  expect(await it.shown()).toEqual([]);
});

test("what arrives once a place was found by keys is not taken for read, however it is dated", async () => {
  const [one, two] = [mail(1), mail(5)];
  using it = new MailboxWorld([one, two]);
  putCursors(it.path, [cursor("a", two)]);
  expect(await it.shown()).toEqual([]);
  const early = mail(2);
  it.originalStores(early);
  it.restart();
  expect(await it.shown()).toEqual([early.id]);
  putCursors(it.path, [cursor("a", two)], "replace");
  expect(await it.shown()).toEqual([]);
});

test("without the original's database its cursors count by time", async () => {
  const [one, two, three] = [mail(1), mail(2), mail(3)];
  using it = new MailboxWorld();
  it.arrive(one, two, three);
  putCursors(it.path, [cursor("a", two), cursor("b", mail(2))]);
  expect(await it.shown("a")).toEqual([three.id]);
  expect((await it.shown("b")).at(-1)).toEqual(three.id);
  expect((await it.pull({ client_id: "a" })).note).toBeUndefined();
});

/** The moot's database as it was, put back. */
function backup(it: MailboxWorld) {
  const [folder] = readdirSync(join(it.path, "groups"));
  const path = join(it.path, "groups", folder!, "moot.sqlite");
  it.restart();
  it.root[Symbol.dispose]();
  copyFileSync(path, `${it.path}/backup`);
  it.restart();
  return () => {
    it.root[Symbol.dispose]();
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
    copyFileSync(`${it.path}/backup`, path);
    it.restart();
    // As a node does that finds its data older than it left it.
    it.store.messages.drawLog();
  };
}

test("a log that was rolled back behind a client shows nothing twice that is still there, and all that comes again or anew", async () => {
  const sent = [mail(5), mail(1), mail(3)];
  using it = new MailboxWorld();
  it.arrive(...sent);
  await it.ack({ message_id: sent[1]!.id });
  const rollBack = backup(it);
  it.arrive(mail(7));
  rollBack();
  expect((await it.pull()).note).toBeUndefined();
  expect(await it.shown()).toEqual([sent[2]!.id]);
});

test("a log that ends before a client goes on by its keys, says so once, and loses nothing that is new", async () => {
  const [one, two, three] = [mail(1), mail(2), mail(3)];
  using it = new MailboxWorld();
  it.arrive(one, two);
  const rollBack = backup(it);
  it.arrive(three);
  await it.ack({ message_id: three.id });
  rollBack();
  const { messages, note } = await it.pull();
  expect(messages).toEqual([]);
  expect(note).toContain("the place of this client is of another log");
  const early = mail(2);
  it.arrive(early, three);
  // It was acknowledged, and nothing tells it from one that was not.
  expect(await it.shown()).toEqual(ids([early, three]));
  expect((await it.pull()).note).toBeUndefined();
});

test("a row that is damaged says so, costs this client its place alone, and is mended by the next acknowledgement", async () => {
  const [one, two] = [mail(1), mail(2)];
  using it = new MailboxWorld();
  it.arrive(one, two);
  await it.ack({ message_id: one.id });
  await it.ack({ message_id: two.id, client_id: "b" });
  const damage = (sql: string) => {
    using database = new Database(join(it.path, "mailbox.sqlite"));
    database.run(`UPDATE mailbox_cursors SET ${sql} WHERE client_id = 'a'`);
  };
  damage("message_id = x'00'");
  expect(await it.pull()).toMatchObject({ count: 1, note: expect.stringContaining("damaged") });
  expect((await it.cursor()).cursor.message_id).toBe(one.id);
  damage("message_id = x'00', place = 7");
  expect(await it.pull()).toMatchObject({ count: 2, note: expect.stringContaining("damaged") });
  damage(`place = 'AAAA ${"0".repeat(64)} 0', timestamp_ms = 'x'`);
  expect(await it.shown()).toEqual(ids([one, two]));
  expect(await it.shown("b")).toEqual([]);
  await it.ack({ message_id: one.id });
  expect(await it.pull()).toMatchObject({ count: 1, note: undefined });
});

test("a message that retention took is acknowledged, and a client behind it goes on", async () => {
  const [old, older, fresh] = [mail(2), mail(1), mail(100)];
  using it = new MailboxWorld();
  it.arrive(old, older, fresh);
  await it.ack({ message_id: old.id });
  it.store.messages.pruneBefore(50n);
  expect((await it.cursor()).unread).toBe(1);
  expect(await it.shown()).toEqual([fresh.id]);
  expect((await it.cursor("new")).unread).toBe(1);
  expect(await it.ack({ message_id: older.id })).toMatchObject({ message_id: older.id, timestamp_ms: 1n });
  expect((await it.cursor()).cursor).toMatchObject({ message_id: older.id, timestamp_ms: 1n });
  expect(await it.shown()).toEqual([fresh.id]);
});
