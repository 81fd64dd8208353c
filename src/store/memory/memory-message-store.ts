import { AHEAD_MAX_MS } from "../../core/ahead.ts";
import { MerkleRoot, MessageId, type PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import { merkleRoot } from "../../core/order/merkle-tree.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import { compareNodes, type OrderNode, PARENTS_MAX, topologicalOrder } from "../../core/order/order.ts";
import { comparePlaces, type TimePlace } from "../../core/order/time-place.ts";
import { addToSum } from "../../core/place.ts";
import { compilePattern, indexedTopics, isReserved, tailSees } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type {
  Exempt,
  MessageLength,
  MessageQuery,
  MessageStore,
  NewMessage,
  PlacesPiece,
  QueryPiece,
  StoredMessage,
} from "../group-store.ts";
import type { CountedMessage } from "../search-store.ts";
import { checkLimit, checkNewMessage, INT64_MAX, INT64_MIN, QUERY_BYTES, QUERY_PLACES } from "../store-limits.ts";
import { compareBounds, rangeOf, type TimeRange, timeRange } from "../time-range.ts";
import { MemorySearch, MemoryTallies } from "./memory-search.ts";

interface Held extends StoredMessage {
  /** Negative while it is apart. */
  seq: number;
  readonly node: OrderNode;
  readonly topics: readonly string[];
  readonly outsider: PublicKey | undefined;
  /** Where views place it, where that is not its own date. */
  arrivedMs: bigint | undefined;
  /** Whether the clock was known to be right when it came. */
  isSure: boolean;
}

/** Messages of one group in memory, for simulations and tests; nothing survives the process. */
export class MemoryMessageStore implements MessageStore {
  readonly search = new MemorySearch((query) => this.query(query));
  readonly tallies = new MemoryTallies(() => this.#counted());
  readonly #byId = new Map<MessageId, Held>();
  /** The number and the time each had. */
  readonly #pruned = new Map<MessageId, { readonly seq: number; readonly timestamp: bigint }>();
  /** The number each had that left otherwise. */
  readonly #shed = new Map<MessageId, number>();
  readonly #set = new MessageSet();
  readonly #prunedSeqs = new Map<number, MessageId>();
  readonly #sums = [0];
  #logId = drawLogId();
  /** In arrival order, without what is apart. */
  #log: Held[] = [];
  #seq = 0;
  /** Ever set apart. */
  #apartEver = 0;
  /** How many of those were apart and are no more. */
  #placed = 0;
  readonly #apart = new Map<MessageId, Held>();
  /** By a parent that is not here: who names it. */
  readonly #awaited = new Map<MessageId, MessageId[]>();
  #restoreFrom: bigint | undefined;
  /** No date is later. */
  #top = INT64_MIN;
  /** Whether any may be placed by its arrival. */
  #hasAhead = false;
  /** In time order, and in that of views; `undefined` once messages came since. */
  #sorted: Held[] | undefined;
  #shown: Held[] | undefined;

  get size(): number {
    return this.#byId.size;
  }

  lastSeq(): number {
    return this.#seq;
  }

  logId(): string {
    return this.#logId;
  }

  drawLog(): void {
    this.#logId = drawLogId();
  }

  idAt(seq: number): MessageId | undefined {
    const [next] = this.arrivedAfter(seq - 1, 1);
    return next?.seq === seq ? next.id : this.#prunedSeqs.get(seq);
  }

  numberOf(id: MessageId): { seq: number; timestamp: bigint | undefined } | undefined {
    const held = this.#byId.get(id);
    if (held !== undefined) return held.seq < 0 ? undefined : { seq: held.seq, timestamp: held.node.timestamp };
    const [seq] = [...this.#prunedSeqs].find(([, pruned]) => pruned === id) ?? [];
    return seq === undefined || seq < 0 ? undefined : { seq, timestamp: this.#pruned.get(id)?.timestamp };
  }

  countAfter(seq: number): number {
    return this.#log.filter((held) => held.seq > seq).length;
  }

  sumAt(seq: number): number {
    return this.#sums[seq]!;
  }

  has(id: MessageId): boolean {
    return this.#byId.has(id);
  }

  get pruned(): number {
    return this.#pruned.size;
  }

  latestPruned(): bigint | undefined {
    const times = [...this.#pruned.values()].map(({ timestamp }) => timestamp);
    return times.length === 0 ? undefined : times.reduce((latest, time) => (time > latest ? time : latest));
  }

  restoreFrom(timestamp: bigint | undefined): void {
    this.#restoreFrom = timestamp;
  }

  knows(id: MessageId): boolean {
    const pruned = this.#pruned.get(id);
    if (pruned === undefined) return this.#byId.has(id);
    return this.#restoreFrom === undefined || pruned.timestamp < this.#restoreFrom;
  }

  unknown(ids: readonly MessageId[]): MessageId[] {
    return ids.filter((id) => !this.knows(id));
  }

  get(id: MessageId): StoredMessage | undefined {
    const held = this.#byId.get(id);
    return held && stored(held);
  }

  lengthOf(id: MessageId): number | undefined {
    const held = this.#byId.get(id);
    return held && stored(held).canonical.length;
  }

  reading<T>(work: () => T): T {
    return work();
  }

  putMany(messages: readonly NewMessage[]): (number | undefined)[] {
    for (const message of messages) checkNewMessage(message);
    const seqs = messages.map((message) => this.#put(message));
    // A later one of them may have given a place to one that was apart.
    return seqs.map((seq, at) => (seq === undefined ? undefined : (this.#byId.get(messages[at]!.id)?.seq ?? seq)));
  }

  arrivedAfter(after: number, limit: number, maxBytes = Number.POSITIVE_INFINITY): StoredMessage[] {
    checkLimit(limit);
    let [from, to] = [0, this.#log.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#log[middle]!.seq > after) to = middle;
      else from = middle + 1;
    }
    const found: StoredMessage[] = [];
    let bytes = 0;
    for (const held of this.#log.slice(from, from + limit)) {
      found.push(stored(held));
      bytes += held.canonical.length;
      if (bytes >= maxBytes) break;
    }
    return found;
  }

  query(query: MessageQuery): QueryPiece {
    const { author_node_id, topic, order, limit } = query;
    checkLimit(limit);
    const matches = topic === undefined ? undefined : compilePattern(topic);
    const within = this.#within(rangeOf(query), "shown");
    if (order === "desc") within.reverse();
    const found: StoredMessage[] = [];
    let bytes = 0;
    for (const [looked, held] of within.entries()) {
      const { node, topics } = held;
      if ((author_node_id === undefined || node.author === author_node_id) && (!matches || topics.some(matches))) {
        found.push(stored(held));
        bytes += held.canonical.length;
      }
      if (found.length === limit || bytes >= QUERY_BYTES || looked + 1 >= QUERY_PLACES) {
        return { found, rest: { timestamp: shownAt(held), author_node_id: node.author, id: node.id } };
      }
    }
    return { found, rest: undefined };
  }

  latest(limit: number, topic?: string): StoredMessage[] {
    if (limit <= 0) return [];
    if (topic !== undefined) compilePattern(topic);
    const found = this.#inShownOrder().filter(({ topics, canonical }) => {
      if (topic === undefined) return true;
      // Without indexed topics it may have none at all, or only some that no pattern covers.
      return topics.length > 0
        ? tailSees(topic, topics)
        : topic === "#" && decodeMessage(canonical).topics.length === 0;
    });
    const nodes = found.slice(-limit).map((held) => ({ ...held.node, timestamp: shownAt(held) }));
    return topologicalOrder(nodes).map((id) => stored(this.#byId.get(id)!));
  }

  topologicalRange({ since, until }: { since: bigint | undefined; until: bigint | undefined }): StoredMessage[] {
    return this.#inOwnOrder(this.#within(timeRange(since, until))).map(stored);
  }

  topics(
    limit: number,
    { reserved }: { readonly reserved: boolean },
  ): { topic: string; messages: number; latest: bigint }[] {
    checkLimit(limit);
    const counts = new Map<string, { topic: string; messages: number; latest: bigint }>();
    for (const held of this.#byId.values()) {
      const date = shownAt(held);
      for (const topic of held.topics) {
        if (!reserved && isReserved(topic)) continue;
        const count = counts.get(topic) ?? { topic, messages: 0, latest: date };
        count.messages += 1;
        if (date > count.latest) count.latest = date;
        counts.set(topic, count);
      }
    }
    const byUse = (a: { topic: string; messages: number; latest: bigint }, b: typeof a) =>
      b.messages - a.messages ||
      (a.latest === b.latest
        ? Buffer.compare(Buffer.from(a.topic), Buffer.from(b.topic))
        : a.latest > b.latest
          ? -1
          : 1);
    return [...counts.values()].sort(byUse).slice(0, limit);
  }

  idsInRange({ lo, hi, limit }: { lo: MessageId; hi: MessageId; limit: number }): MessageId[] {
    checkLimit(limit);
    const within = (id: MessageId) => id >= lo && (hi === MessageId.zero || id < hi);
    return [...this.#byId.keys()].filter(within).sort().slice(0, limit);
  }

  placesAfter(after: TimePlace | undefined, limit: number): TimePlace[] {
    checkLimit(limit);
    const places = this.#inTimeOrder().map(({ node: { id, timestamp, author } }) => {
      return { timestamp, author_node_id: author, id };
    });
    return places.filter((place) => after === undefined || comparePlaces(place, after) > 0).slice(0, limit);
  }

  shownAfter(after: TimePlace | undefined, limit: number): PlacesPiece {
    checkLimit(limit);
    const within = this.#within(rangeOf({ order: "asc", ...(after && { from: after }) }), "shown");
    const found = within.slice(0, limit).map((held) => {
      return { timestamp: shownAt(held), author_node_id: held.node.author, id: held.id };
    });
    return { found, rest: found.length < limit ? undefined : found.at(-1) };
  }

  idsSince(since: bigint): MessageId[] {
    return this.#inOwnOrder(this.#within(timeRange(since, undefined))).map(({ id }) => id);
  }

  // biome-ignore lint/correctness/useYield: in memory it is one step.
  *idsSinceInSteps(since: bigint): Generator<undefined, Uint8Array> {
    return Uint8Array.fromHex(this.idsSince(since).join(""));
  }

  countSince(since: bigint): number {
    return this.#within(timeRange(since, undefined)).length;
  }

  merkleRoot(): MerkleRoot {
    return this.#set.size === 0 ? MerkleRoot.zero : this.#set.root();
  }

  loadOrder(): boolean {
    return true;
  }

  sharedSince(since: bigint): CopyPart {
    const ids = this.#inOwnOrder(this.#within(timeRange(since, undefined))).map(({ id }) => id);
    return { root: ids.length === 0 ? MerkleRoot.zero : merkleRoot(ids), count: ids.length };
  }

  nextParents(latest = INT64_MAX): MessageId[] {
    const isEligible = ({ arrivedMs, node, seq }: Held) => {
      return seq > 0 && arrivedMs === undefined && node.timestamp <= latest;
    };
    // As with a database, which counts what was pruned while it was apart too.
    if (this.#apartEver === this.#placed && !this.#hasAhead && this.#top <= latest) return this.#set.nextParents();
    const others = this.#inTimeOrder().filter((held) => isEligible(held) && held.node.timestamp >= 0n);
    return others.slice(-PARENTS_MAX).map(({ id }) => id);
  }

  newest(): readonly TimePlace[] {
    return this.#inTimeOrder()
      .filter(({ arrivedMs, node, seq }) => seq > 0 && arrivedMs === undefined && node.timestamp >= 0n)
      .slice(-PARENTS_MAX)
      .map(({ id, node }) => ({ id, timestamp: node.timestamp, author_node_id: node.author }));
  }

  get apart(): number {
    return this.#apart.size;
  }

  /** All get their places at once here. */
  get isRejoining(): boolean {
    return false;
  }

  rejoin(isMember: (key: PublicKey) => boolean, limit: number): number {
    checkLimit(limit);
    const members = [...this.#apart.values()].filter(({ outsider }) => isMember(outsider!)).slice(0, limit);
    return this.#place(members);
  }

  settleAhead({ latest, now }: { readonly latest: bigint; readonly now: bigint }, limit: number): number {
    checkLimit(limit);
    let changed = 0;
    for (const held of this.#byId.values()) {
      const { arrivedMs, isSure, node } = held;
      const isLate = node.timestamp > latest;
      if (arrivedMs !== undefined && !isSure && !isLate) held.arrivedMs = undefined;
      else if (arrivedMs !== undefined && arrivedMs > latest) held.arrivedMs = now;
      else if (arrivedMs === undefined && isLate) held.arrivedMs = this.#guess(held, latest) ?? now;
      else continue;
      held.isSure = true;
      this.#hasAhead = true;
      changed += 1;
      if (changed === limit) break;
    }
    if (changed < limit) for (const held of this.#byId.values()) held.isSure = true;
    if (changed > 0) this.#shown = undefined;
    return changed;
  }

  pruneBefore(before: bigint, exempt?: Exempt, limit = Number.MAX_SAFE_INTEGER): number {
    checkLimit(limit);
    if (before <= 0n) return 0;
    const stays = ({ node, topics }: Held) =>
      exempt !== undefined && node.author === exempt.author_node_id && topics.includes(exempt.topic);
    const old = this.#inTimeOrder()
      .filter((held) => held.node.timestamp < before && !stays(held))
      .slice(0, limit);
    for (const { id, node, seq } of old) this.#pruned.set(id, { seq, timestamp: node.timestamp });
    return this.#remove(old);
  }

  spentBy(author_node_id: number, since: bigint, until: bigint): { messages: number; bytes: number } {
    let [messages, bytes] = [0, 0];
    for (const { canonical, node } of this.#byId.values()) {
      if (node.author !== author_node_id || node.timestamp < since || node.timestamp >= until) continue;
      messages += 1;
      bytes += canonical.length;
    }
    return { messages, bytes };
  }

  lengthsAfter(seq: number, limit: number): MessageLength[] {
    checkLimit(limit);
    const after = [...this.#byId.values()].filter((held) => held.seq > seq).sort((a, b) => a.seq - b.seq);
    return after.slice(0, limit).map(({ canonical, id, seq }) => ({ seq, id, bytes: canonical.length }));
  }

  shed(ids: readonly MessageId[]): number {
    const held = ids.map((id) => this.#byId.get(id)).filter((one) => one !== undefined);
    for (const { id, seq } of held) this.#shed.set(id, seq);
    return this.#remove(held);
  }

  #remove(gone: readonly Held[]): number {
    for (const { id, seq } of gone) {
      this.#prunedSeqs.set(seq, id);
      this.#byId.delete(id);
      this.#apart.delete(id);
    }
    if (gone.length > 0) {
      this.#set.remove(gone.map(({ id }) => id));
      this.#log = this.#log.filter(({ id }) => this.#byId.has(id));
      this.#sorted = undefined;
      this.#shown = undefined;
    }
    return gone.length;
  }

  #put(message: NewMessage): number | undefined {
    const { id, author_node_id: author, timestamp, parents, topics, canonical, outsider, ahead } = message;
    if (this.#byId.has(id)) return undefined;
    const pruned = this.#pruned.get(id);
    const former = pruned?.seq ?? this.#shed.get(id);
    if (pruned !== undefined && (this.#restoreFrom === undefined || timestamp < this.#restoreFrom)) return undefined;
    const node = { id, author, timestamp, parents: [...parents] };
    const isApart = outsider !== undefined && !(former !== undefined && former > 0) && !this.#isVouchedBefore(message);
    const isVouched = outsider !== undefined;
    if (!isApart) this.#place(this.#apartAmong(parents).filter(({ node }) => isVouched || node.author !== author));
    const keepsNumber = former !== undefined && former < 0 === isApart;
    const seq = keepsNumber ? former : isApart ? -++this.#apartEver : ++this.#seq;
    const held: Held = {
      seq,
      id,
      canonical: canonical.slice(),
      node,
      topics: indexedTopics(topics),
      outsider,
      arrivedMs: ahead && this.#arrival(ahead.arrivedMs),
      isSure: ahead?.isSure ?? true,
    };
    this.#byId.set(id, held);
    if (isApart) this.#apart.set(id, held);
    else if (keepsNumber) this.#log = [...this.#log, held].sort((a, b) => a.seq - b.seq);
    else this.#append(held);
    if (former !== undefined) {
      this.#pruned.delete(id);
      this.#shed.delete(id);
      this.#prunedSeqs.delete(former);
    }
    this.#awaited.delete(id);
    for (const parent of parents) this.#await(parent, id);
    this.#set.add(node);
    this.#top = greater(this.#top, timestamp);
    this.#hasAhead ||= ahead !== undefined;
    this.#sorted = undefined;
    this.#shown = undefined;
    return held.seq;
  }

  *#counted(): Generator<CountedMessage> {
    for (const held of this.#byId.values()) {
      const { canonical, node, topics } = held;
      yield { author: node.author, timestamp: shownAt(held), topics, bytes: canonical.length };
    }
  }

  #append(held: Held): void {
    this.#log.push(held);
    this.#sums.push(addToSum(this.#sums.at(-1)!, held.id));
  }

  #await(parent: MessageId, child: MessageId): void {
    if (this.#byId.has(parent) || this.#pruned.has(parent)) return;
    const children = this.#awaited.get(parent);
    if (children === undefined) this.#awaited.set(parent, [child]);
    else children.push(child);
  }

  /** Whether a message that is not apart, of another author, named this one before it came. */
  #isVouchedBefore({ author_node_id, id }: NewMessage): boolean {
    return (this.#awaited.get(id) ?? []).some((child) => {
      const held = this.#byId.get(child);
      return held !== undefined && held.seq > 0 && held.node.author !== author_node_id;
    });
  }

  #apartAmong(ids: readonly MessageId[]): Held[] {
    return ids.map((id) => this.#apart.get(id)).filter((held) => held !== undefined);
  }

  /** Gives these and their parents that are apart too their places, in time order; how many. */
  #place(first: readonly Held[]): number {
    const found = new Set<Held>();
    const ahead = [...first];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      ahead.push(...this.#apartAmong(next.node.parents));
    }
    for (const held of [...found].sort((a, b) => compareNodes(a.node, b.node))) {
      this.#apart.delete(held.id);
      this.#placed += 1;
      held.seq = ++this.#seq;
      this.#append(held);
    }
    return found.size;
  }

  #inTimeOrder(): Held[] {
    this.#sorted ??= [...this.#byId.values()].sort((a, b) => compareNodes(a.node, b.node));
    return this.#sorted;
  }

  #inShownOrder(): Held[] {
    const node = (held: Held) => ({ ...held.node, timestamp: shownAt(held) });
    this.#shown ??= [...this.#byId.values()].sort((a, b) => compareNodes(node(a), node(b)));
    return this.#shown;
  }

  /** After all that came before it, unless that leads too far from when it came. */
  #arrival(arrivedMs: bigint): bigint {
    const arrivals = [...this.#byId.values()].map((held) => held.arrivedMs ?? INT64_MIN);
    const last = arrivals.reduce((latest, at) => (at > latest ? at : latest), INT64_MIN);
    return last >= arrivedMs && last < arrivedMs + BigInt(AHEAD_MAX_MS) ? last + 1n : arrivedMs;
  }

  /** The date of what came before it. */
  #guess({ seq }: Held, latest: bigint): bigint | undefined {
    const before = this.#log.filter((held) => held.seq < seq && held.node.timestamp <= latest);
    return before.map(({ node }) => node.timestamp).reduce<bigint | undefined>(greater, undefined);
  }

  #within({ lo, hi }: TimeRange, by: "own" | "shown" = "own"): Held[] {
    const all = by === "own" ? this.#inTimeOrder() : this.#inShownOrder();
    return all.filter((held) => {
      const { node } = held;
      const timestamp = by === "own" ? node.timestamp : shownAt(held);
      const place = { timestamp, author: node.author, id: MessageId.toBytes(node.id) };
      return compareBounds(place, lo) >= 0 && compareBounds(place, hi) < 0;
    });
  }

  #inOwnOrder(messages: readonly Held[]): Held[] {
    return topologicalOrder(messages.map(({ node }) => node)).map((id) => this.#byId.get(id)!);
  }
}

function drawLogId(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

function stored({ arrivedMs, canonical, id, seq }: Held): StoredMessage {
  return arrivedMs === undefined ? { seq, id, canonical } : { seq, id, canonical, arrivedMs };
}

/** Its date in views. */
function shownAt({ arrivedMs, node }: Held): bigint {
  return arrivedMs ?? node.timestamp;
}

function greater(a: bigint | undefined, b: bigint): bigint {
  return a === undefined || b > a ? b : a;
}
