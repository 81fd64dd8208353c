import { EntmootError } from "../../core/errors.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import type { Message } from "../../core/record/records.ts";
import type { Log } from "../../host/log.ts";
import { type DeliveryEvent, type DeliveryMove, isDone, moved } from "../../machine/delivery.ts";
import type { AgentChanges, AgentStore, LedgerRow } from "../../store/agent-store.ts";
import type { DataRoot } from "../../store/data-root.ts";
import { Deadline } from "../../transport/wait.ts";
import type { ChangeSignal } from "../change-signal.ts";
import { PIECE_BYTES, PIECE_MESSAGES } from "../read/arrivals.ts";
import type { Moot, Moots } from "../read/moots.ts";
import { whenWritable } from "../when-writable.ts";
import { Look, type LookedUp, overdue, type RowChange, rowOf } from "./look.ts";
import { inboxPlaces, type KnownInbox, type MootWindow } from "./moot-inbox.ts";
import type { Windows } from "./windows.ts";

/** Ours. Messages of which none asks that are looked through between two notes of how far it was looked. */
const NOTED_EVERY = 1_024;
/** Ours. Between two looks at whose time is over, where nothing else happens. */
const LAPSE_EVERY_MS = 60_000;
/** Ours. Rows whose time is over, in one commit. */
const LAPSED_AT_ONCE = 256;
/** Ours. Rows that an acknowledgement of everything up to a place moves in one commit. */
const ACKED_AT_ONCE = 256;

export interface LedgerParts extends Pick<Moots, "clock" | "moots" | "turns"> {
  readonly root: DataRoot;
  readonly log: Log;
  readonly changed: ChangeSignal;
  readonly windows: Windows;
  /** Rows have come, or others are free again. */
  readonly onRows: () => void;
  /** Rows of a moot are others than before. */
  readonly onMoved: (groupId: GroupId) => void;
  /** The time of these is over: they are in nobody's hand any more. */
  readonly onLapsed: (rows: readonly LedgerRow[]) => void;
  /** A message of this node is looked at. */
  readonly onOwn: (moot: Moot, message: Message) => void;
}

/** A row that moved, as it was and as it is. */
export interface RowMoved {
  readonly before: LedgerRow;
  readonly after: LedgerRow;
}

/**
 * What became of each message that asks this node, and of those that it is done with. The delivery logs are the truth: rows
 * are made of them by looking through what came since, so that a crash between the two loses nothing. Only who holds the
 * lock of the data root has one.
 */
export class Ledger {
  readonly #parts: LedgerParts;
  #looking: Promise<unknown> = Promise.resolve();
  #ending: AbortSignal | undefined;
  #hasBegun = false;
  #told = "";
  /** Up to where a moot was looked through, where that is further than what is kept says. */
  readonly #lookedSeq = new Map<GroupId, { readonly log: string; readonly seq: number }>();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  get store(): AgentStore {
    return this.#parts.root.agents();
  }

  /** In a daemon: from now on each commit is looked through, once there is anybody whose inbox it is. */
  follow(ending: AbortSignal): void {
    this.#ending = ending;
    if (this.#parts.root.hasAgents()) void this.#follow(ending);
  }

  /** What is looked through is left, once it is at rest: nothing is written after that. */
  async close(): Promise<void> {
    await this.#looking.catch(() => {});
  }

  /** Somebody asked for the inbox: from now on a daemon keeps its ledger. */
  wake(): void {
    if (!this.#hasBegun && this.#ending !== undefined && !this.#ending.aborted) void this.#follow(this.#ending);
  }

  /** What asks in these moots, or in all, has its row when this resolves, and what this node answered is answered. */
  async catchUp(only?: Moot): Promise<void> {
    this.wake();
    const work = async () => {
      this.#begin();
      if (only !== undefined) return await this.#lookThrough(only);
      // One that cannot be read keeps nobody from the others.
      const failed: unknown[] = [];
      for (const moot of this.#parts.moots()) await this.#lookThrough(moot).catch((error) => failed.push(error));
      if (failed.length > 0) throw failed[0];
    };
    const looking = this.#looking.catch(() => {}).then(work);
    this.#looking = looking;
    await looking;
  }

  /**
   * Moves the row of a message, made where there is none; gives it as it is now. Durable on return. Throws `conflict` for
   * what its state does not allow, `not_found` for a row that has to be there.
   */
  async move(held: LookedUp, event: DeliveryEvent): Promise<LedgerRow> {
    const { moot } = held;
    const { clock, windows } = this.#parts;
    await whenWritable(clock, [this.store]);
    const window = windows.of(moot);
    const known = await window.known();
    const now = clock.unix();
    const row = this.#rowFor(held, now);
    const move = moved(row, event, now);
    if (move.kind === "refused") throw new EntmootError("conflict", `message: ${event.kind}: ${move.reason}`);
    if (move.kind === "same") return row;
    const next = { ...row, ...move.row };
    if (isDone(next.state)) windows.forget(moot, ({ id }) => id === held.stored.id);
    this.store.change((to) => {
      to.putRow(next);
      if (isDone(next.state)) this.#noteDone(to, window, known);
    });
    this.#parts.onMoved(moot.id);
    return next;
  }

  /**
   * Moves rows in one commit, durable on return, with what `also` makes of those that moved. What a row does not allow is told, and
   * keeps no other from moving.
   */
  moveAll(
    asked: readonly { readonly row: LedgerRow; readonly event: DeliveryEvent }[],
    also?: (to: AgentChanges, made: readonly RowMoved[]) => void,
  ): DeliveryMove[] {
    if (asked.length === 0) return [];
    const { clock, moots, windows } = this.#parts;
    const now = clock.unix();
    const made = new Map<MessageId, RowMoved>();
    const moves = asked.map(({ event, row }) => {
      const before = made.get(row.messageId)?.after ?? row;
      const move = moved(before, event, now);
      if (move.kind === "moved") made.set(row.messageId, { before: row, after: { ...before, ...move.row } });
      return move;
    });
    this.store.change((to) => {
      for (const { after } of made.values()) to.putRow(after);
      also?.(to, [...made.values()]);
    });
    for (const id of new Set(asked.map(({ row }) => row.groupId))) this.#parts.onMoved(id);
    for (const [n, move] of moves.entries()) {
      if (move.kind !== "moved" || !isDone(move.row.state)) continue;
      const { groupId, messageId } = asked[n]!.row;
      const moot = moots().find(({ id }) => id === groupId);
      if (moot !== undefined) windows.forget(moot, ({ id }) => id === messageId);
    }
    return moves;
  }

  /** Everything of a moot up to a number is done. Gives how many messages that were not are acknowledged by it. */
  async ackThrough(moot: Moot, seq: number): Promise<number> {
    const { clock, turns, windows } = this.#parts;
    await this.catchUp(moot);
    const window = windows.of(moot);
    await window.fill();
    const known = await window.known();
    if (seq <= known.doneSeq) return 0;
    let acknowledged = window.entries.filter((entry) => entry.seq <= seq).length;
    if (!window.isWhole && seq > (window.entries.at(-1)?.seq ?? 0)) {
      acknowledged += (await window.search(window.entries.at(-1)?.seq ?? 0, WINDOW_COUNTED)).entries.filter(
        (entry) => entry.seq <= seq,
      ).length;
    }
    for (let from = known.doneSeq; ; ) {
      await turns.take();
      const rows = this.store.rowsAfter(moot.id, from, ACKED_AT_ONCE).filter((row) => row.seq <= seq);
      const last = rows.at(-1);
      if (last === undefined) break;
      this.store.change((to) => {
        for (const row of rows) if (!isDone(row.state)) this.#apply(to, row, { kind: "ack" }, clock.unix());
      });
      from = last.seq;
    }
    const lookedSeq = Math.max(seq, this.#lookedOf(moot, known));
    windows.forget(moot, (entry) => entry.seq <= seq);
    this.store.change((to) => {
      to.setMoot(moot.id, inboxPlaces(moot, { ...known, doneSeq: window.doneSeqFrom(seq), lookedSeq }));
      to.prune(moot.id, seq, clock.unix());
    });
    this.#parts.onMoved(moot.id);
    return acknowledged;
  }

  async #follow(ending: AbortSignal): Promise<void> {
    this.#hasBegun = true;
    const { changed, clock } = this.#parts;
    while (!ending.aborted) {
      const { version } = changed;
      try {
        await this.catchUp();
        this.lapse();
        this.#told = "";
      } catch (error) {
        this.#tell(error);
      }
      using soon = new Deadline(clock, LAPSE_EVERY_MS, ending);
      await changed.after(version, soon.signal);
    }
  }

  /** No listener of before lives: what was claimed is free again. Once in each process. */
  #begin(): void {
    if (this.#hasRestarted) return;
    const held = this.store.held();
    const now = this.#parts.clock.unix();
    if (held.length > 0) {
      this.store.change((to) => {
        for (const row of held) this.#apply(to, row, { kind: "restart" }, now);
      });
    }
    this.#hasRestarted = true;
  }
  #hasRestarted = false;

  /** Settles what has had its time. */
  lapse(): void {
    const now = this.#parts.clock.unix();
    for (;;) {
      const due = this.store.due(now, LAPSED_AT_ONCE);
      if (due.length === 0) return;
      const gone = this.store.change((to) => due.filter((row) => this.#apply(to, row, { kind: "lapse" }, now)).length);
      if (gone === 0) return;
      this.#parts.onLapsed(due);
      for (const id of new Set(due.map(({ groupId }) => groupId))) this.#parts.onMoved(id);
      this.#parts.onRows();
    }
  }

  /** The same once, until it is well again. */
  #tell(error: unknown): void {
    if (this.#ending?.aborted) return;
    if (!(error instanceof EntmootError)) throw error;
    if (this.#told !== error.message) this.#parts.log.error(`inbox: ${error.message}`);
    this.#told = error.message;
  }

  async #lookThrough(moot: Moot): Promise<void> {
    const { clock, turns, windows } = this.#parts;
    const window = windows.of(moot);
    let known = await window.known();
    if (known.isLost) {
      await whenWritable(clock, [this.store]);
      this.store.change((to) => {
        to.forgetNumbers(moot.id);
        to.setMoot(moot.id, inboxPlaces(moot, known));
      });
      known = await window.known();
    }
    let seq = this.#lookedOf(moot, known);
    for (;;) {
      if (seq >= moot.store.messages.lastSeq()) return;
      await turns.take();
      if (this.#ending?.aborted) return;
      const piece = moot.store.messages.arrivedAfter(seq, PIECE_MESSAGES, PIECE_BYTES);
      const last = piece.at(-1);
      if (last === undefined) return;
      known = await window.known();
      const look = new Look(moot, { asking: window.asking, store: this.store, known, nowMs: clock.unix() });
      const changes = piece.flatMap((stored) => look.at(stored, (message) => this.#parts.onOwn(moot, message)));
      if (changes.length > 0 || last.seq - known.lookedSeq >= NOTED_EVERY) {
        await whenWritable(clock, [this.store]);
        this.#note(window, { changes, known: await window.known(), lookedSeq: last.seq });
        if (changes.length > 0) {
          this.#parts.onRows();
          this.#parts.onMoved(moot.id);
        }
      }
      seq = last.seq;
      this.#lookedSeq.set(moot.id, { log: moot.store.messages.logId(), seq });
    }
  }

  #note(
    window: MootWindow,
    { changes, known, lookedSeq }: { changes: readonly RowChange[]; known: KnownInbox; lookedSeq: number },
  ): void {
    const { moot } = window;
    const now = this.#parts.clock.unix();
    const done = new Set<MessageId>();
    this.store.change((to) => {
      for (const { event, row } of changes) {
        // It may have moved since it was looked at.
        const current = this.store.row(moot.id, row.messageId) ?? row;
        const isNew = current === row;
        const next = event === undefined ? undefined : moved(current, event, now);
        const put: LedgerRow =
          next?.kind === "moved" ? { ...current, ...next.row, seq: row.seq } : { ...current, seq: row.seq };
        // One too many of those that wait is over at once.
        const isPut = !(isNew || put.seq !== current.seq || next?.kind === "moved") || to.putRow(put);
        if (!isPut) to.putRow(overdue(put, now));
        if (isDone(put.state)) done.add(put.messageId);
      }
      if (done.size > 0) this.#parts.windows.forget(moot, ({ id }) => done.has(id));
      const doneSeq = window.doneSeqFrom(known.doneSeq);
      to.setMoot(moot.id, inboxPlaces(moot, { ...known, doneSeq, lookedSeq: Math.max(lookedSeq, known.lookedSeq) }));
      to.prune(moot.id, doneSeq, now);
    });
  }

  #noteDone(to: AgentChanges, window: MootWindow, known: KnownInbox): void {
    const doneSeq = window.doneSeqFrom(known.doneSeq);
    to.setMoot(window.moot.id, inboxPlaces(window.moot, { ...known, doneSeq }));
  }

  #lookedOf({ id, store }: Moot, { lookedSeq }: KnownInbox): number {
    const further = this.#lookedSeq.get(id);
    return further !== undefined && further.log === store.messages.logId()
      ? Math.max(further.seq, lookedSeq)
      : lookedSeq;
  }

  /** Whether it moved. */
  #apply(to: AgentChanges, row: LedgerRow, event: DeliveryEvent, nowMs: number): boolean {
    const move = moved(row, event, nowMs);
    if (move.kind !== "moved") return false;
    to.putRow({ ...row, ...move.row });
    return true;
  }

  #rowFor({ message, moot, stored }: LookedUp, nowMs: number): LedgerRow {
    return this.store.row(moot.id, stored.id) ?? rowOf({ moot, stored, message }, { asks: false, nowMs });
  }
}

/** Ours. Unread messages beyond the window that an acknowledgement counts. */
const WINDOW_COUNTED = 16_384;
