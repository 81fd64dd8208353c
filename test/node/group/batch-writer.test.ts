import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { BatchWriter } from "../../../src/node/group/batch-writer.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { StoreBusy } from "../../../src/store/store-failures.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";

test("when a commit fails every caller of its batch is told, and the next batch is committed", async () => {
  const { messages } = new MemoryGroupStore(GROUP);
  const put = messages.putMany.bind(messages);
  messages.putMany = () => {
    throw new EntmootError("disk_full", "no room");
  };
  const writer = new BatchWriter(realClock, messages, () => {});
  const batch = Array.from({ length: 64 }, (_, i) => writer.put([keptMessage(message({ timestamp: BigInt(i) }))]));
  const ends = await Promise.allSettled(batch);
  expect(ends.every((end) => end.status === "rejected" && end.reason.code === "disk_full")).toBe(true);
  messages.putMany = put;
  expect(await writer.put([keptMessage(message())])).toEqual([1]);
});

test("a writer that is closed commits what it was given and refuses the rest", async () => {
  const { messages } = new MemoryGroupStore(GROUP);
  const writer = new BatchWriter(realClock, messages, () => {});
  const before = writer.put([keptMessage(message({ timestamp: 1n }))]);
  const closed = writer.close();
  await expect(writer.put([keptMessage(message({ timestamp: 2n }))])).rejects.toMatchObject({ code: "unavailable" });
  expect(await before).toEqual([1]);
  await closed;
  expect(messages.size).toBe(1);
});

test("while another process holds the database what is written waits, up to a limit, and nothing is lost", async () => {
  const clock = new ManualClock();
  const { messages } = new MemoryGroupStore(GROUP);
  const put = messages.putMany.bind(messages);
  messages.putMany = () => {
    throw new StoreBusy("moot.sqlite");
  };
  const writer = new BatchWriter(clock, messages, () => {});
  const of = (n: number) => keptMessage(message({ timestamp: BigInt(n) }));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const early = writer.put([of(1)]);
  await turn();
  clock.advance(9_000);
  const late = writer.put([of(2)]);
  const large = { ...of(3), canonical: new Uint8Array(17 * 1024 * 1024) };
  await expect(writer.put([large])).rejects.toMatchObject({ code: "unavailable" });
  early.catch(() => {});
  clock.advance(2_000);
  await expect(early).rejects.toBeInstanceOf(StoreBusy);
  messages.putMany = put;
  clock.advance(100);
  expect(await late).toEqual([1]);
  await writer.close();
});

test("very many messages are stored in several transactions, a turn of the event loop between two", async () => {
  const { messages } = new MemoryGroupStore(GROUP);
  const put = messages.putMany.bind(messages);
  let round = 0;
  const commits: { readonly size: number; readonly round: number }[] = [];
  messages.putMany = (batch) => {
    commits.push({ size: batch.length, round });
    return put(batch);
  };
  const writer = new BatchWriter(realClock, messages, () => {});
  const all = Array.from({ length: 1_100 }, (_, n) => keptMessage(message({ timestamp: BigInt(n) })));
  let isOver = false;
  const putting = writer.put([...all, all[3]!]).finally(() => {
    isOver = true;
  });
  for (; !isOver; round++) await new Promise(setImmediate);
  expect(await putting).toEqual([...all.map((_, n) => n + 1), undefined]);
  expect(commits.map(({ size }) => size)).toEqual([512, 512, 77]);
  expect(new Set(commits.map((commit) => commit.round)).size).toBe(3);
});
