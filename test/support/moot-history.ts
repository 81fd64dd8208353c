import fc from "fast-check";
import { formatPolicy, type Policy } from "../../src/core/policy/policy.ts";
import { buildPolicyUpdate, POLICY_TOPIC } from "../../src/core/policy/policy-update.ts";
import type { Message, RosterEntry } from "../../src/core/record/records.ts";
import { signRosterEntry } from "../../src/core/roster/roster-entry.ts";
import { countingHeal } from "../../src/core/roster/roster-forks.ts";
import { type RosterHeal, signRosterHeal } from "../../src/core/roster/roster-heal.ts";
import { identity } from "./identity.ts";
import { GROUP, message } from "./message.ts";

/** All that was ever signed in a moot, whoever got what of it, in which order. */
export interface MootHistory {
  /** The first is the genesis. */
  readonly entries: readonly RosterEntry[];
  /** Another history from one of them on, which the founder gave up; empty where it signed one alone. */
  readonly lost: readonly RosterEntry[];
  /** By which it did. */
  readonly heals: readonly RosterHeal[];
  readonly messages: readonly Message[];
  /** Before the first of the founder's updates, which are among the messages. */
  readonly policy: Policy | undefined;
  /** The entry behind the genesis says it; else the founder tells whoever compares with it. */
  readonly isFoundedWith: boolean;
}

/** The founder, and keys that change hands between three node ids. */
const [FOUNDER, ...KEYS] = [1, 2, 3, 4, 5].map((n) => identity(n));
export const FOUNDER_ID = FOUNDER!.nodeId;
const NODE_IDS = [11, 12, 13];
export const START = 1_700_000_000_000n;

interface Change {
  readonly op: "add" | "remove";
  readonly nodeId: number;
  readonly key: number;
  readonly afterMs: number;
}

interface Said {
  readonly key: number;
  /** One of the changes, by which the date goes. */
  readonly at: number;
  readonly offsetMs: bigint;
  readonly nodeId: number;
  readonly named: "own" | "other" | "none";
  /** `policy`: on the topic of policies, where only what the founder says as an update has an effect. */
  readonly what: "chat" | "policy" | "update";
  readonly sequence: bigint;
  readonly policy: Policy | undefined;
  readonly bytes: number;
  readonly parents: readonly number[];
}

const anyChange: fc.Arbitrary<Change> = fc.record({
  op: fc.constantFrom("add", "add", "remove"),
  nodeId: fc.constantFrom(...NODE_IDS),
  key: fc.nat({ max: KEYS.length - 1 }),
  afterMs: fc.constantFrom(1, 1_000, 10_000),
});

/** Around the changes, and where only a liar's clock is. */
const anyOffset = fc.constantFrom(
  -86_400_000n,
  -5_000n,
  -1n,
  0n,
  1n,
  5_000n,
  315_360_000_000n,
  -(2n ** 62n),
  2n ** 62n,
);

const anySaid = (policies: fc.Arbitrary<Policy | undefined>): fc.Arbitrary<Said> =>
  fc.record({
    key: fc.nat({ max: KEYS.length }),
    at: fc.nat({ max: 30 }),
    offsetMs: anyOffset,
    nodeId: fc.constantFrom(...NODE_IDS, FOUNDER_ID),
    named: fc.constantFrom("own", "own", "own", "other", "none"),
    what: fc.constantFrom("chat", "chat", "policy", "update"),
    sequence: fc.constantFrom(1n, 2n, 3n),
    policy: policies,
    bytes: fc.constantFrom(0, 10, 11, 8_193, 70_000),
    parents: fc.array(fc.nat({ max: 30 }), { maxLength: 3 }),
  });

/** `policies`: which of them the moot may have. */
export function anyMootHistory(policies: fc.Arbitrary<Policy | undefined>): fc.Arbitrary<MootHistory> {
  return fc
    .record({
      changes: fc.array(anyChange, { minLength: 1, maxLength: 8 }),
      said: fc.array(anySaid(policies), { minLength: 1, maxLength: 14 }),
      policy: policies,
      isFounded: fc.boolean(),
      fork: fc.option(
        fc.record({
          at: fc.nat({ max: 8 }),
          changes: fc.array(anyChange, { minLength: 1, maxLength: 4 }),
          heals: fc.integer({ min: 1, max: 2 }),
          policy: policies,
        }),
        { nil: undefined },
      ),
    })
    .map(({ changes, fork, isFounded, policy, said }) => {
      const isFoundedWith = isFounded && policy !== undefined;
      const entries = entriesOf(foundedWith(isFounded ? policy : undefined), changes);
      const known = { policy, isFoundedWith, entries };
      if (fork === undefined) return { ...known, lost: [], heals: [], messages: messagesOf(said, entries) };
      const point = fork.at % (entries.length - 1);
      // Its first entry is another one than that of the kept history.
      const before = point === 0 ? foundedWith(fork.policy, 7) : entries.slice(0, point + 1);
      const lost = entriesOf(before, fork.changes, 7).slice(point + 1);
      const heals = healsOf({ entries, lost, point }, fork.heals);
      return { ...known, lost, heals, messages: messagesOf(said, [...entries, ...lost]) };
    });
}

function foundedWith(policy: Policy | undefined, shiftMs = 1): RosterEntry[] {
  if (policy === undefined) return [GENESIS];
  const subject = { pilot_node_id: 0, entmoot_pubkey: null };
  const timestamp = START + BigInt(shiftMs);
  const said = { op: "policy_change", subject, policy: formatPolicy(policy), timestamp, parents: [GENESIS.id] };
  return [GENESIS, signRosterEntry({ ...common, ...said })];
}

/** Of several the one with the greatest id counts; here the others keep the lost history. */
function healsOf(
  { entries, lost, point }: { entries: readonly RosterEntry[]; lost: readonly RosterEntry[]; point: number },
  count: number,
): RosterHeal[] {
  const common = { seed: FOUNDER!.seed, group_id: GROUP, fork: entries[point]!.id };
  const [kept, other] = [entries.at(-1)!.id, lost.at(-1)!.id];
  const heals = [signRosterHeal({ ...common, kept: other, lost: kept, timestamp: START })];
  for (let timestamp = START; heals.length < 2; timestamp += 1n) {
    const heal = signRosterHeal({ ...common, kept, lost: other, timestamp });
    if (countingHeal(heals[0], heal) === heal) heals.push(heal);
  }
  return heals.slice(-count);
}

const { info: FOUNDER_INFO, nodeId: actor, seed } = FOUNDER!;
const common = { seed, actor, policy: undefined };
const GENESIS = signRosterEntry({ ...common, op: "add", subject: FOUNDER_INFO, timestamp: START, parents: [] });

function entriesOf(before: readonly RosterEntry[], changes: readonly Change[], shiftMs = 0): RosterEntry[] {
  const entries = [...before];
  for (const { afterMs, key, nodeId, op } of changes) {
    const { id, timestamp } = entries.at(-1)!;
    const subject = { pilot_node_id: nodeId, entmoot_pubkey: KEYS[key]!.publicKey };
    entries.push(
      signRosterEntry({ ...common, op, subject, timestamp: timestamp + BigInt(afterMs + shiftMs), parents: [id] }),
    );
  }
  return entries;
}

function messagesOf(said: readonly Said[], entries: readonly RosterEntry[]): Message[] {
  const messages: Message[] = [];
  for (const { at, bytes, key, named, nodeId, offsetMs, parents, policy, sequence, what } of said) {
    // Most updates are what they seem to be.
    const isReal = what === "update" && named === "own";
    const by = isReal || key === KEYS.length ? FOUNDER! : KEYS[key]!;
    const other = KEYS[(key + 1) % KEYS.length]!;
    const keyNamed = { own: by.publicKey, other: other.publicKey, none: null }[named];
    const ids = parents.map((n) => messages[n]?.id).filter((id) => id !== undefined);
    messages.push(
      message({
        by,
        author: { pilot_node_id: isReal ? FOUNDER_ID : nodeId, entmoot_pubkey: keyNamed },
        timestamp: entries[at % entries.length]!.timestamp + offsetMs,
        topics: [what === "chat" ? "chat" : POLICY_TOPIC],
        content: what === "update" ? updateOf(sequence, policy) : new Uint8Array(bytes),
        parents: [...new Set(ids)],
      }),
    );
  }
  return messages;
}

function updateOf(sequence: bigint, policy: Policy | undefined): Uint8Array {
  return buildPolicyUpdate({ group_id: GROUP, policy, sequence, updated_at_ms: 1n });
}
