import type { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { isDone } from "../../machine/delivery.ts";
import {
  AGENT_STORE_LIMITS,
  type AgentChanges,
  type AgentStore,
  type AgentStoreLimits,
  checkRow,
  checkRule,
  DELIVER_DEFAULT,
  type DeliverRule,
  type LedgerRow,
  lastFirst,
  type MootInbox,
  type Mute,
  mayBeForgotten,
  muteToForget,
  type TurnsCaused,
  waits,
} from "../agent-store.ts";

interface KeptOfAgents {
  readonly moots: Map<GroupId, MootInbox>;
  readonly rows: Map<string, LedgerRow>;
  readonly rules: Map<GroupId, DeliverRule>;
  readonly mutes: Map<string, Mute>;
  readonly turns: Map<string, TurnsCaused>;
  token: number;
}

/** The inbox and its ledger in memory, for simulations, tests and whoever only looks at a root that has none. */
export class MemoryAgentStore implements AgentStore {
  readonly #limits: AgentStoreLimits;
  #kept: KeptOfAgents = {
    moots: new Map(),
    rows: new Map(),
    rules: new Map(),
    mutes: new Map(),
    turns: new Map(),
    token: 0,
  };

  constructor(limits = AGENT_STORE_LIMITS) {
    this.#limits = limits;
  }

  moot(groupId: GroupId): MootInbox | undefined {
    return this.#kept.moots.get(groupId);
  }

  row(groupId: GroupId, messageId: MessageId): LedgerRow | undefined {
    return this.#kept.rows.get(`${groupId} ${messageId}`);
  }

  rowsAfter(groupId: GroupId, seq: number, limit: number): LedgerRow[] {
    return this.#rowsOf(groupId)
      .filter((row) => row.seq > seq)
      .sort((one, other) => one.seq - other.seq)
      .slice(0, limit);
  }

  asking(groupId: GroupId, seq: number, limit: number): LedgerRow[] {
    return this.rowsAfter(groupId, seq, Number.POSITIVE_INFINITY)
      .filter((row) => row.asks && !isDone(row.state))
      .slice(0, limit);
  }

  waiting(limit: number, groupId?: GroupId): LedgerRow[] {
    return this.#rowsOf(groupId)
      .filter(waits)
      .sort((one, other) => one.queuedAtMs - other.queuedAtMs || one.seq - other.seq)
      .slice(0, limit);
  }

  due(nowMs: number, limit: number): LedgerRow[] {
    return this.#rowsOf(undefined)
      .filter((row) => waits(row) && row.untilMs <= nowMs)
      .sort((one, other) => one.untilMs - other.untilMs)
      .slice(0, limit);
  }

  held(): LedgerRow[] {
    return this.waiting(Number.POSITIVE_INFINITY).filter(({ state }) => state === "claimed" || state === "handed");
  }

  handedSince(ms: number, limit: number): LedgerRow[] {
    return this.#rowsOf(undefined)
      .filter(({ handedAtMs }) => handedAtMs > 0 && handedAtMs >= ms)
      .sort((one, other) => one.handedAtMs - other.handedAtMs)
      .slice(0, limit);
  }

  latestAsking(
    groupId: GroupId,
    { limit, ofAuthor }: { readonly limit: number; readonly ofAuthor: number },
  ): LedgerRow[] {
    const taken = new Map<LedgerRow["author"], number>();
    const isWithin = ({ author }: LedgerRow) => {
      taken.set(author, (taken.get(author) ?? 0) + 1);
      return taken.get(author)! <= ofAuthor;
    };
    return this.#rowsOf(groupId)
      .filter(({ asks, author }) => asks && author !== undefined)
      .sort(lastFirst)
      .filter(isWithin)
      .slice(0, limit);
  }

  countWaiting(groupId: GroupId): number {
    return this.#rowsOf(groupId).filter(waits).length;
  }

  rule(groupId: GroupId): DeliverRule {
    return this.#kept.rules.get(groupId) ?? DELIVER_DEFAULT;
  }

  turns(): TurnsCaused[] {
    return [...this.#kept.turns.values()].sort((one, other) => other.lastMs - one.lastMs);
  }

  mutes(): Mute[] {
    return [...this.#kept.mutes].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, mute]) => mute);
  }

  change<T>(work: (changes: AgentChanges) => T): T {
    const { moots, mutes, rows, rules, token, turns } = this.#kept;
    const before = {
      moots: new Map(moots),
      rows: new Map(rows),
      rules: new Map(rules),
      mutes: new Map(mutes),
      turns: new Map(turns),
      token,
    };
    try {
      return work(this.#changes);
    } catch (error) {
      this.#kept = before;
      throw error;
    }
  }

  isWritable(): boolean {
    return true;
  }

  requireSame(): void {}

  [Symbol.dispose](): void {}

  readonly #changes: AgentChanges = {
    setMoot: (groupId, inbox) => void this.#kept.moots.set(groupId, { ...inbox }),
    putRow: (row) => this.#putRow(row),
    forgetNumbers: (groupId) => {
      for (const row of this.#rowsOf(groupId)) this.#put({ ...row, seq: 0 });
    },
    setRule: (groupId, rule) => {
      checkRule(rule, this.#limits);
      this.#kept.rules.set(groupId, { deliver: rule.deliver, from: [...rule.from] });
    },
    setMute: (mute, nowMs) => this.#setMute(mute, nowMs),
    countTurn: (groupId, author, nowMs) => this.#countTurn(groupId, author, nowMs),
    nextToken: () => {
      this.#kept.token += 1;
      return this.#kept.token;
    },
    prune: (groupId, doneSeq, nowMs) => this.#prune(groupId, doneSeq, nowMs),
  };

  #putRow(row: LedgerRow): boolean {
    checkRow(row);
    if (waits(row) && this.row(row.groupId, row.messageId) === undefined) {
      const waiting = this.#rowsOf(row.groupId).filter(waits);
      const ofAuthor = waiting.filter(({ author }) => author === row.author);
      if (waiting.length >= this.#limits.waiting || ofAuthor.length >= this.#limits.waitingOfAuthor) return false;
    }
    this.#put({ ...row });
    return true;
  }

  #put(row: LedgerRow): void {
    this.#kept.rows.set(`${row.groupId} ${row.messageId}`, row);
  }

  #setMute(mute: Mute, nowMs: number): void {
    const key = nameOf(mute);
    if (!this.#kept.mutes.has(key) && this.#kept.mutes.size >= this.#limits.mutes) {
      this.#kept.mutes.delete(nameOf(muteToForget(this.mutes(), nowMs, this.#limits)));
    }
    this.#kept.mutes.set(key, { ...mute });
  }

  #countTurn(groupId: GroupId, author: PublicKey | undefined, nowMs: number): void {
    const { turns } = this.#kept;
    const pair = `${groupId} ${author ?? ""}`;
    turns.set(pair, { groupId, author, turns: (turns.get(pair)?.turns ?? 0) + 1, lastMs: nowMs });
    if (turns.size <= this.#limits.turnCounts) return;
    const last = this.turns().at(-1)!;
    turns.delete(`${last.groupId} ${last.author ?? ""}`);
  }

  #prune(groupId: GroupId, doneSeq: number, nowMs: number): number {
    const { allRows, keptMs, rows } = this.#limits;
    const old = this.#rowsOf(groupId).filter((row) => row.changedAtMs < nowMs - keptMs && mayBeForgotten(row, doneSeq));
    for (const row of old) this.#forget(row);
    return old.length + this.#forgetOldest(rows, groupId) + this.#forgetOldest(allRows, undefined);
  }

  #forgetOldest(max: number, groupId: GroupId | undefined): number {
    const all = this.#rowsOf(groupId);
    const settled = all.filter((row) => !waits(row)).sort((one, other) => one.changedAtMs - other.changedAtMs);
    const gone = settled.slice(0, Math.max(0, all.length - max));
    for (const row of gone) this.#forget(row);
    return gone.length;
  }

  #forget({ groupId, messageId }: LedgerRow): void {
    this.#kept.rows.delete(`${groupId} ${messageId}`);
  }

  #rowsOf(groupId: GroupId | undefined): LedgerRow[] {
    return [...this.#kept.rows.values()].filter((row) => groupId === undefined || row.groupId === groupId);
  }
}

function nameOf({ groupId, key }: Mute): string {
  return `${key} ${groupId ?? ""}`;
}
