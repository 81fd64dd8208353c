import { EntmootError } from "../core/errors.ts";
import type { GroupId, MessageId, PublicKey } from "../core/ids.ts";
import { type Delivery, isDone } from "../machine/delivery.ts";
import { checkMs } from "./store-limits.ts";

/** What of one moot is done here, and how far its log was looked through for what asks this node. */
export interface MootInbox {
  /** Everything up to this place of the log is done. */
  readonly done: string;
  /** Up to here each message that asks has its row. */
  readonly looked: string;
  /** What is dated before this was here before the agent was: it is done. Unix milliseconds. */
  readonly historyMs: number;
}

/** Which messages of a moot wake. */
export const DELIVER_MODES = ["mentions", "all", "allow-list", "none"] as const;
export type DeliverMode = (typeof DELIVER_MODES)[number];

export interface DeliverRule {
  readonly deliver: DeliverMode;
  /** Only those of these members; nobody is left out where there are none, but with `allow-list`. */
  readonly from: readonly PublicKey[];
}

/** Where nobody said otherwise. */
export const DELIVER_DEFAULT: DeliverRule = { deliver: "mentions", from: [] };

/** A member whose words are kept from this node's agent. */
export interface Mute {
  readonly key: PublicKey;
  /** `undefined`: in every moot. */
  readonly groupId: GroupId | undefined;
  readonly fromMs: number;
  /** 0: until it is taken back. One that has ended still says that what was written meanwhile is done. */
  readonly untilMs: number;
}

/** Whose hand a message is in, or was in last. */
export interface HandedTo {
  /** The program that its agent runs in, such as `claude`. */
  readonly host: string;
  /** Whose records of that program a bridge can look through; empty where it did not say. */
  readonly instance: string;
  /** Which agent in it: a session, a conversation. */
  readonly agent: string;
}

/** Ours. UTF-16 units of each part of `HandedTo`; what bridges say is held to less. */
const HANDED_TO_MAX = 256;

/** A message that asks, or that was read, answered or acknowledged by itself. */
export interface LedgerRow extends Delivery {
  readonly groupId: GroupId;
  readonly messageId: MessageId;
  /** Its number in the moot's log; 0 while that is not known: the log is another since. */
  readonly seq: number;
  /** `undefined` where its author's key is none. */
  readonly author: PublicKey | undefined;
  /** `undefined`: nobody had it, or a version of before kept it, which did not note who. */
  readonly handedTo: HandedTo | undefined;
}

/** How many turns a member caused in a moot, all in all. */
export interface TurnsCaused {
  readonly groupId: GroupId;
  /** `undefined`: those whose key is none. */
  readonly author: PublicKey | undefined;
  readonly turns: number;
  readonly lastMs: number;
}

/** Whether the message still waits for somebody: such a row is never forgotten. */
export function waits({ asks, state }: Pick<Delivery, "asks" | "state">): boolean {
  return asks && (state === "queued" || state === "claimed" || state === "handed" || state === "uncertain");
}

/** How much is kept; see `docs/doors.md`. */
export interface AgentStoreLimits {
  /** Of one moot, and of all together. */
  readonly rows: number;
  readonly allRows: number;
  /** Of one moot that wait, and of one author among them: what is past these gets no row, wakes nobody and is unread all the same. */
  readonly waiting: number;
  readonly waitingOfAuthor: number;
  readonly mutes: number;
  /** Members on the allow list of one moot. */
  readonly allowed: number;
  /** Pairs of moot and author whose turns are counted; past it the one that caused none for longest is forgotten. */
  readonly turnCounts: number;
  /** After so long a row that waits for nobody is forgotten, once everything up to it is done. */
  readonly keptMs: number;
}

/** Ours. Some hundred bytes a row: a ledger of 100 MB at most, though thousands ask in many moots. */
export const AGENT_STORE_LIMITS: AgentStoreLimits = {
  rows: 16_384,
  allRows: 262_144,
  waiting: 8_192,
  waitingOfAuthor: 1_024,
  mutes: 1_024,
  allowed: 1_024,
  turnCounts: 1_024,
  keptMs: 30 * 24 * 3_600_000,
};

/** Changes that are made together. */
export interface AgentChanges {
  setMoot(groupId: GroupId, inbox: MootInbox): void;
  /** As it is now; a new one of a moot or an author that has its full number waiting is left out, and gives `false`. */
  putRow(row: LedgerRow): boolean;
  /** The log of the moot is another one: no number in it is known any more. */
  forgetNumbers(groupId: GroupId): void;
  setRule(groupId: GroupId, rule: DeliverRule): void;
  /** In place of the one for the same member and moot; one that ended longest ago makes room. Throws `conflict` where there is none. */
  setMute(mute: Mute, nowMs: number): void;
  /** An author caused one turn more in a moot. */
  countTurn(groupId: GroupId, author: PublicKey | undefined, nowMs: number): void;
  /** A number larger than any before: the token of a claim. */
  nextToken(): number;
  /** Forgets rows of a moot that wait for nobody: past their time those up to `doneSeq`, and the oldest of too many. Gives how many. */
  prune(groupId: GroupId, doneSeq: number, nowMs: number): number;
}

/** What this node's agent has done and what waits for it: the inbox and its ledger, of all moots. */
export interface AgentStore extends Disposable {
  /** `undefined` until the moot was first looked through. */
  moot(groupId: GroupId): MootInbox | undefined;
  row(groupId: GroupId, messageId: MessageId): LedgerRow | undefined;
  /** At most `limit` of a moot's rows after a number, in the order of the log. */
  rowsAfter(groupId: GroupId, seq: number, limit: number): LedgerRow[];
  /** At most `limit` of a moot's after a number that ask and are not done, in the order of the log. */
  asking(groupId: GroupId, seq: number, limit: number): LedgerRow[];
  /** At most `limit` that wait, those first that have waited longest; of all moots or of one. */
  waiting(limit: number, groupId?: GroupId): LedgerRow[];
  /** At most `limit` that wait and whose time is over by then, the earliest first. */
  due(nowMs: number, limit: number): LedgerRow[];
  /** Those that a listener was given, or somebody looks for. */
  held(): LedgerRow[];
  /** At most `limit` of those that went to a host at `ms` or later, oldest first. */
  handedSince(ms: number, limit: number): LedgerRow[];
  /** At most `limit` of a moot's rows that ask and whose author is known, `ofAuthor` of one among them, those first that came last. */
  latestAsking(
    groupId: GroupId,
    { limit, ofAuthor }: { readonly limit: number; readonly ofAuthor: number },
  ): LedgerRow[];
  /** How many rows of a moot wait. */
  countWaiting(groupId: GroupId): number;
  rule(groupId: GroupId): DeliverRule;
  /** Those that caused one last first. */
  turns(): TurnsCaused[];
  /** All of them, also those that have ended, by key. */
  mutes(): Mute[];
  /** Makes what `work` says in one commit, durable on return; without any trace when it throws. */
  change<T>(work: (changes: AgentChanges) => T): T;
  /** Whether a write would go through just now: `false` while another process writes. Waits for nobody. */
  isWritable(): boolean;
  /** Throws `data_root_invalid` when its file is no longer the one that was opened. */
  requireSame(): void;
}

/** Throws `invalid_argument` unless a row can be kept. */
export function checkRow(row: LedgerRow): void {
  for (const ms of [row.untilMs, row.queuedAtMs, row.handedAtMs, row.deliveredAtMs, row.readAtMs, row.answeredAtMs]) {
    checkMs("ledger row", ms);
  }
  for (const number of [row.seq, row.token, row.attempt]) checkMs("ledger row: number", number);
  const { agent = "", host = "", instance = "" } = row.handedTo ?? {};
  if (Math.max(agent.length, host.length, instance.length) > HANDED_TO_MAX) {
    throw new EntmootError("invalid_argument", `ledger row: expected names of at most ${HANDED_TO_MAX} characters`);
  }
}

/** Throws `invalid_argument` for a list that is too long, or for none where one is needed. */
export function checkRule({ deliver, from }: DeliverRule, limits: AgentStoreLimits): void {
  if (from.length > limits.allowed) {
    throw new EntmootError(
      "invalid_argument",
      `from: expected at most ${limits.allowed} members, found ${from.length}`,
    );
  }
  if (deliver === "allow-list" && from.length === 0) {
    throw new EntmootError(
      "invalid_argument",
      "deliver allow-list: expected the members it lets through in from, found none",
    );
  }
}

/** The mute that makes room for another. Throws `conflict` when all of them still hold. */
export function muteToForget(mutes: readonly Mute[], nowMs: number, limits: AgentStoreLimits): Mute {
  const [first] = mutes
    .filter(({ untilMs }) => untilMs !== 0 && untilMs <= nowMs)
    .sort((one, other) => one.untilMs - other.untilMs);
  if (first !== undefined) return first;
  throw new EntmootError("conflict", `mutes: at most ${limits.mutes} hold at a time; take one back with unmute`);
}

/** Rows that may go first where there are too many: what is done is shown as unread again when its row has gone too early. */
export function mayBeForgotten(row: LedgerRow, doneSeq: number): boolean {
  return !waits(row) && (!isDone(row.state) || row.seq <= doneSeq);
}

/** Those that came last first, whichever driver is asked. */
export function lastFirst(one: LedgerRow, other: LedgerRow): number {
  return other.queuedAtMs - one.queuedAtMs || other.seq - one.seq || (other.messageId < one.messageId ? -1 : 1);
}
