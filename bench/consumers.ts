import type { ControlClient } from "../src/control/control-client.ts";
import { GroupId } from "../src/core/ids.ts";
import { mailbox_ack, mailbox_pull } from "../src/node/operations/mailbox.ts";
import { publish } from "../src/node/operations/messages.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, median, timeMs } from "./figure.ts";
import { programs } from "./programs.ts";

const CONSUMERS = 1_000;
/** Ours. Calls under way on each connection, under the limit of one. */
const ON_EACH = 50;
const WAIT_MS = 110_000;
/** Ours. How long all of them wait before memory is read, and for how long the processor is watched then. */
const SETTLE_MS = 10_000;
const WATCHED_MS = 20_000;
const ROUNDS = 5;

/** Ours. Of the whole daemon: what it takes anyhow, the code that a thousand calls had compiled, and some 18 KB for each that waits. */
const MEMORY_MAX_MB = 64;
/** Ours. Of one core, while nothing happens; a daemon without them takes some 0.3. */
const IDLE_MAX_PERCENT = 1;
/** Ours. What a pull may take of the processor (`mailbox`), for each of them. */
const PULL_MAX_MS = 0.5;

/** Consumers that keep their places and wait for what comes, on one daemon: what they cost at rest, and when something comes. */
export async function consumers(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using daemon = await BenchDaemon.start(compiled);
  const group_id = GroupId.fromBytes(Uint8Array.fromBase64(daemon.createGroup()));
  const say_ = (client: ControlClient) =>
    client.call(publish, { group_id, topics: ["bench"], content: new Uint8Array(64) });
  await using stack = new AsyncDisposableStack();
  const publisher = stack.use(await daemon.client());
  await say_(publisher);
  const clients = await Promise.all(
    Array.from({ length: CONSUMERS / ON_EACH }, async () => stack.use(await daemon.client())),
  );
  await Bun.sleep(SETTLE_MS);
  const alone = daemon.memory("RssAnon");

  const names = Array.from({ length: CONSUMERS }, (_, n) => ({
    client: clients[n % clients.length]!,
    client_id: `consumer ${n}`,
  }));
  say(`${CONSUMERS} consumers take their places`);
  for (const { client, client_id } of names) {
    const { next_cursor } = await client.call(mailbox_pull, { group_id, client_id, limit: 10 });
    await client.call(mailbox_ack, { group_id, client_id, through: next_cursor.place });
  }
  /** Resolves once every one of them has the next message, with when it had it; acknowledged is it when all have it. */
  const waiting = async () => {
    const pulled = await Promise.all(
      names.map(async ({ client, client_id }) => {
        const { next_cursor } = await client.call(mailbox_pull, { group_id, client_id, limit: 10, wait_ms: WAIT_MS });
        return { client, client_id, through: next_cursor.place, at: performance.now() };
      }),
    );
    const acknowledge = () =>
      Promise.all(pulled.map(({ client, ...asked }) => client.call(mailbox_ack, { group_id, ...asked })));
    return { last: Math.max(...pulled.map(({ at }) => at)), acknowledgedMs: await timeMs(acknowledge) };
  };
  let next = waiting();
  say(`they wait: memory after ${SETTLE_MS / 1000} s, the processor for ${WATCHED_MS / 1000} s`);
  await Bun.sleep(SETTLE_MS);
  const memory = daemon.memory("RssAnon");
  const before = daemon.processorMs;
  await Bun.sleep(WATCHED_MS);
  const percent = ((daemon.processorMs - before) / WATCHED_MS) * 100;

  const lasts: number[] = [];
  const acknowledged: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`a message for all of them, ${round} of ${ROUNDS}`);
    const started = performance.now();
    await say_(publisher);
    const { acknowledgedMs, last } = await next;
    lasts.push(last - started);
    acknowledged.push(acknowledgedMs);
    next = waiting();
    await Bun.sleep(1_000);
  }
  await say_(publisher);
  await next;
  return [
    {
      name: `${CONSUMERS.toLocaleString("en")} consumers that wait: memory of the daemon`,
      unit: "MB",
      measured: memory / 1e6,
      limit: MEMORY_MAX_MB,
      better: "lower",
      basis: `fixed; anonymous memory, ${(alone / 1e6).toFixed(1)} MB before any came`,
    },
    {
      name: `${CONSUMERS.toLocaleString("en")} consumers that wait: processor at rest`,
      unit: "%",
      measured: percent,
      limit: IDLE_MAX_PERCENT,
      better: "lower",
      basis: `fixed; of one core, over ${WATCHED_MS / 1000} s in which nothing happens`,
    },
    {
      name: `${CONSUMERS.toLocaleString("en")} consumers: from publishing to the last that has it`,
      unit: "ms",
      measured: median(lasts),
      limit: CONSUMERS * PULL_MAX_MS,
      better: "lower",
      basis: `${PULL_MAX_MS} ms each; median of ${ROUNDS}, over ${clients.length} connections`,
    },
    {
      name: `${CONSUMERS.toLocaleString("en")} consumers: acknowledged by all`,
      unit: "ms",
      measured: median(acknowledged),
      limit: undefined,
      better: "lower",
      basis: "each durable by itself",
    },
  ];
}
