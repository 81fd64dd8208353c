import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GroupId, MessageId } from "../src/core/ids.ts";
import { STEP_MESSAGES } from "../src/node/group/shared-parts.ts";
import type { NewMessage } from "../src/store/group-store.ts";
import { SqliteGroupStore } from "../src/store/sqlite/sqlite-group-store.ts";
import { type Figure, median, timeMs } from "./figure.ts";

const MESSAGES = 100_000;
const BATCH = 5_000;
const PASSES = 5n;

/** Ours. What one turn of the event loop may take, so that others are answered meanwhile. */
const STEP_MS = 20;

/** The root over all but the first message of a group on disk, in the steps a daemon makes it in. */
export async function sharedPart(say: (progress: string) => void): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-bench-"));
  try {
    const groupId = GroupId.fromBytes(new Uint8Array(32).fill(9));
    using store = SqliteGroupStore.open(join(dir, "moot.sqlite"), { groupId, access: "write" });
    say(`storing ${MESSAGES} messages`);
    for (let from = 0; from < MESSAGES; from += BATCH) store.messages.putMany(messages(from, BATCH));
    // Of several passes the quietest: what else the machine does is no part of it.
    const passes: number[][] = [];
    for (let since = 1n; since <= PASSES; since++) passes.push(await stepsFrom(store, since));
    const [steps] = passes.toSorted((a, b) => Math.max(...a) - Math.max(...b)) as [number[]];
    const label = `root from a day on, ${MESSAGES.toLocaleString("en")} messages`;
    const total = steps.reduce((sum, ms) => sum + ms, 0);
    return [
      {
        name: `${label}: the longest of its steps`,
        unit: "ms",
        measured: Math.max(...steps),
        limit: STEP_MS,
        better: "lower",
        basis: `fixed; ${steps.length} steps, half of them under ${median(steps).toPrecision(2)} ms`,
      },
      { name: label, unit: "ms", measured: total, limit: undefined, better: "lower", basis: "all of its steps" },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How long each step takes, in milliseconds. */
async function stepsFrom({ messages }: SqliteGroupStore, since: bigint): Promise<number[]> {
  const steps: number[] = [];
  for (let isThere = false; !isThere; ) {
    steps.push(
      await timeMs(() => {
        isThere = messages.sharedSince(since, STEP_MESSAGES) !== undefined;
      }),
    );
  }
  return steps;
}

/** Each the child of the one before, a millisecond apart. Stores do not read what is in them. */
function messages(from: number, count: number): NewMessage[] {
  return Array.from({ length: count }, (_, n) => ({
    id: idOf(from + n),
    author_node_id: 1,
    timestamp: BigInt(from + n),
    topics: ["bench"],
    parents: from + n === 0 ? [] : [idOf(from + n - 1)],
    canonical: new Uint8Array(600),
  }));
}

function idOf(n: number): MessageId {
  return MessageId.fromBytes(new Bun.CryptoHasher("sha256").update(String(n)).digest());
}
