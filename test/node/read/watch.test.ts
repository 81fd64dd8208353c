import { expect, test } from "bun:test";
import { ChangeSignal } from "../../src/node/change-signal.ts";
import { watch } from "../../src/node/watch.ts";
import { MemoryGroupStore } from "../../src/store/memory/memory-group-store.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";

test("a long log of which nothing matches leaves everybody else their turn", async () => {
  const { messages } = new MemoryGroupStore(GROUP);
  messages.putMany(Array.from({ length: 1024 }, (_, i) => keptMessage(message({ timestamp: BigInt(i) }))));
  const ended = new AbortController();
  let turns = 0;
  const count = () => {
    turns += 1;
    if (!ended.signal.aborted) setImmediate(count);
  };
  setImmediate(count);
  const read = messages.arrivedAfter.bind(messages);
  const turnsAtPage: number[] = [];
  messages.arrivedAfter = (after, limit) => {
    turnsAtPage.push(turns);
    if (after >= 1024) ended.abort();
    return read(after, limit);
  };
  const source = {
    groups: () => [{ id: GROUP, messages }],
    changed: new ChangeSignal(),
    onPeerEvent: () => () => {},
  };
  const after = new Map([[GROUP, 0]]);
  const request = { groupId: GROUP, topic: "nothing", from: 0, after, peers: false, signal: ended.signal } as const;
  for await (const event of watch(source, request)) expect(event).toBeUndefined();
  expect(new Set(turnsAtPage).size).toBe(turnsAtPage.length);
});
