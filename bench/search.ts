import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeUtf8 } from "../src/core/bytes/utf8.ts";
import { GroupId, MessageId } from "../src/core/ids.ts";
import { messageCanonical } from "../src/core/record/message.ts";
import { realClock } from "../src/host/real-clock.ts";
import type { Moots } from "../src/node/read/moots.ts";
import { searchMessages } from "../src/node/read/search.ts";
import { tellStats } from "../src/node/read/stats.ts";
import { Turns } from "../src/node/turns.ts";
import type { NewMessage } from "../src/store/group-store.ts";
import { SqliteFile } from "../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../src/store/sqlite/sqlite-group-store.ts";
import { SqliteMessageStore } from "../src/store/sqlite/sqlite-message-store.ts";
import { type Figure, quantile } from "./figure.ts";

const MESSAGES = 1_000_000;
const BATCH = 512;
const QUERIES = 400;
const AUTHORS = 50;
const TOPICS = 40;
const WORDS_EACH = 20;
const VOCABULARY = 30_000;
/** Ours. A step of indexing keeps everybody else waiting. */
const STEP_MS = 50;

/** A moot of a million messages of twenty words each: its index as an older database gets it, searches, and counts. */
export async function search(say: (progress: string) => void): Promise<readonly Figure[]> {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-bench-"));
  try {
    const path = join(dir, "moot.sqlite");
    say(`storing ${MESSAGES} messages without an index`);
    fill(path);
    const before = statSync(path).size;
    say("indexing what is stored");
    const steps = indexAll(path);
    const bytes = (statSync(path).size - before) / MESSAGES;
    using file = openFile(path);
    using store = new SqliteGroupStore(GROUP, file);
    const moot = { id: GROUP, store } as unknown as ReturnType<Moots["moots"]>[number];
    const turns = new Turns(realClock);
    const moots = {
      moots: () => [moot],
      moot: () => moot,
      unopened: () => new Map(),
      turns,
      clock: realClock,
    } as unknown as Moots;
    say(`${QUERIES} searches of each kind`);
    const one = await searches(moots, () => word());
    const two = await searches(moots, () => `${word()} ${word()}`);
    say("counting");
    const signal = new AbortController().signal;
    const since = Bun.nanoseconds();
    const counted = await tellStats(moots, { group_id: GROUP }, { signal });
    const statsMs = (Bun.nanoseconds() - since) / 1e6;
    if (counted.messages !== MESSAGES) throw new Error(`counted ${counted.messages}`);
    return [
      figure(
        "search: newest 50 of a million, one word, p99",
        quantile(one, 0.99),
        1,
        `the budget; half of them ${quantile(one, 0.5).toFixed(2)} ms`,
      ),
      figure(
        "search: newest 50 of a million, two words, p99",
        quantile(two, 0.99),
        undefined,
        `half of them ${quantile(two, 0.5).toFixed(2)} ms`,
      ),
      figure("stats: of a million", statsMs, 1000, "the budget"),
      figure(
        "search: longest step of indexing what was there",
        Math.max(...steps),
        STEP_MS,
        `${steps.length} steps, the longest ${steps.indexOf(Math.max(...steps))}, half of them ${quantile(steps, 0.5).toFixed(1)} ms`,
      ),
      {
        name: "search: index and counts on disk, a message",
        unit: "bytes",
        measured: bytes,
        limit: undefined,
        better: "lower",
        basis: "",
      },
    ];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export const GROUP = GroupId.fromBytes(new Uint8Array(32).fill(9));

function figure(name: string, measured: number, limit: number | undefined, basis: string): Figure {
  return { name, unit: "ms", measured, limit, better: "lower", basis };
}

export function openFile(path: string): SqliteFile {
  return SqliteFile.open(path, { label: "group database", migrations: GROUP_MIGRATIONS, access: "write", alone: true });
}

export function fill(path: string): void {
  using file = openFile(path);
  const store = new SqliteMessageStore(file, { fullText: false });
  for (let at = 0; at < MESSAGES; at += BATCH) {
    store.putMany(Array.from({ length: Math.min(BATCH, MESSAGES - at) }, (_, n) => written(at + n)));
  }
}

/** How long each step took. */
export function indexAll(path: string): number[] {
  using file = openFile(path);
  const store = new SqliteMessageStore(file);
  const steps: number[] = [];
  for (let goesOn = true; goesOn; ) {
    const since = Bun.nanoseconds();
    goesOn = store.search.index();
    steps.push((Bun.nanoseconds() - since) / 1e6);
  }
  return steps;
}

async function searches(moots: Moots, query: () => string): Promise<number[]> {
  const { signal } = new AbortController();
  const times: number[] = [];
  for (let n = 0; n < QUERIES + 50; n++) {
    const asked = { group_id: GROUP, query: query(), limit: 50 };
    const since = Bun.nanoseconds();
    await searchMessages(moots, asked, { signal });
    // The first are compiled on the way.
    if (n >= 50) times.push((Bun.nanoseconds() - since) / 1e6);
  }
  return times;
}

let seed = 12_345;
function random(): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return seed / 0x7fffffff;
}

/** Few are frequent, many are rare. */
export function word(): string {
  return `w${Math.floor(random() ** 3 * VOCABULARY).toString(36)}`;
}

export function written(n: number, group_id = GROUP): NewMessage {
  const content = encodeUtf8(Array.from({ length: WORDS_EACH }, word).join(" "));
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, Math.imul(n, 0x9e3779b1));
  new DataView(bytes.buffer).setUint32(4, n + 1);
  const id = MessageId.fromBytes(bytes);
  const message = {
    id,
    group_id,
    author: { pilot_node_id: n % AUTHORS, entmoot_pubkey: bytes },
    timestamp: 1_700_000_000_000n + BigInt(n) * 20_000n,
    topics: [`chat/${n % TOPICS}`],
    parents: [],
    content,
    references: [],
    signature: new Uint8Array(64),
  };
  const { author, timestamp, topics, parents } = message;
  return {
    id,
    author_node_id: author.pilot_node_id,
    timestamp,
    topics,
    parents,
    content,
    canonical: messageCanonical(message),
  };
}
