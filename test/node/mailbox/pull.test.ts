import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import { AD_LIFETIME_MS } from "../../../src/core/record/ad.ts";
import { signMemberProfileAd } from "../../../src/core/record/member-profile-ad.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { mailbox_ack, mailbox_forget, mailbox_pull } from "../../../src/node/operations/mailbox.ts";
import { LocalReader } from "../../../src/node/read/local-reader.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { GROUP } from "../../support/message.ts";
import { nodeWithMoot } from "../read/held.ts";
import { ELM, MailboxWorld, ME, MEMBERS, mail, OAK } from "./world.ts";

const says = (text: string, fields: Parameters<typeof mail>[1] = {}) =>
  mail(1, { content: encodeUtf8(text), ...fields });
const texts = (page: { readonly messages: readonly { readonly content: string }[] }) =>
  page.messages.map(({ content }) => content);

/** The members call themselves so. */
function named(it: MailboxWorld, ...names: string[]): void {
  const nowMs = Date.now();
  for (const [at, hostname] of names.entries()) {
    const { info, seed } = MEMBERS[at]!;
    const dates = { issued_at: BigInt(nowMs), not_after: BigInt(nowMs + AD_LIFETIME_MS) };
    it.store.ads.putProfileAd(
      signMemberProfileAd({ seed, group_id: GROUP, author: info, seq: 1n, hostname, ...dates }),
    );
  }
}

test("mentions are what names this node by id or by a name of its alone, and answers to it, never its own", async () => {
  using it = new MailboxWorld();
  named(it, "Ash", "oak", "oak");
  const mine = says("a question", { by: ME });
  it.arrive(
    mine,
    says(`@${ME.nodeId} by id`),
    says("to all"),
    says("@ash by name", { by: ELM }),
    says("@oak is two"),
    says(`@${OAK.nodeId} another`),
    says("`@ash` is code"),
    says("an answer", { references: [mine.id] }),
    says(`@ash and @${ME.nodeId}, to myself`, { by: ME }),
    says("the end"),
  );
  const page = await it.pull({ mentions: true });
  expect(texts(page)).toEqual([`@${ME.nodeId} by id`, "@ash by name", "an answer"]);
  // It was looked through to the end, and acknowledging that leaves the rest behind too.
  expect(page.has_more).toBe(false);
  await it.ack({ through: page.next_cursor.place });
  expect(await it.shown()).toEqual([]);
});

test("a filter narrows what is shown, and goes on where it looked last", async () => {
  using it = new MailboxWorld();
  const topics = (topic: string) => ({ topics: [topic] });
  it.arrive(...[1, 2, 3].flatMap((n) => [says(`news ${n}`, topics("news")), says(`chat ${n}`, topics("chat"))]));
  it.arrive(says("system", topics("_entmoot/policy")));
  const first = await it.pull({ topic: "chat", limit: 2 });
  expect([texts(first), first.has_more, first.count]).toEqual([["chat 1", "chat 2"], true, 2]);
  await it.ack({ through: first.next_cursor.place });
  // Up to the one before the next that matches: what was passed over is done too.
  expect(texts(await it.pull())).toEqual(["chat 3", "system"]);
  expect(texts(await it.pull({ topic: "#" }))).toEqual(["chat 3"]);
  const none = await it.pull({ topic: "none" });
  expect(none).toMatchObject({ count: 0, has_more: false });
  await it.ack({ through: none.next_cursor.place });
  expect((await it.cursor()).unread).toBe(0);
});

test("a page ends by its bytes too, and what is no text has its bytes beside it", async () => {
  using it = new MailboxWorld();
  const large = (n: number) => says(`${n}`.repeat(400_000));
  it.arrive(large(1), large(2), large(3), mail(1, { content: new Uint8Array([0x61, 0xff, 0x62]) }));
  const first = await it.pull();
  expect([first.count, first.has_more]).toEqual([2, true]);
  const rest = await it.pull({ after: first.next_cursor.place });
  expect([rest.count, rest.has_more]).toEqual([2, false]);
  expect(rest.messages[1]).toMatchObject({ content: "a\ufffdb", content_b64: new Uint8Array([0x61, 0xff, 0x62]) });
});

test("a wait ends with what comes, in a daemon and without one", async () => {
  using it = new MailboxWorld();
  const waiting = it.pull({ wait_ms: 120_000 });
  using other = SqliteDataRoot.open(it.path, "read");
  const looking = new LocalReader(other, { clock: realClock, local: () => PublicKey.fromBytes(ME.publicKey) });
  const beside = looking.call(mailbox_pull, { client_id: "b", wait_ms: 120_000, mentions: true });
  it.arrive(says("hello"), says(`@${ME.nodeId}`));
  expect(texts(await waiting)).toEqual(["hello", `@${ME.nodeId}`]);
  expect(texts(await beside)).toEqual([`@${ME.nodeId}`]);

  await using node = await nodeWithMoot();
  const asked = node.node.call(mailbox_pull, { client_id: "a", wait_ms: 120_000, topic: "late" });
  await node.put(1);
  await node.put(2, { topics: ["late"] });
  expect(texts(await asked)).toEqual(["2"]);
  expect((await node.node.call(mailbox_pull, { client_id: "a", topic: "none", wait_ms: 1 })).count).toBe(0);
});

test("one who gives up waiting is let go", async () => {
  using it = new MailboxWorld();
  const ending = new AbortController();
  const waiting = it.reader.call(mailbox_pull, { client_id: "a", wait_ms: 120_000 }, { signal: ending.signal });
  ending.abort();
  expect(await waiting).toMatchObject({ count: 0 });
});

test("what is done in another process while one waits is not shown to it", async () => {
  using it = new MailboxWorld();
  const [first, second] = [says("one"), says("two")];
  it.arrive(first);
  await it.ack({ message_id: first.id });
  const waiting = it.pull({ wait_ms: 120_000, topic: "other" });
  it.arrive(second);
  await it.ack({ message_id: second.id });
  it.arrive(says("three", { topics: ["other"] }));
  expect(texts(await waiting)).toEqual(["three"]);
});

test("agents make at most 512 clients in a moot, and forgetting one makes room", async () => {
  await using it = await nodeWithMoot();
  await it.put(1);
  const call = {
    caller: "agent",
    signal: new AbortController().signal,
    emit: async () => {},
    afterAnswer() {},
  } as const;
  const { messages } = await it.node.call(mailbox_pull, { client_id: "owner" });
  const ack = (client_id: string) => it.node.run(mailbox_ack, { client_id, message_id: messages[0]!.message_id }, call);
  for (let n = 0; n < 512; n++) await ack(`n${n}`);
  await expect(ack("one more")).rejects.toMatchObject({ code: "conflict" });
  await ack("n0");
  await it.node.call(mailbox_ack, { client_id: "owner", message_id: messages[0]!.message_id });
  // What an agent calls so is kept under a prefix, by which the owner names it.
  expect(await it.node.call(mailbox_forget, { client_id: "agent/n1" })).toEqual({ forgotten: true });
  expect(await it.node.run(mailbox_forget, { client_id: "owner" }, call)).toEqual({ forgotten: false });
  await ack("one more");
  await expect(ack("x".repeat(257))).rejects.toMatchObject({ code: "invalid_argument" });
});

test("without an identity nobody is named, which is said", async () => {
  using it = new MailboxWorld();
  const reader = new LocalReader(it.root, { clock: realClock, local: () => undefined });
  await expect(reader.call(mailbox_pull, { client_id: "a", mentions: true })).rejects.toMatchObject({
    code: "identity_invalid",
  });
});
