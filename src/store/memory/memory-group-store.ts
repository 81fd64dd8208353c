import type { UnixMs } from "../../core/clock.ts";
import type { GroupId } from "../../core/ids.ts";
import { type NoteKind, type NoteName, noteKey, type SignedNote } from "../../core/record/note.ts";
import type { MemberProfileAd, RosterEntry, TransportAd } from "../../core/record/records.ts";
import {
  advanced,
  type Consumer,
  checkLeaseRequest,
  checkRoomForConsumer,
  keptForm,
  type LeaseRequest,
  leased,
  NEW_CONSUMER,
} from "../consumer-rules.ts";
import type {
  AdStore,
  ConsumerStore,
  Fact,
  GroupStore,
  KeptConsumer,
  Lease,
  NoteChanges,
  NoteStore,
  RosterStore,
} from "../group-store.ts";
import { checkFact, checkName, nextAdSeq } from "../store-limits.ts";
import { MemoryMessageStore } from "./memory-message-store.ts";

/** All of one group in memory, for simulations and tests; nothing survives the process. */
export class MemoryGroupStore implements GroupStore {
  readonly groupId: GroupId;
  readonly messages = new MemoryMessageStore();
  readonly roster = new MemoryRosterStore();
  readonly ads = new MemoryAdStore();
  readonly notes = new MemoryNoteStore();
  readonly consumers = new MemoryConsumerStore(() => this.messages.lastSeq());
  readonly #facts = new Map<string, string>();

  constructor(groupId: GroupId) {
    this.groupId = groupId;
  }

  getFact(name: string): string | undefined {
    return this.#facts.get(name);
  }

  setFact(name: string, value: string | undefined): void {
    this.setFacts([[name, value]]);
  }

  setFacts(facts: readonly Fact[]): void {
    for (const [name, value] of facts) checkFact(name, value);
    for (const [name, value] of facts) {
      if (value === undefined) this.#facts.delete(name);
      else this.#facts.set(name, value);
    }
  }

  requireSame(): void {}

  place(): undefined {
    return undefined;
  }

  isWritable(): boolean {
    return true;
  }

  [Symbol.dispose](): void {}
}

class MemoryRosterStore implements RosterStore {
  readonly #entries: RosterEntry[] = [];
  #forks: readonly string[] = [];

  get size(): number {
    return this.#entries.length;
  }

  entries(): RosterEntry[] {
    return [...this.#entries];
  }

  mark(): string {
    const last = this.#entries.at(-1);
    return last === undefined ? "" : `${this.#entries.length} ${last.id}`;
  }

  append(entries: readonly RosterEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  rebranch(length: number, entries: readonly RosterEntry[]): void {
    this.#entries.splice(length);
    this.append(entries);
  }

  forks(): string[] {
    return [...this.#forks];
  }

  keepForks(texts: readonly string[]): void {
    this.#forks = [...texts];
  }
}

class MemoryAdStore implements AdStore {
  readonly #transport = new Map<number, TransportAd>();
  readonly #profile = new Map<number, MemberProfileAd>();
  readonly #counters = new Map<string, bigint>();

  transportAds(): TransportAd[] {
    return byAuthor(this.#transport);
  }

  putTransportAd(ad: TransportAd): void {
    this.#transport.set(ad.author.pilot_node_id, ad);
  }

  profileAds(): MemberProfileAd[] {
    return byAuthor(this.#profile);
  }

  putProfileAd(ad: MemberProfileAd): void {
    this.putProfileAds([ad]);
  }

  putProfileAds(ads: readonly MemberProfileAd[]): void {
    for (const ad of ads) this.#profile.set(ad.author.pilot_node_id, ad);
  }

  nextSeq(kind: "transport" | "profile", atLeast: bigint): bigint {
    const next = nextAdSeq(this.#counters.get(kind) ?? 0n, atLeast);
    this.#counters.set(kind, next);
    return next;
  }

  dropExpired(nowMs: UnixMs): void {
    for (const ads of [this.#transport, this.#profile]) {
      for (const [author, { not_after }] of ads) if (not_after < BigInt(nowMs)) ads.delete(author);
    }
  }
}

class MemoryNoteStore implements NoteStore {
  readonly #notes = new Map<string, SignedNote>();

  all(): SignedNote[] {
    return [...this.#notes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, note]) => note);
  }

  ofKind(kind: NoteKind): SignedNote[] {
    return this.all().filter((note) => note.kind === kind);
  }

  get(name: NoteName): SignedNote | undefined {
    return this.#notes.get(noteKey(name));
  }

  change({ drop = [], put = [] }: NoteChanges): void {
    for (const name of drop) this.#notes.delete(noteKey(name));
    for (const note of put) this.#notes.set(noteKey(note), note);
  }
}

function byAuthor<Ad>(ads: ReadonlyMap<number, Ad>): Ad[] {
  return [...ads].sort(([a], [b]) => a - b).map(([, ad]) => ad);
}

class MemoryConsumerStore implements ConsumerStore {
  readonly #consumers = new Map<string, Consumer>();
  readonly #lastSeq: () => number;
  #token = 0;

  constructor(lastSeq: () => number) {
    this.#lastSeq = lastSeq;
  }

  cursor(consumer: string): number | undefined {
    return this.#consumers.get(consumer)?.cursor;
  }

  advance(consumer: string, seq: number, token?: number): void {
    checkName("consumer", consumer);
    const known = this.#knownOrNew(consumer);
    this.#consumers.set(consumer, advanced(known, { name: consumer, seq, lastSeq: this.#lastSeq(), token }));
  }

  acquireLease(request: LeaseRequest): Lease | undefined {
    checkLeaseRequest(request);
    const next = leased(this.#knownOrNew(request.consumer), request, () => ++this.#token);
    if (!next) return undefined;
    this.#consumers.set(request.consumer, next);
    return { owner: request.owner, token: next.token, expiresAtMs: next.expiresAtMs };
  }

  releaseLease(consumer: string, token: number): void {
    const known = this.#consumers.get(consumer);
    if (known?.token === token) this.#consumers.set(consumer, { ...known, owner: undefined });
  }

  forget(consumer: string): void {
    this.#consumers.delete(consumer);
  }

  get(consumer: string): KeptConsumer | undefined {
    const known = this.#consumers.get(consumer);
    return known && keptForm(consumer, known);
  }

  list(): KeptConsumer[] {
    const byName = [...this.#consumers].sort(([a], [b]) => (a < b ? -1 : 1));
    return byName.map(([name, consumer]) => keptForm(name, consumer));
  }

  #knownOrNew(name: string): Consumer {
    const known = this.#consumers.get(name);
    if (!known) checkRoomForConsumer(this.#consumers.size);
    return known ?? NEW_CONSUMER;
  }
}
