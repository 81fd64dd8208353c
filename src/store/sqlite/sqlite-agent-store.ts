import { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { DELIVERY_STATES } from "../../machine/delivery.ts";
import {
  AGENT_STORE_LIMITS,
  type AgentChanges,
  type AgentStore,
  type AgentStoreLimits,
  checkRow,
  checkRule,
  DELIVER_DEFAULT,
  DELIVER_MODES,
  type DeliverRule,
  type LedgerRow,
  lastFirst,
  type MootInbox,
  type Mute,
  muteToForget,
  type TurnsCaused,
  waits,
} from "../agent-store.ts";
import type { DiskRoom } from "../disk-room.ts";
import type { OpenFiles } from "../open-files.ts";
import { AGENTS_0001 } from "./migrations/0001-agents.ts";
import { AGENTS_0002 } from "./migrations/0002-agents.ts";
import { AGENTS_0003 } from "./migrations/0003-agents.ts";
import { AGENTS_0004 } from "./migrations/0004-agents.ts";
import { RowReader } from "./row-reader.ts";
import { type Access, type Sql, SqliteFile, type SqlValue } from "./sqlite-file.ts";

/** Every shape this database has had; never change one, add the next. */
const AGENT_MIGRATIONS = [AGENTS_0001, AGENTS_0002, AGENTS_0003, AGENTS_0004];

const ROW = `group_id, message_id, seq, author, state, asks, token, attempt, until_ms, queued_at_ms, handed_at_ms,
  delivered_at_ms, read_at_ms, answered_at_ms, changed_at_ms, host, instance, agent`;
/** How many of them are numbers, from `token` on. */
const NUMBERS = 9;
const NOT_DONE = "state NOT IN ('read', 'acked', 'answered')";
/** Ours. Authors that are looked at for the latest rows; a few microseconds each. */
const ASKERS_MAX = 4_096;
/** Ours. Bytes of a place as text, with room to spare. */
const PLACE_MAX = 64;

/** The inbox and its ledger, in `agents.sqlite`. */
export class SqliteAgentStore implements AgentStore {
  readonly #file: SqliteFile;
  readonly #limits: AgentStoreLimits;
  readonly #moots: RowReader;
  readonly #ledger: RowReader;
  readonly #others: RowReader;
  readonly #sql: ReturnType<typeof statements>;

  /** `path` is made if it is not there. `alone`: nobody else writes it. */
  constructor(
    path: string,
    access: Access,
    {
      files,
      limits = AGENT_STORE_LIMITS,
      room,
    }: { files?: OpenFiles; limits?: AgentStoreLimits; room?: DiskRoom } = {},
  ) {
    this.#file = SqliteFile.open(path, {
      label: "agents database",
      migrations: AGENT_MIGRATIONS,
      access,
      alone: access === "write",
      room,
      ...(files === undefined ? {} : { files }),
    });
    this.#limits = limits;
    this.#moots = new RowReader(path, "moots");
    this.#ledger = new RowReader(path, "ledger");
    this.#others = new RowReader(path, "mutes and rules");
    this.#sql = statements(this.#file);
  }

  moot(groupId: GroupId): MootInbox | undefined {
    const row = this.#sql.moot.row(GroupId.toBytes(groupId));
    if (row === undefined) return undefined;
    const [done, looked, history] = row;
    const place = (value: SqlValue | undefined) => this.#moots.text(value, groupId).slice(0, PLACE_MAX);
    return { done: place(done), looked: place(looked), historyMs: this.#moots.number(history, groupId) };
  }

  row(groupId: GroupId, messageId: MessageId): LedgerRow | undefined {
    const row = this.#sql.row.row(GroupId.toBytes(groupId), MessageId.toBytes(messageId));
    return row && this.#rowOf(row);
  }

  rowsAfter(groupId: GroupId, seq: number, limit: number): LedgerRow[] {
    return this.#sql.after.rows(GroupId.toBytes(groupId), seq, limit).map((row) => this.#rowOf(row));
  }

  asking(groupId: GroupId, seq: number, limit: number): LedgerRow[] {
    return this.#sql.asking.rows(GroupId.toBytes(groupId), seq, limit).map((row) => this.#rowOf(row));
  }

  waiting(limit: number, groupId?: GroupId): LedgerRow[] {
    const rows =
      groupId === undefined ? this.#sql.waiting.rows(limit) : this.#sql.waitingIn.rows(GroupId.toBytes(groupId), limit);
    return rows.map((row) => this.#rowOf(row));
  }

  due(nowMs: number, limit: number): LedgerRow[] {
    return this.#sql.due.rows(nowMs, limit).map((row) => this.#rowOf(row));
  }

  held(): LedgerRow[] {
    return this.#sql.held.rows().map((row) => this.#rowOf(row));
  }

  handedSince(ms: number, limit: number): LedgerRow[] {
    return this.#sql.handedSince.rows(Math.max(1, ms), limit).map((row) => this.#rowOf(row));
  }

  latestAsking(
    groupId: GroupId,
    { limit, ofAuthor }: { readonly limit: number; readonly ofAuthor: number },
  ): LedgerRow[] {
    const group = GroupId.toBytes(groupId);
    const rows = this.#latestAskers(group)
      .slice(0, limit)
      .flatMap((author) => this.#sql.latestAsking.rows(group, author, Math.min(limit, ofAuthor)));
    return rows
      .map((row) => this.#rowOf(row))
      .sort(lastFirst)
      .slice(0, limit);
  }

  countWaiting(groupId: GroupId): number {
    return this.#ledger.number(this.#sql.countWaiting.row(GroupId.toBytes(groupId))?.[0], groupId);
  }

  rule(groupId: GroupId): DeliverRule {
    const row = this.#sql.rule.row(GroupId.toBytes(groupId));
    if (row === undefined) return DELIVER_DEFAULT;
    const [mode, allowed] = row;
    const rows = this.#others;
    const deliver = DELIVER_MODES.find((each) => each === mode);
    if (deliver === undefined) return rows.decoded(groupId, () => fail(`deliver ${mode}`));
    const keys = rows.bytes(allowed, groupId, { min: 0, max: 32 * this.#limits.allowed });
    const from = Array.from({ length: Math.floor(keys.length / 32) }, (_, at) =>
      PublicKey.fromBytes(keys.subarray(32 * at, 32 * at + 32)),
    );
    return { deliver, from };
  }

  turns(): TurnsCaused[] {
    return this.#sql.turns.rows().map(([group, author, turns, last]) => ({
      groupId: this.#others.hex32<GroupId>(group, group),
      author: author instanceof Uint8Array && author.length === 0 ? undefined : this.#others.hex32(author, group),
      turns: this.#others.number(turns, group),
      lastMs: this.#others.number(last, group),
    }));
  }

  mutes(): Mute[] {
    return this.#sql.mutes.rows().map(([key, group, from, until]) => {
      const groupId = this.#others.hex32<GroupId>(group, key);
      return {
        key: this.#others.hex32<PublicKey>(key, key),
        groupId: groupId === GroupId.zero ? undefined : groupId,
        fromMs: this.#others.number(from, key),
        untilMs: this.#others.number(until, key),
      };
    });
  }

  change<T>(work: (changes: AgentChanges) => T): T {
    return this.#file.transact(() => work(this.#changes));
  }

  isWritable(): boolean {
    return this.#file.isWritable();
  }

  requireSame(): void {
    this.#file.requireSame();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  /** Those who asked last first, found by steps from author to author: one with ten thousand rows costs no more than another. */
  #latestAskers(group: Uint8Array): Uint8Array[] {
    const askers: { readonly author: Uint8Array; readonly atMs: number }[] = [];
    let after = new Uint8Array(0);
    while (askers.length < ASKERS_MAX) {
      const author = this.#sql.nextAsker.row(group, after)?.[0];
      if (!(author instanceof Uint8Array)) break;
      askers.push({ author, atMs: this.#ledger.number(this.#sql.askedLast.row(group, author)?.[0], author) });
      after = new Uint8Array(author);
    }
    return askers.sort((one, other) => other.atMs - one.atMs).map(({ author }) => author);
  }

  readonly #changes: AgentChanges = {
    setMoot: (groupId, { done, historyMs, looked }) => {
      this.#sql.setMoot.run(GroupId.toBytes(groupId), done, looked, historyMs);
    },
    putRow: (row) => this.#putRow(row),
    forgetNumbers: (groupId) => {
      this.#sql.forgetNumbers.run(GroupId.toBytes(groupId));
    },
    setRule: (groupId, rule) => {
      checkRule(rule, this.#limits);
      const allowed = Uint8Array.fromHex(rule.from.join(""));
      this.#sql.setRule.run(GroupId.toBytes(groupId), rule.deliver, allowed);
    },
    setMute: (mute, nowMs) => this.#setMute(mute, nowMs),
    countTurn: (groupId, author, nowMs) => {
      const key = author === undefined ? new Uint8Array(0) : PublicKey.toBytes(author);
      this.#sql.countTurn.run(GroupId.toBytes(groupId), key, nowMs);
      this.#sql.forgetTurns.run(this.#limits.turnCounts);
    },
    nextToken: () => {
      this.#sql.countToken.run();
      return this.#ledger.number(this.#sql.token.row()?.[0], "token", { min: 1 });
    },
    prune: (groupId, doneSeq, nowMs) => this.#prune(groupId, doneSeq, nowMs),
  };

  #putRow(row: LedgerRow): boolean {
    checkRow(row);
    const group = GroupId.toBytes(row.groupId);
    const author = row.author === undefined ? null : PublicKey.toBytes(row.author);
    if (waits(row) && this.row(row.groupId, row.messageId) === undefined) {
      const all = this.countWaiting(row.groupId);
      const ofAuthor = this.#ledger.number(this.#sql.countWaitingOf.row(group, author)?.[0], row.groupId);
      if (all >= this.#limits.waiting || ofAuthor >= this.#limits.waitingOfAuthor) return false;
    }
    this.#sql.put.run(
      group,
      MessageId.toBytes(row.messageId),
      row.seq,
      author,
      row.state,
      Number(row.asks),
      Number(waits(row)),
      row.token,
      row.attempt,
      row.untilMs,
      row.queuedAtMs,
      row.handedAtMs,
      row.deliveredAtMs,
      row.readAtMs,
      row.answeredAtMs,
      row.changedAtMs,
      row.handedTo?.host ?? "",
      row.handedTo?.instance ?? "",
      row.handedTo?.agent ?? "",
    );
    return true;
  }

  #setMute({ fromMs, groupId, key, untilMs }: Mute, nowMs: number): void {
    const [bytes, group] = [PublicKey.toBytes(key), GroupId.toBytes(groupId ?? GroupId.zero)];
    const mutes = this.mutes();
    const isNew = !mutes.some((mute) => mute.key === key && mute.groupId === groupId);
    if (isNew && mutes.length >= this.#limits.mutes) {
      const gone = muteToForget(mutes, nowMs, this.#limits);
      this.#sql.forgetMute.run(PublicKey.toBytes(gone.key), GroupId.toBytes(gone.groupId ?? GroupId.zero));
    }
    this.#sql.setMute.run(bytes, group, fromMs, untilMs);
  }

  #prune(groupId: GroupId, doneSeq: number, nowMs: number): number {
    const group = GroupId.toBytes(groupId);
    const { allRows, keptMs, rows } = this.#limits;
    let gone = this.#sql.pruneOld.run(group, nowMs - keptMs, doneSeq).changes;
    gone += this.#sql.pruneMany.run(group, rows).changes;
    return gone + this.#sql.pruneAll.run(allRows).changes;
  }

  #rowOf(row: SqlValue[]): LedgerRow {
    const [group, id, seq, author, state, asks, ...more] = row;
    const [numbers, names] = [more.slice(0, NUMBERS), more.slice(NUMBERS)];
    const rows = this.#ledger;
    const found = DELIVERY_STATES.find((each) => each === state);
    if (found === undefined) return rows.decoded(id, () => fail(`state ${state}`));
    const [token, attempt, untilMs, queuedAtMs, handedAtMs, deliveredAtMs, readAtMs, answeredAtMs, changedAtMs] =
      numbers.map((value) => rows.number(value, id));
    const [host, instance, agent] = names.map((value) => rows.text(value, id));
    return {
      groupId: rows.hex32(group, id),
      messageId: rows.hex32(id, id),
      seq: rows.number(seq, id),
      author: author === null ? undefined : rows.hex32(author, id),
      state: found,
      asks: rows.number(asks, id, { max: 1 }) === 1,
      token: token!,
      attempt: attempt!,
      untilMs: untilMs!,
      queuedAtMs: queuedAtMs!,
      handedAtMs: handedAtMs!,
      deliveredAtMs: deliveredAtMs!,
      readAtMs: readAtMs!,
      answeredAtMs: answeredAtMs!,
      changedAtMs: changedAtMs!,
      handedTo: host === "" ? undefined : { host: host!, instance: instance!, agent: agent! },
    };
  }
}

function fail(found: string): never {
  throw new Error(found);
}

/** What waits for nobody, the oldest first, as many as there are too many. */
function oldest(where: string, count: string): string {
  return `DELETE FROM ledger WHERE (group_id, message_id) IN (SELECT group_id, message_id FROM ledger WHERE ${where} waits = 0
    ORDER BY changed_at_ms LIMIT max(0, ${count}))`;
}

function statements(
  file: SqliteFile,
): Record<
  | "moot"
  | "row"
  | "after"
  | "asking"
  | "waiting"
  | "waitingIn"
  | "due"
  | "held"
  | "handedSince"
  | "nextAsker"
  | "askedLast"
  | "latestAsking"
  | "countWaiting"
  | "countWaitingOf"
  | "rule"
  | "mutes"
  | "setMoot"
  | "put"
  | "forgetNumbers"
  | "setRule"
  | "setMute"
  | "forgetMute"
  | "turns"
  | "countTurn"
  | "forgetTurns"
  | "countToken"
  | "token"
  | "pruneOld"
  | "pruneMany"
  | "pruneAll",
  Sql
> {
  return {
    moot: file.prepare("SELECT done, looked, history_ms FROM moots WHERE group_id = ?1"),
    row: file.prepare(`SELECT ${ROW} FROM ledger WHERE group_id = ?1 AND message_id = ?2`),
    after: file.prepare(`SELECT ${ROW} FROM ledger WHERE group_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3`),
    asking: file.prepare(
      `SELECT ${ROW} FROM ledger WHERE group_id = ?1 AND seq > ?2 AND asks = 1 AND ${NOT_DONE} ORDER BY seq LIMIT ?3`,
    ),
    waiting: file.prepare(`SELECT ${ROW} FROM ledger WHERE waits = 1 ORDER BY queued_at_ms, seq LIMIT ?1`),
    waitingIn: file.prepare(
      `SELECT ${ROW} FROM ledger WHERE waits = 1 AND group_id = ?1 ORDER BY queued_at_ms, seq LIMIT ?2`,
    ),
    due: file.prepare(`SELECT ${ROW} FROM ledger WHERE waits = 1 AND until_ms <= ?1 ORDER BY until_ms LIMIT ?2`),
    held: file.prepare(`SELECT ${ROW} FROM ledger WHERE state IN ('claimed', 'handed') ORDER BY queued_at_ms, seq`),
    handedSince: file.prepare(
      `SELECT ${ROW} FROM ledger WHERE handed_at_ms > 0 AND handed_at_ms >= ?1 ORDER BY handed_at_ms LIMIT ?2`,
    ),
    // The index is named, as a planner without statistics takes another.
    nextAsker: file.prepare(
      `SELECT min(author) FROM ledger INDEXED BY ledger_askers WHERE group_id = ?1 AND asks = 1 AND author > ?2`,
    ),
    askedLast: file.prepare(
      `SELECT max(queued_at_ms) FROM ledger INDEXED BY ledger_askers WHERE group_id = ?1 AND asks = 1 AND author = ?2`,
    ),
    latestAsking: file.prepare(
      `SELECT ${ROW} FROM ledger INDEXED BY ledger_askers WHERE group_id = ?1 AND asks = 1 AND author = ?2
        ORDER BY queued_at_ms DESC, seq DESC, message_id DESC LIMIT ?3`,
    ),
    countWaiting: file.prepare("SELECT count(*) FROM ledger WHERE waits = 1 AND group_id = ?1"),
    countWaitingOf: file.prepare("SELECT count(*) FROM ledger WHERE waits = 1 AND group_id = ?1 AND author IS ?2"),
    rule: file.prepare("SELECT deliver, allowed FROM rules WHERE group_id = ?1"),
    mutes: file.prepare("SELECT key, group_id, from_ms, until_ms FROM mutes ORDER BY key, group_id"),
    setMoot: file.prepare("INSERT OR REPLACE INTO moots VALUES (?1, ?2, ?3, ?4)"),
    put: file.prepare(
      "INSERT OR REPLACE INTO ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    ),
    forgetNumbers: file.prepare("UPDATE ledger SET seq = 0 WHERE group_id = ?1"),
    setRule: file.prepare("INSERT OR REPLACE INTO rules VALUES (?1, ?2, ?3)"),
    setMute: file.prepare("INSERT OR REPLACE INTO mutes VALUES (?1, ?2, ?3, ?4)"),
    forgetMute: file.prepare("DELETE FROM mutes WHERE key = ?1 AND group_id = ?2"),
    turns: file.prepare("SELECT group_id, author, turns, last_ms FROM turns ORDER BY last_ms DESC"),
    countTurn: file.prepare(
      "INSERT INTO turns VALUES (?1, ?2, 1, ?3) ON CONFLICT DO UPDATE SET turns = turns + 1, last_ms = ?3",
    ),
    forgetTurns: file.prepare(
      `DELETE FROM turns WHERE (group_id, author) IN (SELECT group_id, author FROM turns ORDER BY last_ms
        LIMIT max(0, (SELECT count(*) FROM turns) - ?1))`,
    ),
    countToken: file.prepare("UPDATE counts SET token = token + 1"),
    token: file.prepare("SELECT token FROM counts"),
    pruneOld: file.prepare(
      `DELETE FROM ledger WHERE group_id = ?1 AND waits = 0 AND changed_at_ms < ?2
        AND (seq <= ?3 OR ${NOT_DONE})`,
    ),
    pruneMany: file.prepare(oldest("group_id = ?1 AND", "(SELECT count(*) FROM ledger WHERE group_id = ?1) - ?2")),
    pruneAll: file.prepare(oldest("", "(SELECT count(*) FROM ledger) - ?1")),
  };
}
