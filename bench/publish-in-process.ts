import { identityOf } from "../src/core/identity.ts";
import type { GroupId } from "../src/core/ids.ts";
import { createLog } from "../src/host/log.ts";
import { realClock } from "../src/host/real-clock.ts";
import { EntmootNode } from "../src/node/entmoot-node.ts";
import { publish as publishing } from "../src/node/operations/messages.ts";
import { group_create } from "../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { type Figure, median } from "./figure.ts";
import { fsyncsPerSecond } from "./fsync-rate.ts";
import { temporaryDirectory } from "./programs.ts";

const ROUNDS = 5;
const ROUND_MS = 1_500;

/** One caller who publishes one by one through a node in this process, without socket and carrier, on this disk. */
export async function publishInProcess(say: (progress: string) => void): Promise<readonly Figure[]> {
  await using node = await offlineNode();
  const { group_id: groupId } = await node.call(group_create, {
    name: "bench",
    description: "",
    tags: [],
    policy: undefined,
    policy_source: "none",
    visibility: "private",
    join_mode: "invite_only",
  });
  await round(node, groupId); // The engine compiles what runs often.
  const rounds: Round[] = [];
  for (let at = 1; at <= ROUNDS; at++) {
    say(`publishing, round ${at} of ${ROUNDS}`);
    const before = fsyncsPerSecond(ROUND_MS / 4);
    const published = await round(node, groupId);
    rounds.push({ ...published, syncs: (before + fsyncsPerSecond(ROUND_MS / 4)) / 2 });
  }
  return [
    {
      name: "publish in process, one caller",
      unit: "/s",
      measured: median(rounds.map(({ perSecond }) => perSecond)),
      limit: undefined,
      better: "higher",
      basis: `fsyncs of this disk: ${Math.round(median(rounds.map(({ syncs }) => syncs)))}/s`,
    },
    {
      name: "publish in process, one caller: share of fsyncs",
      unit: "×",
      measured: median(rounds.map(({ perSecond, syncs }) => perSecond / syncs)),
      limit: undefined,
      better: "higher",
      basis: `median of ${ROUNDS} rounds`,
    },
    {
      name: "publish in process, one caller: processor time",
      unit: "µs",
      measured: median(rounds.map(({ processorUs }) => processorUs)),
      limit: undefined,
      better: "lower",
      basis: "of the publishing thread, a message, its sync with it",
    },
  ];
}

interface Published {
  readonly perSecond: number;
  readonly processorUs: number;
}

interface Round extends Published {
  readonly syncs: number;
}

async function offlineNode(): Promise<EntmootNode> {
  const dataDir = temporaryDirectory();
  return EntmootNode.open({
    clock: realClock,
    root: SqliteDataRoot.open(dataDir, "write"),
    identity: identityOf(new Uint8Array(32).fill(7)),
    identityPath: "",
    dataDir,
    transport: undefined,
    transportReason: "none is measured",
    transportPort: 0,
    listenPort: 0,
    hostname: "bench",
    build: { version: "v0", commit: "none", date: "none" },
    log: createLog("error"),
  });
}

async function round(node: EntmootNode, groupId: GroupId): Promise<Published> {
  const content = new Uint8Array(64);
  const processor = process.threadCpuUsage();
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ROUND_MS; count++)
    await node.call(publishing, { group_id: groupId, topics: ["bench"], content });
  const { system, user } = process.threadCpuUsage(processor);
  return { perSecond: (count / (performance.now() - started)) * 1000, processorUs: (system + user) / count };
}
