import { expect, test } from "bun:test";
import { ControlClient } from "../../src/control/control-client.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { version } from "../../src/node/operations/daemon.ts";
import { controlledNode } from "../support/control.ts";
import { FLOOD_EVENT_BYTES, flood, Held } from "../support/held-operations.ts";
import { until } from "../support/nodes.ts";
import { ask, operationFrame, saidBy } from "../support/raw-control.ts";

/** Far more than any buffer on the way holds: 64 MB. */
const MUCH = 2_000;

async function world() {
  const held = new Held();
  const it = await controlledNode({ parts: { operations: held.operations() } });
  return { ...it, held };
}

/** Everything that can happen without the slow reader has happened: the node answered others meanwhile. */
async function settled(it: Awaited<ReturnType<typeof world>>): Promise<number> {
  await using client = (await ControlClient.connect(it.dataDir, realClock))!;
  let told = -1;
  await until(async () => {
    const before = told;
    for (let at = 0; at < 20; at++) await client.call(version, {});
    told = it.held.told;
    return told === before;
  });
  return told;
}

test("a reader that gives no credit is sent what it had room for and one event more", async () => {
  await using it = await world();
  using connection = await it.connect();
  const room = 100_000;
  await connection.send(operationFrame("flood", { n: MUCH }, { call: 1, room }));
  const fits = Math.ceil(room / FLOOD_EVENT_BYTES);
  for (let at = 0; at < fits; at++) expect(saidBy(await connection.receive())).toMatchObject({ role: "event" });
  expect(await settled(it)).toBe(fits);
  // Another call of the same connection is answered meanwhile.
  expect(saidBy(await ask(connection, operationFrame("version", {}, { call: 2 })))).toMatchObject({ role: "answer" });
  await connection.send(operationFrame("flood", "", { role: "credit", call: 1, room }));
  expect(saidBy(await connection.receive())).toMatchObject({ role: "event", call: 1, json: { n: fits } });
});

test("a reader with no room at all is told nothing, and ends with its cancel", async () => {
  await using it = await world();
  using connection = await it.connect();
  await connection.send(operationFrame("flood", { n: MUCH }, { call: 1 }));
  await until(() => it.held.floods === 1);
  expect(await settled(it)).toBe(0);
  await connection.send(operationFrame("flood", "", { role: "cancel", call: 1 }));
  expect(saidBy(await connection.receive())).toMatchObject({ role: "failure", json: { code: "unavailable" } });
  expect(it.held.floods).toBe(0);
});

test("a reader that promises room and reads nothing costs no more than the buffers on the way", async () => {
  await using it = await world();
  using connection = await it.connect();
  await connection.send(operationFrame("flood", { n: MUCH }, { call: 1, room: 0xffffffff }));
  await until(() => it.held.told > 0);
  const told = await settled(it);
  expect(told * FLOOD_EVENT_BYTES).toBeLessThan(4 * 1024 * 1024);
  connection[Symbol.dispose]();
  await until(() => it.held.floods === 0);
  expect(it.held.told).toBe(told);
});

test("a program that takes its time over one event is sent little ahead, asks on, and misses nothing", async () => {
  await using it = await world();
  await using client = (await ControlClient.connect(it.dataDir, realClock))!;
  const busy = Promise.withResolvers<void>();
  const seen: number[] = [];
  const onEvent = ({ n }: { readonly n: number }) => {
    seen.push(n);
    return busy.promise;
  };
  const call = client.call(flood, { n: 100 }, { onEvent });
  const told = await settled(it);
  expect(told * FLOOD_EVENT_BYTES).toBeLessThan(256 * 1024 + 2 * FLOOD_EVENT_BYTES);
  expect(seen).toEqual([0]);
  expect(await client.call(version, {})).toMatchObject({ version: "test" });
  busy.resolve();
  expect(await call).toEqual({ n: 100 });
  expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
});
