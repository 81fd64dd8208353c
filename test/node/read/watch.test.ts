import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { ChangeSignal } from "../../../src/node/change-signal.ts";
import { GroupRoster } from "../../../src/node/group/group-roster.ts";
import { watchLogs } from "../../../src/node/read/watch.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";

test("a long log of which nothing matches leaves everybody else their turn", async () => {
  const store = new MemoryGroupStore(GROUP);
  const { messages } = store;
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
  const moot = { id: GROUP, store, roster: new GroupRoster(store.roster) };
  const watched = {
    moots: () => [moot],
    moot: () => moot,
    clock: realClock,
    changed: new ChangeSignal(),
    onPeerEvent: () => () => {},
  };
  const emit = () => Promise.reject(new EntmootError("internal", "nothing was to match"));
  const call = { caller: "owner", signal: ended.signal, emit, afterAnswer: () => {} } as const;
  await watchLogs(watched, { group_id: GROUP, topic: "nothing", after: [] }, call);
  expect(new Set(turnsAtPage).size).toBe(turnsAtPage.length);
  expect(turnsAtPage.length).toBeGreaterThan(4);
});
