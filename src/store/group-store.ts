import type { UnixMs } from "../core/clock.ts";
import type { GroupId, MerkleRoot, MessageId, PublicKey } from "../core/ids.ts";
import type { CopyPart } from "../core/order/copy-part.ts";
import type { TimePlace } from "../core/order/time-place.ts";
import type { NoteKind, NoteName, SignedNote } from "../core/record/note.ts";
import type { MemberProfileAd, RosterEntry, TransportAd } from "../core/record/records.ts";
import type { MessageSearch, MessageTallies } from "./search-store.ts";

/** A verified message on its way into the store. `canonical` is the full canonical form: what is kept and served. */
export interface NewMessage {
  readonly id: MessageId;
  readonly author_node_id: number;
  /** int64 Unix milliseconds. */
  readonly timestamp: bigint;
  readonly topics: readonly string[];
  readonly parents: readonly MessageId[];
  readonly canonical: Uint8Array;
  /** What it says, where that is at hand: it is found by the words in it. */
  readonly content?: Uint8Array;
  /**
   * The key that signed it where that is no member's: it is set apart, held like all others and without a place in the
   * delivery log, until a message that is not apart and by another author names it. See `docs/what-is-kept.md`.
   */
  readonly outsider?: PublicKey;
  /** Given where its date lay ahead of the clock when it came: views place it by that. See `docs/what-is-kept.md`. */
  readonly ahead?: DatedAhead;
}

/** When a message came whose date lay ahead. */
export interface DatedAhead {
  /** Unix milliseconds. */
  readonly arrivedMs: bigint;
  /** Whether the clock was known to be right then; if not, `settleAhead` looks at it once it is. */
  readonly isSure: boolean;
}

/** A message as kept: its place in the delivery log and its bytes. Decode `canonical` for the rest. */
export interface StoredMessage {
  /**
   * Arrival order on this node, from 1, never reused. Consumers' cursors are numbers in it. Negative for a message set
   * apart, see `isApart`.
   */
  readonly seq: number;
  readonly id: MessageId;
  readonly canonical: Uint8Array;
  /** Where views place it in time, where that is not its own date, Unix milliseconds; see `DatedAhead`. */
  readonly arrivedMs?: bigint | undefined;
}

/** Whether a message is set apart: it has no place in the delivery log. */
export function isApart({ seq }: Pick<StoredMessage, "seq">): boolean {
  return seq < 0;
}

/** Messages that stay however old they are: those of one author on one topic. */
export interface Exempt {
  readonly topic: string;
  readonly author_node_id: number;
}

/** Dates and places are those of views, where a message whose date lay ahead when it came stands at its arrival. */
export interface MessageQuery {
  /** Inclusive Unix ms; `undefined` is unbounded. */
  readonly since?: bigint;
  /** Exclusive Unix ms; `undefined` is unbounded. */
  readonly until?: bigint;
  readonly author_node_id?: number;
  /** Topic pattern; a message without topics matches none. Throws `invalid_argument` when it is not one. */
  readonly topic?: string;
  /** Strictly before this place (for `desc`) or after it (for `asc`). */
  readonly from?: TimePlace;
  readonly order: "asc" | "desc";
  /** At least 1. */
  readonly limit: number;
}

/** How long a message is that has this number. */
export interface MessageLength extends Pick<StoredMessage, "seq" | "id"> {
  /** Of its canonical form. */
  readonly bytes: number;
}

/** A piece of the places in the order of views. */
export interface PlacesPiece {
  /** At most as many as asked for; may be none although some follow. */
  readonly found: readonly TimePlace[];
  /** As `QueryPiece.rest`. */
  readonly rest: TimePlace | undefined;
}

/** A piece of what a query finds. */
export interface QueryPiece {
  /** At most `limit`; may be none although some follow. */
  readonly found: readonly StoredMessage[];
  /** Up to where was looked: goes on as the query's `from`. `undefined` where nothing follows. */
  readonly rest: TimePlace | undefined;
}

/**
 * The messages of one group on this node, the order over them and the Merkle root.
 * Callers verify before `putMany`; the store never does. Everything is synchronous.
 */
export interface MessageStore {
  /** The same messages by the words in them. */
  readonly search: MessageSearch;
  /** How many there are, by hour, author and topic. */
  readonly tallies: MessageTallies;
  readonly size: number;
  /** The highest sequence number given out; 0 when none. */
  lastSeq(): number;
  /** The log's own id, 16 hex digits: drawn with the database, and anew by `drawLog`. */
  logId(): string;
  /** Gives the log a new id, durably: it is not the one that readers knew. */
  drawLog(): void;
  /** The id of the message with this number, also of one that was pruned; `undefined` when that is not known (any more). */
  idAt(seq: number): MessageId | undefined;
  /**
   * The number of a message in the log, also of one that was pruned, and its own date, where that is known of a pruned one;
   * `undefined` for one that has none here.
   */
  numberOf(id: MessageId): { readonly seq: number; readonly timestamp: bigint | undefined } | undefined;
  /** How many are held whose number is greater. Costs as much as was pruned behind it. */
  countAfter(seq: number): number;
  /**
   * Sum of the first four bytes of the ids of all messages numbered up to `seq` (at most `lastSeq`), modulo 2^32: the
   * same as long as they are the same messages. Those pruned before it was kept which number they had do not count.
   */
  sumAt(seq: number): number;
  /** Held now. */
  has(id: MessageId): boolean;
  /** Held now, or held once and pruned: either way not to be fetched or stored again. See `restoreFrom`. */
  knows(id: MessageId): boolean;
  /** Those of `ids` that are not known, in the order given. For many ids far cheaper than `knows` for each. */
  unknown(ids: readonly MessageId[]): MessageId[];
  get(id: MessageId): StoredMessage | undefined;
  /** How many bytes `get` would read; it reads none of them. */
  lengthOf(id: MessageId): number | undefined;
  /** Runs `work`, which reads a lot and awaits nothing, at one instant of the store: far cheaper than each read alone. */
  reading<T>(work: () => T): T;
  /**
   * Stores all in one transaction; on return they survive a crash of machine or process.
   * Gives the sequence number of each, `undefined` where the id was already known. Nothing is stored
   * when it throws (`disk_full`, `internal`). Those apart that a message vouches for come before it in the log.
   */
  putMany(messages: readonly NewMessage[]): (number | undefined)[];
  /**
   * Up to `limit` messages with `seq > after`, in arrival order; with `maxBytes` no more once they have that many, so
   * that at least one is given.
   */
  arrivedAfter(after: number, limit: number, maxBytes?: number): StoredMessage[];
  /**
   * In the time order of views (see `MessageQuery`), a piece at a time: it ends once `limit` are found, and, however little matches,
   * after some 1,000 messages looked at by their index or `QUERY_BYTES` of them read.
   */
  query(query: MessageQuery): QueryPiece;
  /**
   * The `limit` messages latest in the time order of views that match, in the topological order they have among themselves.
   * `undefined` pattern: all; `#` also matches messages without topics. A limit of 0 or less gives none.
   */
  latest(limit: number, topic?: string): StoredMessage[];
  /** All with timestamp in [since, until), in topological order of that subset (the original's Range). */
  topologicalRange(range: { since: bigint | undefined; until: bigint | undefined }): StoredMessage[];
  /** Per topic: how many messages and the latest timestamp as views have it; most used first, then latest, then name. `reserved`: those too. */
  topics(limit: number, also: { readonly reserved: boolean }): { topic: string; messages: number; latest: bigint }[];
  /** Ids in [lo, hi) ascending, at most `limit`; `hi` zero is unbounded. */
  idsInRange(range: { lo: MessageId; hi: MessageId; limit: number }): MessageId[];
  /** The first `limit` messages after a place in time order, by their own dates, or from its beginning. */
  placesAfter(after: TimePlace | undefined, limit: number): TimePlace[];
  /** The same in the time order of views, a piece at a time. */
  shownAfter(after: TimePlace | undefined, limit: number): PlacesPiece;
  /** Ids with timestamp at or after `since`, in topological order. */
  idsSince(since: bigint): MessageId[];
  /**
   * The same as bytes, 32 an id, in steps of a few milliseconds between which others may use the store: what comes or
   * goes meanwhile may be in it or not.
   */
  idsSinceInSteps(since: bigint): Generator<undefined, Uint8Array>;
  /** How many those are; costs a small part of what listing them does. */
  countSince(since: bigint): number;
  /** Over all held messages in topological order; zero when empty. Recomputed lazily. */
  merkleRoot(): MerkleRoot;
  /**
   * Whether `merkleRoot`, or `nextParents`, goes through no more than what changed since it was asked last. Where it
   * would go through all that is held, this call reads at most `limit` messages of that pass; with 0 it reads none.
   */
  loadOrder(limit: number, what: { readonly of: "root" | "parents" }): boolean;
  /**
   * How many there are with timestamp at or after `since`, and their `merkleRoot`. Where none is kept in step for that
   * time, this call reads at most `limit` messages of the pass that it costs, and gives `undefined` until the calls for
   * it have read all; with 0 it reads none. A few are kept.
   */
  sharedSince(since: bigint, limit: number): CopyPart | undefined;
  /**
   * The ids a new message of ours names as parents: the last three of the topological order, oldest first, of what
   * this store has stored or was last asked about. Never what is apart or lay ahead when it came, nor what is later than
   * `latest` (Unix milliseconds): while there is any, the last three of the others by time.
   */
  nextParents(latest?: bigint): MessageId[];
  /** The last three by time, oldest first, of what is neither apart nor lay ahead when it came; as current as `nextParents`. */
  newest(): readonly TimePlace[];
  /** How many are set apart now. */
  readonly apart: number;
  /** Some apart were vouched for, too many for the transaction that did it: `rejoin` gives them their places. */
  readonly isRejoining: boolean;
  /**
   * Gives a place at the end of the log to messages apart that were vouched for, and to those signed by a key that is a
   * member's, in time order, durably and once. Gives how many, about `limit` at most: 0 when there is none.
   */
  rejoin(isMember: (key: PublicKey) => boolean, limit: number): number;
  /**
   * Now that the clock is known to be right: what is later than `latest` (Unix milliseconds) is placed by when it came, and
   * what was taken for late by a wrong clock, by its own date again. Gives how many changed, about `limit` at most: 0 when
   * all is in order, which takes no transaction to find out.
   */
  settleAhead(time: { readonly latest: bigint; readonly now: bigint }, limit: number): number;
  /**
   * Forgets bodies older than `before`, the oldest first, keeps their ids as pruned. What `exempt` names stays. Gives how
   * many went, at most `limit`: unless it is 0 there may be more.
   */
  pruneBefore(before: bigint, exempt?: Exempt, limit?: number): number;
  /** What is held of an author with own dates in [since, until), Unix milliseconds; `bytes`: of their canonical forms. */
  spentBy(author_node_id: number, since: bigint, until: bigint): { readonly messages: number; readonly bytes: number };
  /** The next `limit` in order of their numbers, those apart first: start with `Number.MIN_SAFE_INTEGER`. */
  lengthsAfter(seq: number, limit: number): MessageLength[];
  /**
   * Takes messages out of set, order and views in one commit; gives how many were there. Each keeps its number, at which it
   * is stored when it comes again. Unlike those that are pruned they count as unknown.
   */
  shed(ids: readonly MessageId[]): number;
  /** How many are pruned now. */
  readonly pruned: number;
  /** The time of the latest of them, as far as it was kept; `undefined` when of none. */
  latestPruned(): bigint | undefined;
  /**
   * From now on messages that were pruned and are not older than this are stored again, each at the number it had, so
   * that no reader of the log gets it twice. They then count as unknown. `undefined`: none is.
   */
  restoreFrom(timestamp: bigint | undefined): void;
}

/** The signed roster log of one group, which grows at its end unless a fork is healed. */
export interface RosterStore {
  /** In log order. */
  entries(): RosterEntry[];
  /** Another text once its entries are others. Reads one row. */
  mark(): string;
  /** Appends in one transaction, durable on return. The caller verified that they chain. */
  append(entries: readonly RosterEntry[]): void;
  /** Puts these in place of all behind the first `length`, in one transaction, durable on return. */
  rebranch(length: number, entries: readonly RosterEntry[]): void;
  /** What is known of other histories, as `keepForks` was given it. */
  forks(): string[];
  /** Keeps texts of at most 1 MiB each in place of those before, durable on return. */
  keepForks(texts: readonly string[]): void;
}

/** Latest signed advertisements by member, with the last-writer-wins rule applied by the caller. */
export interface AdStore {
  transportAds(): TransportAd[];
  putTransportAd(ad: TransportAd): void;
  profileAds(): MemberProfileAd[];
  putProfileAd(ad: MemberProfileAd): void;
  /** All or none of them, in one commit. */
  putProfileAds(ads: readonly MemberProfileAd[]): void;
  /** The next sequence number for an ad of ours: one past the greatest of the stored counter and `atLeast`. */
  nextSeq(kind: "transport" | "profile", atLeast: bigint): bigint;
  /** Deletes ads with `not_after < nowMs`. */
  dropExpired(nowMs: UnixMs): void;
}

/** What is to be deleted, then what takes the place of the one of its author and kind. */
export interface NoteChanges {
  readonly drop?: readonly NoteName[];
  readonly put?: readonly SignedNote[];
}

/** Notes of members, of each author and kind one. Callers verify them, and say which is the latest and how many there may be. */
export interface NoteStore {
  /** By kind and author. */
  all(): Iterable<SignedNote>;
  /** Those of one kind, by author. */
  ofKind(kind: NoteKind): Iterable<SignedNote>;
  get(name: NoteName): SignedNote | undefined;
  /** In one commit, durable on return. */
  change(changes: NoteChanges): void;
}

export interface Lease {
  readonly owner: string;
  /** Grows with every change of hands; work done under an older token is refused. */
  readonly token: number;
  readonly expiresAtMs: number;
}

/** Durable cursors into the delivery log, one per consumer name, with leases where processes compete. */
export interface ConsumerStore {
  /** The sequence up to which `consumer` is done; `undefined` when it is not known. At most 1,024 consumers a group. */
  cursor(consumer: string): number | undefined;
  /**
   * Creates or moves the cursor, never backwards. With `token`, only while that lease is the current one, else throws
   * `conflict`. Throws `invalid_argument` past the last message, `conflict` when there is no room for one consumer more.
   */
  advance(consumer: string, seq: number, token?: number): void;
  /** Takes or renews the lease; `undefined` while another owner holds an unexpired one. */
  acquireLease(request: { consumer: string; owner: string; ttlMs: number; nowMs: UnixMs }): Lease | undefined;
  releaseLease(consumer: string, token: number): void;
  forget(consumer: string): void;
  /** One of them; `undefined` when it is not known. */
  get(consumer: string): KeptConsumer | undefined;
  /** All of them, by name. */
  list(): KeptConsumer[];
}

/** A consumer as it is kept. */
export interface KeptConsumer {
  readonly name: string;
  /** `undefined` until it first acknowledges. */
  readonly cursor: number | undefined;
  /** The latest lease, expired or not; `undefined` when there is none or it was given back. */
  readonly lease: Lease | undefined;
}

/** A fact's name and its value; `undefined` forgets it. */
export type Fact = readonly [name: string, value: string | undefined];

/** Everything of one group on this node, in one database. */
export interface GroupStore extends Disposable {
  readonly groupId: GroupId;
  readonly messages: MessageStore;
  readonly roster: RosterStore;
  readonly ads: AdStore;
  readonly notes: NoteStore;
  readonly consumers: ConsumerStore;
  /** Small named facts about the group as this node sees it (JSON texts): local node id, display metadata, policy, pinned genesis. */
  getFact(name: string): string | undefined;
  setFact(name: string, value: string | undefined): void;
  /** All or none of them, in one commit. */
  setFacts(facts: readonly Fact[]): void;
  /** Where its file is, and which one: another text for a copy, a move or a restored backup; `undefined` where no file is. */
  place(): string | undefined;
  /** Whether a write would go through just now: `false` while another process writes. Waits for nobody. */
  isWritable(): boolean;
  /** Throws `data_root_invalid` when its files are no longer those that were opened: nothing can be stored then. */
  requireSame(): void;
}
