import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { formatIdentity } from "../../src/core/identity.ts";
import { GroupId, type MessageId } from "../../src/core/ids.ts";
import { messageForms, messageIdOf } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { newMessage } from "../../src/node/group/ingest.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { identity, type TestIdentity } from "./identity.ts";

/** Which group `layLargeMoot` makes. */
export const LARGE_MOOT = GroupId.fromBytes(new Uint8Array(32).fill(9));

/** Messages stored with one commit. */
const BATCH = 2_000;

export interface LargeMoot {
  readonly founder: TestIdentity;
  /** Added after the founder, in this order. */
  readonly members: readonly TestIdentity[];
  /** Further members of whom nothing is ever heard: each makes the roster longer. */
  readonly silent: number;
  readonly messages: number;
}

/**
 * Writes the data root of a founder whose moot has a long history: each message the child of the one before, a
 * millisecond later. Nobody signed them: what is at rest was verified when it came.
 */
export function layLargeMoot(dataDir: string, { founder, members, messages, silent }: LargeMoot): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(join(dataDir, "identity.json"), formatIdentity(founder), { mode: 0o600 });
  using root = SqliteDataRoot.open(dataDir, "write");
  const store = root.createGroup(LARGE_MOOT);
  const endMs = Date.now() - 1_000;
  store.roster.append(rosterOf(founder, [...members, ...silentMembers(silent)], endMs - messages - 100_000).entries);
  let parents: readonly MessageId[] = [];
  for (let at = 0; at < messages; at += BATCH) {
    const batch = [];
    for (let n = at; n < Math.min(messages, at + BATCH); n += 1) {
      const { canonical, message } = unsigned(founder, BigInt(endMs - messages + n), parents);
      batch.push(newMessage(message, canonical));
      parents = [message.id];
    }
    store.messages.putMany(batch);
  }
}

function unsigned(author: TestIdentity, timestamp: bigint, parents: readonly MessageId[]) {
  const fields = { group_id: LARGE_MOOT, author: author.info, timestamp, topics: ["chat"], parents, references: [] };
  const content = new Uint8Array(64);
  const draft = { ...fields, content, id: LARGE_MOOT as string as MessageId, signature: new Uint8Array(64) };
  const message: Message = { ...draft, id: messageIdOf(messageForms(draft).signing) };
  return { message, canonical: messageForms(message).canonical };
}

function silentMembers(count: number): TestIdentity[] {
  return Array.from({ length: count }, (_, n) => identity(1_000 + n));
}

function rosterOf(founder: TestIdentity, members: readonly TestIdentity[], nowMs: number): RosterLog {
  let log = RosterLog.empty.sync([createGenesis({ seed: founder.seed, nowMs: unixMs(nowMs) })]).log;
  for (const { publicKey } of members) {
    const change = { op: "add", key: publicKey } as const;
    const step = log.apply(createRosterEntry({ log, seed: founder.seed, nowMs: unixMs(nowMs), change }));
    if (!step.ok) throw new Error(step.rejection);
    log = step.log;
  }
  return log;
}
