import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlClient } from "../src/control/control-client.ts";
import { unixMs } from "../src/core/clock.ts";
import { formatIdentity, type Identity, identityOf } from "../src/core/identity.ts";
import { GroupId, type MessageId } from "../src/core/ids.ts";
import { entmootNodeId } from "../src/core/node-id.ts";
import { messageForms, messageIdOf } from "../src/core/record/message.ts";
import type { Message } from "../src/core/record/records.ts";
import { createGenesis } from "../src/core/roster/roster-change.ts";
import { newMessage } from "../src/node/group/ingest.ts";
import { mailbox_ack, mailbox_pull } from "../src/node/operations/mailbox.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { MESSAGE_BYTES } from "./corpus.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, median } from "./figure.ts";
import { programs, temporaryDirectory } from "./programs.ts";

export const STORED = 100_000;
const FEW_STORED = 2_000;
const LIMIT = 50;
/** Calls under way on the one connection. */
const AT_ONCE = 16;
const ROUNDS = 5;
const ROUND_MS = 1_500;

/** Ours. What an agent's host may ask for in a second, many times over. */
const PULLS_PER_SECOND = 2_000;
/** Ours. How much more a pull may cost where fifty times as much is stored: page caches are not without limit. */
const GROWTH = 1.25;

/** Two moots of one node, of many messages and of few. */
export const [LARGE, SMALL] = [9, 8].map((byte) => GroupId.fromBytes(new Uint8Array(32).fill(byte))) as [
  GroupId,
  GroupId,
];

/** Pulls of a client in the middle of a log, over one kept connection to a compiled daemon. */
export async function mailbox(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  const dataDir = temporaryDirectory();
  say(`writing ${STORED.toLocaleString("en")} messages`);
  layMoots(dataDir);
  await using daemon = await BenchDaemon.start(compiled, dataDir);
  await using client = await daemon.client();
  const clients = { [LARGE]: await readers(client, LARGE, STORED), [SMALL]: await readers(client, SMALL, FEW_STORED) };
  const measure = (group_id: GroupId) => rate(client, group_id, clients[group_id]!);
  await measure(LARGE);
  const rounds: { readonly large: number; readonly small: number; readonly processorUs: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    say(`pulling, round ${round} of ${ROUNDS}`);
    const before = daemon.processorMs;
    const large = await measure(LARGE);
    const pulled = (large * ROUND_MS) / 1000;
    const processorUs = ((daemon.processorMs - before) * 1000) / pulled;
    rounds.push({ large, small: await measure(SMALL), processorUs });
  }
  const basis = `${LIMIT} messages of ${MESSAGE_BYTES} bytes each, ${AT_ONCE} calls at once on one connection`;
  return [
    {
      name: `mailbox pull of ${LIMIT} from ${STORED.toLocaleString("en")} stored`,
      unit: "/s",
      measured: median(rounds.map(({ large }) => large)),
      limit: PULLS_PER_SECOND,
      better: "higher",
      basis,
    },
    {
      name: `mailbox pull of ${LIMIT}: processor time of the daemon`,
      unit: "µs",
      measured: median(rounds.map(({ processorUs }) => processorUs)),
      limit: 1e6 / PULLS_PER_SECOND,
      better: "lower",
      basis: `one core at ${PULLS_PER_SECOND.toLocaleString("en")} pulls a second, whatever else runs beside it`,
    },
    {
      name: `mailbox pull: cost beside that from ${FEW_STORED.toLocaleString("en")} stored`,
      unit: "×",
      measured: median(rounds.map(({ large, small }) => small / large)),
      limit: GROWTH,
      better: "lower",
      basis: `median of ${ROUNDS} rounds`,
    },
  ];
}

/** Clients at places all over the log, so that no two pulls in a row give the same messages. */
export async function readers(client: ControlClient, group_id: GroupId, stored: number): Promise<string[]> {
  const names: string[] = [];
  let after: string | undefined;
  for (let at = 0; at + 1000 < stored; at += 1000) {
    const { next_cursor } = await client.call(mailbox_pull, { group_id, client_id: "all", limit: 1000, after });
    after = next_cursor.place;
    const client_id = `reader ${at}`;
    await client.call(mailbox_ack, { group_id, client_id, through: after });
    names.push(client_id);
  }
  return names;
}

/** Pulls answered a second. */
async function rate(client: ControlClient, group_id: GroupId, names: readonly string[]): Promise<number> {
  const started = performance.now();
  let pulled = 0;
  const caller = async () => {
    while (performance.now() - started < ROUND_MS) {
      const client_id = names[pulled++ % names.length]!;
      const { count } = await client.call(mailbox_pull, { group_id, client_id, limit: LIMIT });
      if (count !== LIMIT) throw new Error(`expected ${LIMIT} messages, got ${count}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  return (pulled / (performance.now() - started)) * 1000;
}

/** Writes the data root of a founder of both moots. Nobody signed the messages: what is at rest was verified when it came. */
export function layMoots(dataDir: string): void {
  const founder = identityOf(new Uint8Array(32).fill(7));
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, "identity.json"), formatIdentity(founder), { mode: 0o600 });
  using root = SqliteDataRoot.open(dataDir, "write");
  for (const [id, count] of [
    [LARGE, STORED],
    [SMALL, FEW_STORED],
  ] as const) {
    const store = root.createGroup(id);
    const endMs = Date.now() - 1000;
    store.roster.append([createGenesis({ seed: founder.seed, nowMs: unixMs(endMs - 2 * STORED) })]);
    let parents: readonly MessageId[] = [];
    for (let at = 0; at < count; at += 2000) {
      const batch = [];
      for (let n = at; n < at + 2000; n++) {
        const { canonical, message } = written(founder, id, BigInt(endMs - count + n), parents);
        batch.push(newMessage(message, canonical));
        parents = [message.id];
      }
      store.messages.putMany(batch);
    }
  }
}

/** Words that make it about `MESSAGE_BYTES` long. */
function written(author: Identity, group_id: GroupId, timestamp: bigint, parents: readonly MessageId[]) {
  const content = new TextEncoder().encode(`${timestamp}: what an agent says to another. `.repeat(3).slice(0, 130));
  const info = { pilot_node_id: entmootNodeId(author.publicKey), entmoot_pubkey: author.publicKey };
  const fields = { group_id, author: info, timestamp, topics: ["chat"], parents, references: [], content };
  const draft = { ...fields, id: group_id as string as MessageId, signature: new Uint8Array(64) };
  const message: Message = { ...draft, id: messageIdOf(messageForms(draft).signing) };
  return { message, canonical: messageForms(message).canonical };
}
