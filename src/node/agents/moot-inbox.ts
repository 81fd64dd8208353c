import { type Neighbours, NO_NEIGHBOURS, type Role, type Trust, trustOf } from "../../core/agents/trust.ts";
import type { UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageId, PublicKey } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { ASKING_MS, isDone } from "../../machine/delivery.ts";
import { AGENT_STORE_LIMITS, type AgentStore, type LedgerRow, type MootInbox } from "../../store/agent-store.ts";
import { isApart, type StoredMessage } from "../../store/group-store.ts";
import { arrivalsAfter, PIECE_MESSAGES } from "../read/arrivals.ts";
import type { Moot, Moots } from "../read/moots.ts";
import { placeOfSeq, seqOfPlace } from "../read/places.ts";
import { messageOf } from "../read/unread.ts";
import { type Addressee, type AgentOfMoots, isForNodes } from "./addressee.ts";
import type { HopCounter } from "./hops.ts";
import { Mutes } from "./mutes.ts";

/** Ours. Unread messages that are known by heart of one moot, the oldest; of what is beyond these it is known that there is more. */
export const WINDOW_MAX = 512;
/** Ours. Messages looked through in one search, however few of them are unread: what is beyond is for the next. */
export const LOOKED_THROUGH_MAX = 65_536;

/** Ours. Messages since this node was admitted that are looked at one by one to find where its inbox begins. */
const STARTED_AT_MAX = 65_536;

/** A message that nobody here is done with. */
export interface UnreadEntry {
  readonly seq: number;
  readonly id: MessageId;
  readonly author: PublicKey | undefined;
  /** Where views place it, Unix milliseconds. */
  readonly dateMs: number;
  /** Whether it asks this node, by what is known now. */
  readonly asks: boolean;
}

export interface SearchFound {
  readonly entries: readonly UnreadEntry[];
  /** Up to where was looked. */
  readonly seq: number;
  /** That is where the log ends. */
  readonly isEnd: boolean;
}

/** What the ledger says of one moot, checked against its log. */
export interface KnownInbox {
  readonly doneSeq: number;
  readonly lookedSeq: number;
  readonly historyMs: number;
  /** The log is another than the one that was looked through. */
  readonly isLost: boolean;
}

/** Who looks into inboxes. */
export interface InboxReader extends Pick<Moots, "turns">, AgentOfMoots {
  readonly agents: () => AgentStore;
  /** Where nobody tells: none. */
  readonly neighbours?: () => Neighbours;
}

/** The inbox of one moot: what of its log is unread, a window of which is known by heart. */
export class MootWindow {
  readonly moot: Moot;
  readonly asking: Addressee;
  readonly hops: HopCounter;
  readonly #reader: InboxReader;
  readonly #onlyAsking: boolean;
  #log = "";
  #entries: UnreadEntry[] = [];
  #doneSeq = 0;
  #lookedSeq = 0;
  #filling: Promise<void> = Promise.resolve();
  /** Where a moot begins of which nothing is kept yet. */
  #start: Pick<KnownInbox, "doneSeq" | "lookedSeq"> | undefined;

  /** `asking`: who this node is in the moot; `onlyAsking`: the window holds nothing but what asks it. */
  constructor(
    moot: Moot,
    reader: InboxReader,
    {
      asking,
      hops,
      onlyAsking,
    }: { readonly asking: Addressee; readonly hops: HopCounter; readonly onlyAsking: boolean },
  ) {
    this.moot = moot;
    this.asking = asking;
    this.hops = hops;
    this.#onlyAsking = onlyAsking;
    this.#reader = reader;
  }

  /** What this machine and the roster know of an author; none of it is what the author says. */
  standing(author: PublicKey | undefined): { readonly trust: Trust; readonly role: Role } {
    const { agents, neighbours } = this.#reader;
    const allowed = agents().rule(this.moot.id).from;
    const { founder, members } = this.moot.roster;
    const isMember = author !== undefined && members.has(author);
    return {
      trust: trustOf(author, { allowed, neighbours: neighbours?.() ?? NO_NEIGHBOURS }),
      role: !isMember ? "none" : author === founder ? "founder" : "member",
    };
  }

  /** The unread of the window, oldest first, as `fill` left it. */
  get entries(): readonly UnreadEntry[] {
    return this.#entries;
  }

  /** Whether what comes after the window is known: the log ends there. */
  get isWhole(): boolean {
    return this.#entries.length < WINDOW_MAX && this.#lookedSeq >= this.moot.store.messages.lastSeq();
  }

  /** Up to where everything is done, as far as was looked; at least `seq`, up to where it is known to be. */
  doneSeqFrom(seq: number): number {
    if (this.#onlyAsking || this.#log !== this.moot.store.messages.logId()) return seq;
    const [first] = this.#entries;
    return Math.max(seq, first === undefined ? this.#lookedSeq : first.seq - 1);
  }

  /** Up to where everything was done as far as is kept, when it was filled last. */
  get keptDoneSeq(): number {
    return this.#doneSeq;
  }

  get nowMs(): UnixMs {
    return this.#reader.clock.unix();
  }

  /** Brings the window up to date. Calls at once share the work. */
  fill(): Promise<void> {
    this.#filling = this.#filling.catch(() => {}).then(() => this.#fill());
    return this.#filling;
  }

  /**
   * What is done of the moot. Where its log is another one since, that begins anew: what is older than rows are kept is done
   * then, and the rows say the rest.
   */
  async known(): Promise<KnownInbox> {
    const { moot } = this;
    const kept = this.#reader.agents().moot(moot.id);
    if (kept === undefined) {
      const { historyMs } = this.asking;
      this.#start ??= await this.#begin(historyMs);
      return { ...this.#start, historyMs, isLost: false };
    }
    try {
      const { done, historyMs, looked } = kept;
      return { doneSeq: seqOfPlace(moot, done), lookedSeq: seqOfPlace(moot, looked), historyMs, isLost: false };
    } catch (error) {
      if (!(error instanceof EntmootError && error.code === "place_lost")) throw error;
      const historyMs = Math.max(kept.historyMs, this.#reader.clock.unix() - AGENT_STORE_LIMITS.keptMs);
      return { doneSeq: 0, lookedSeq: 0, historyMs, isLost: true };
    }
  }

  /** Somebody is done with these. */
  forget(isGone: (entry: UnreadEntry) => boolean): void {
    this.#entries = this.#entries.filter((entry) => !isGone(entry));
  }

  /** What is unread after a number, whatever the window holds. */
  async search(after: number, limit: number): Promise<SearchFound> {
    const known = await this.known();
    const store = this.#reader.agents();
    const mutes = new Mutes(store.mutes());
    const rule = store.rule(this.moot.id);
    const entries: UnreadEntry[] = [];
    let seq = Math.max(after, known.doneSeq);
    let looked = 0;
    for await (const piece of arrivalsAfter(this.#reader, this.moot, seq)) {
      for (const stored of piece) {
        if (entries.length === limit) return { entries, seq, isEnd: false };
        const message = messageOf(stored);
        const entry = this.#unread(stored, message, { historyMs: known.historyMs, mutes });
        seq = stored.seq;
        if (entry === undefined) continue;
        const asks = this.asking.asks(message, rule);
        if (asks || !this.#onlyAsking) entries.push({ ...entry, asks });
      }
      looked += piece.length;
      if (looked >= LOOKED_THROUGH_MAX) return { entries, seq, isEnd: seq >= this.moot.store.messages.lastSeq() };
    }
    return { entries, seq, isEnd: true };
  }

  async #fill(): Promise<void> {
    const known = await this.known();
    const log = this.moot.store.messages.logId();
    if (log !== this.#log || known.isLost) {
      this.#log = log;
      this.#entries = [];
      this.#lookedSeq = 0;
    }
    this.#doneSeq = known.doneSeq;
    this.#lookedSeq = Math.max(this.#lookedSeq, this.#doneSeq);
    this.forget(({ seq }) => seq <= this.#doneSeq);
    if (this.#onlyAsking) this.#takeRows(known);
    if (this.#entries.length >= WINDOW_MAX) return;
    const found = await this.search(this.#lookedSeq, WINDOW_MAX - this.#entries.length);
    // What was done while it was looked for is in the ledger by now.
    const store = this.#reader.agents();
    const held = new Set(this.#entries.map(({ id }) => id));
    const isNew = ({ id }: UnreadEntry) => !held.has(id) && !isDoneRow(store.row(this.moot.id, id));
    this.#entries.push(...found.entries.filter(isNew));
    this.#lookedSeq = found.seq;
  }

  /** What asks has its row, as far as the ledger has looked: only what came since need be looked through. */
  #takeRows({ doneSeq, lookedSeq }: KnownInbox): void {
    const { id, store } = this.moot;
    const known = new Map(this.#entries.map((entry) => [entry.id, entry]));
    const rows = this.#reader.agents().asking(id, doneSeq, WINDOW_MAX);
    const fromRows = rows.flatMap((row) => {
      const entry = known.get(row.messageId);
      if (entry !== undefined) return [entry];
      const stored = store.messages.get(row.messageId);
      // It has left by retention, or is numbered when the log has been looked through again.
      if (stored === undefined || isApart(stored)) return [];
      return [
        { seq: stored.seq, id: stored.id, author: row.author, dateMs: dateOf(stored, messageOf(stored)), asks: true },
      ];
    });
    const taken = new Set(fromRows.map((entry) => entry.id));
    const live = this.#entries.filter((entry) => entry.seq > lookedSeq && !taken.has(entry.id));
    this.#entries = [...fromRows, ...live].sort((one, other) => one.seq - other.seq);
    this.#lookedSeq = Math.max(this.#lookedSeq, rows.length < WINDOW_MAX ? lookedSeq : rows.at(-1)!.seq);
  }

  /** What is older than what may ask need not be looked through for that. */
  async #begin(historyMs: number): Promise<Pick<KnownInbox, "doneSeq" | "lookedSeq">> {
    const doneSeq = await this.#firstSince(historyMs);
    const askingMs = this.#reader.clock.unix() - ASKING_MS;
    return { doneSeq, lookedSeq: askingMs > historyMs ? Math.max(doneSeq, await this.#firstSince(askingMs)) : doneSeq };
  }

  /** Ahead of the first message dated so late; of the whole log where these are many, for then it is soon found. */
  async #firstSince(ms: number): Promise<number> {
    const { messages } = this.moot.store;
    const last = messages.lastSeq();
    const since = BigInt(ms);
    if (messages.countSince(since) > STARTED_AT_MAX) return 0;
    let first = last;
    let from: TimePlace | undefined;
    do {
      await this.#reader.turns.take();
      const piece = messages.query({
        since,
        order: "asc",
        limit: PIECE_MESSAGES,
        ...(from === undefined ? {} : { from }),
      });
      for (const stored of piece.found) if (!isApart(stored)) first = Math.min(first, stored.seq - 1);
      from = piece.rest;
    } while (from !== undefined);
    return first;
  }

  #unread(
    stored: StoredMessage,
    message: Message,
    { historyMs, mutes }: { readonly historyMs: number; readonly mutes: Mutes },
  ): Omit<UnreadEntry, "asks"> | undefined {
    const dateMs = dateOf(stored, message);
    const author = keyOf(message.author);
    if (isApart(stored) || dateMs < historyMs || isForNodes(message.topics) || this.asking.isOwn(message)) return;
    if (mutes.covers(author, this.moot.id, dateMs)) return;
    if (isDoneRow(this.#reader.agents().row(this.moot.id, stored.id))) return;
    return { seq: stored.seq, id: stored.id, author, dateMs };
  }
}

/** Where views place a message, Unix milliseconds; the ends of what a number says exactly for what is beyond. */
export function dateOf({ arrivedMs }: StoredMessage, { timestamp }: Message): number {
  const ms = Number(arrivedMs ?? timestamp);
  return Math.max(0, Math.min(ms, Number.MAX_SAFE_INTEGER));
}

function isDoneRow(row: LedgerRow | undefined): boolean {
  return row !== undefined && isDone(row.state);
}

/** As it is kept. */
export function inboxPlaces(moot: Moot, known: Pick<KnownInbox, "doneSeq" | "lookedSeq" | "historyMs">): MootInbox {
  const { doneSeq, historyMs, lookedSeq } = known;
  return { done: placeOfSeq(moot, doneSeq), looked: placeOfSeq(moot, lookedSeq), historyMs };
}
