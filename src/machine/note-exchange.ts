import { later, type SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import { BucketTable } from "../core/policy/token-bucket.ts";
import { isNewerNote, type NoteHead, type NoteKind, type NoteName, noteKey } from "../core/record/note.ts";
import { SaltedMap } from "../core/salted-map.ts";

/** Ours. News is told together, so that a peer is told at most so often however many notes change. */
export const ANNOUNCE_MS = 1_000;
/** Ours. All heads are told again to whoever is connected for so long. */
const TELL_AGAIN_MS = 600_000;
/** Ours. A peer whose heads did not come is greeted again after so long, doubling: it may not have known the moot yet, as who just joins. */
export const GREET_AGAIN_MS = 500;
/** Ours. Notes asked for at once; as many as one answer may hold. */
const ASKED_MAX = 32;
/** Ours. Peers remembered that have a note that is wanted; past this others are told of again when they are met. */
const HOLDERS_MAX = 4;
/** Ours. Notes wanted at a time; past this they are told of again when somebody is met. */
const WANTED_MAX = 512;
/** Ours. How long a peer is left alone that did not bring what it told of, doubling from the first to the second. */
const REST_FIRST_MS = 10_000;
const REST_MAX_MS = 300_000;
/** Ours. Authors whose rates are known by heart. */
const AUTHORS_MAX = 4_096;

/** Ours. Of one author, whoever brings them: one in so long, and three at once, for clocks and ways differ. */
export const NOTE_RATES: Readonly<Record<NoteKind, { readonly perSecond: number; readonly burst: number }>> = {
  rule: { perSecond: 1 / 60, burst: 3 },
  receipt: { perSecond: 1 / 10, burst: 3 },
  presence: { perSecond: 1 / 60, burst: 3 },
  leave: { perSecond: 1 / 60, burst: 3 },
  about: { perSecond: 1 / 60, burst: 3 },
};

/** What the exchange knows of the notes of a moot. */
export interface NotesView {
  /** What is held of one author and kind. */
  head(name: NoteName): NoteHead | undefined;
  /** All of it, rules first. */
  heads(): Iterable<NoteHead>;
  /** Whether a note that is held may be told to `peer`. */
  tells(peer: PublicKey, head: NoteHead): boolean;
  /** Whether a note that `from` tells of is one that is kept here. */
  wants(name: NoteName, from: PublicKey): boolean;
}

export type NoteEvent =
  | { readonly kind: "met"; readonly peer: PublicKey }
  | { readonly kind: "lost"; readonly peer: PublicKey }
  /** What a peer says it holds. `isGreeting`: all of it, and it has had nothing of ours since it was met. */
  | {
      readonly kind: "heads";
      readonly from: PublicKey;
      readonly heads: readonly NoteHead[];
      readonly isGreeting: boolean;
    }
  /** A note is held that is newer than any before. `from`: nobody for one of our own. */
  | { readonly kind: "kept"; readonly head: NoteHead; readonly from: PublicKey | undefined }
  /** Its author has made more than it may: to be asked for again then. */
  | { readonly kind: "late"; readonly head: NoteHead; readonly from: PublicKey; readonly untilMs: SteadyMs }
  /** An answer to an ask was taken in, as far as it was good. */
  | { readonly kind: "answered"; readonly from: PublicKey; readonly asked: readonly NoteName[] }
  /** It could not be asked, or would not answer. */
  | { readonly kind: "failed"; readonly from: PublicKey }
  | { readonly kind: "timer" };

export type NoteEffect =
  /** Tell what is held, or what is new; in a greeting also nothing. */
  | {
      readonly kind: "tell_heads";
      readonly to: PublicKey;
      readonly heads: readonly NoteHead[];
      readonly isGreeting: boolean;
    }
  /** Tell notes of our own. */
  | { readonly kind: "tell_notes"; readonly to: PublicKey; readonly names: readonly NoteName[] }
  | { readonly kind: "ask"; readonly to: PublicKey; readonly names: readonly NoteName[] }
  | { readonly kind: "schedule"; readonly afterMs: number };

interface PeerState {
  /** Its heads came since it was met, and no rule it told of is lacking: it may be told things. */
  isHeard: boolean;
  /** When it is greeted again unless it was heard by then, and how often it was. */
  greetAt: SteadyMs | undefined;
  greetings: number;
  /** What came since it was met and it could not be told of. */
  readonly missed: Map<string, NoteName>;
  /** Asked for just now. */
  asked: readonly NoteName[];
  restUntil: SteadyMs | undefined;
  failures: number;
}

interface Want {
  readonly name: NoteName;
  /** Who has a newer one, the newest first. */
  holders: { readonly peer: PublicKey; readonly head: NoteHead }[];
  notBefore: SteadyMs | undefined;
  askedOf: PublicKey | undefined;
}

interface News {
  readonly head: NoteHead;
  readonly from: PublicKey | undefined;
}

/**
 * Keeps the latest note of each author and kind at every member, whatever the order in which they come: heads are told when
 * two meet and when something is new, a body goes to who asks for it, and is asked of one at a time. Only notes that were
 * verified and kept are ever told of.
 */
export class NoteExchange {
  readonly #view: NotesView;
  readonly #peers = new Map<PublicKey, PeerState>();
  readonly #wants = new SaltedMap<string, Want>();
  readonly #news = new SaltedMap<string, News>();
  readonly #rates = Object.fromEntries(
    Object.entries(NOTE_RATES).map(([kind, limit]) => [kind, new BucketTable<SteadyMs>([limit], AUTHORS_MAX)]),
  ) as Record<NoteKind, BucketTable<SteadyMs>>;
  #timerAt: SteadyMs | undefined;
  #announceAt: SteadyMs | undefined;
  #againAt: SteadyMs | undefined;

  constructor(view: NotesView) {
    this.#view = view;
  }

  /** Notes that are wanted now. */
  get wanted(): number {
    return this.#wants.size;
  }

  /** Charges the author of a note that is to be verified. `undefined`: granted; else when it could be. */
  charge({ author, kind }: NoteName, now: SteadyMs): SteadyMs | undefined {
    return this.#rates[kind].spend(author, [1], now) as SteadyMs | undefined;
  }

  /** It was not the author's after all, or nothing new: whoever brought it pays alone. */
  uncharge({ author, kind }: NoteName, now: SteadyMs): void {
    this.#rates[kind].giveBack(author, [1], now);
  }

  handle(event: NoteEvent, now: SteadyMs): NoteEffect[] {
    const effects: NoteEffect[] = [];
    switch (event.kind) {
      case "met":
        this.#begin(event.peer, now);
        this.#greet(event.peer, now, effects);
        break;
      case "lost":
        this.#lost(event.peer);
        break;
      case "heads":
        this.#onHeads(event, now, effects);
        break;
      case "kept":
        this.#onKept(event, now, effects);
        break;
      case "late":
        this.#want(event.head, event.from, event.untilMs);
        break;
      case "answered":
        this.#onAnswered(event.from, event.asked, now, effects);
        break;
      case "failed":
        this.#rest(event.from, now);
        break;
      case "timer":
        this.#timerAt = undefined;
        this.#announce(now, effects);
        this.#tellAgain(now, effects);
    }
    this.#ask(now, effects);
    this.#schedule(now, effects);
    return effects;
  }

  /** What is wanted may be another by now: members or the rule have changed. */
  forget(): void {
    for (const [key, want] of this.#wants) {
      want.holders = want.holders.filter(({ peer }) => this.#view.wants(want.name, peer));
      if (want.holders.length === 0) this.#wants.delete(key);
    }
  }

  #begin(peer: PublicKey, now: SteadyMs): PeerState {
    this.#againAt ??= later(now, TELL_AGAIN_MS);
    const known = this.#peers.get(peer);
    if (known !== undefined) return known;
    const state: PeerState = {
      isHeard: false,
      greetAt: undefined,
      greetings: 0,
      missed: new Map(),
      asked: [],
      restUntil: undefined,
      failures: 0,
    };
    this.#peers.set(peer, state);
    return state;
  }

  #greet(to: PublicKey, now: SteadyMs, effects: NoteEffect[]): void {
    const peer = this.#begin(to, now);
    peer.greetAt = later(now, Math.min(TELL_AGAIN_MS, GREET_AGAIN_MS * 2 ** Math.min(peer.greetings, 10)));
    peer.greetings += 1;
    effects.push({ kind: "tell_heads", to, heads: this.#told(to, this.#view.heads()), isGreeting: !peer.isHeard });
  }

  #lost(peer: PublicKey): void {
    this.#peers.delete(peer);
    for (const [key, want] of this.#wants) {
      want.holders = want.holders.filter((holder) => holder.peer !== peer);
      if (want.askedOf === peer) want.askedOf = undefined;
      if (want.holders.length === 0) this.#wants.delete(key);
    }
  }

  #onHeads(
    { from, heads, isGreeting }: Extract<NoteEvent, { kind: "heads" }>,
    now: SteadyMs,
    effects: NoteEffect[],
  ): void {
    // Its first words may be here before it is known that it is connected.
    const peer = this.#begin(from, now);
    // It knows the moot; should ours have been lost, it greets again.
    peer.greetAt = undefined;
    for (const head of heads) {
      if (!this.#view.wants(head, from) || !isNewerNote(head, this.#view.head(head))) continue;
      this.#want(head, from, undefined);
    }
    const isAgain = isGreeting && peer.isHeard;
    this.#hear(from, peer, effects);
    // Ours crossed its first one; that it greets again says that ours was lost.
    if (isAgain) this.#greet(from, now, effects);
  }

  /** Nothing is told to a peer before a rule that it holds is here. */
  #hear(from: PublicKey, peer: PeerState, effects: NoteEffect[]): void {
    if (peer.isHeard) return;
    for (const { holders, name } of this.#wants.values()) {
      if (name.kind === "rule" && holders.some((holder) => holder.peer === from)) return;
    }
    peer.isHeard = true;
    const missed = [...peer.missed.values()].flatMap((name) => this.#view.head(name) ?? []);
    peer.missed.clear();
    const heads = this.#told(from, missed);
    if (heads.length > 0) effects.push({ kind: "tell_heads", to: from, heads, isGreeting: false });
  }

  #want(head: NoteHead, from: PublicKey, notBefore: SteadyMs | undefined): void {
    const key = noteKey(head);
    let want = this.#wants.get(key);
    if (want === undefined) {
      if (this.#wants.size >= WANTED_MAX) return;
      want = { name: { kind: head.kind, author: head.author }, holders: [], notBefore: undefined, askedOf: undefined };
      this.#wants.set(key, want);
    }
    if (notBefore !== undefined) want.notBefore = notBefore;
    const others = want.holders.filter(({ peer }) => peer !== from);
    want.holders = [...others, { peer: from, head }]
      .sort((one, other) => (isNewerNote(one.head, other.head) ? -1 : 1))
      .slice(0, HOLDERS_MAX);
  }

  #onKept({ from, head }: Extract<NoteEvent, { kind: "kept" }>, now: SteadyMs, effects: NoteEffect[]): void {
    const key = noteKey(head);
    this.#settle(key, head);
    this.#news.set(key, { head, from });
    const name = { kind: head.kind, author: head.author };
    for (const [to, { isHeard, missed }] of this.#peers) {
      if (!isHeard) missed.set(key, name);
      else if (from === undefined && this.#view.tells(to, head))
        effects.push({ kind: "tell_notes", to, names: [name] });
    }
    this.#announceAt ??= later(now, ANNOUNCE_MS);
    for (const [to, peer] of this.#peers) if (head.kind === "rule") this.#hear(to, peer, effects);
  }

  /** Nobody is asked for what is held by now. */
  #settle(key: string, held: NoteHead): void {
    const want = this.#wants.get(key);
    if (want === undefined) return;
    want.holders = want.holders.filter(({ head }) => isNewerNote(head, held));
    if (want.holders.length === 0) this.#wants.delete(key);
  }

  #onAnswered(from: PublicKey, asked: readonly NoteName[], now: SteadyMs, effects: NoteEffect[]): void {
    const peer = this.#peers.get(from);
    if (peer !== undefined) peer.asked = [];
    let isLacking = false;
    for (const name of asked) {
      const key = noteKey(name);
      const want = this.#wants.get(key);
      if (want === undefined) continue;
      if (want.askedOf === from) want.askedOf = undefined;
      // What is only late was brought.
      if (want.notBefore !== undefined && now < want.notBefore) continue;
      const before = want.holders.length;
      want.holders = want.holders.filter((holder) => holder.peer !== from);
      isLacking ||= want.holders.length < before;
      if (want.holders.length === 0) this.#wants.delete(key);
    }
    if (isLacking) this.#rest(from, now);
    else if (peer !== undefined) peer.failures = 0;
    if (peer !== undefined) this.#hear(from, peer, effects);
  }

  #rest(from: PublicKey, now: SteadyMs): void {
    const peer = this.#peers.get(from);
    for (const want of this.#wants.values()) if (want.askedOf === from) want.askedOf = undefined;
    if (peer === undefined) return;
    peer.asked = [];
    peer.restUntil = later(now, Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.min(peer.failures, 10)));
    peer.failures += 1;
  }

  #ask(now: SteadyMs, effects: NoteEffect[]): void {
    const lists = new Map<PublicKey, NoteName[]>();
    for (const want of this.#wants.values()) {
      if (want.askedOf !== undefined || (want.notBefore !== undefined && now < want.notBefore)) continue;
      const holder = want.holders.find(({ peer }) => this.#mayAsk(peer, now, lists.get(peer)?.length ?? 0));
      if (holder === undefined) continue;
      want.notBefore = undefined;
      want.askedOf = holder.peer;
      lists.set(holder.peer, [...(lists.get(holder.peer) ?? []), want.name]);
    }
    for (const [to, names] of lists) {
      this.#peers.get(to)!.asked = names;
      effects.push({ kind: "ask", to, names });
    }
  }

  #mayAsk(peer: PublicKey, now: SteadyMs, listed: number): boolean {
    const state = this.#peers.get(peer);
    if (state === undefined || state.asked.length > 0 || listed >= ASKED_MAX) return false;
    return state.restUntil === undefined || now >= state.restUntil;
  }

  #announce(now: SteadyMs, effects: NoteEffect[]): void {
    if (this.#announceAt === undefined || now < this.#announceAt) return;
    this.#announceAt = undefined;
    const news = [...this.#news.values()];
    this.#news.clear();
    for (const [to, { isHeard }] of this.#peers) {
      if (!isHeard) continue;
      // Where it came from it is known, and our own was told whole.
      const others = news.filter(({ from, head }) => from !== undefined && from !== to && head.author !== to);
      const heads = this.#told(
        to,
        others.map(({ head }) => this.#view.head(head) ?? head),
      );
      if (heads.length > 0) effects.push({ kind: "tell_heads", to, heads, isGreeting: false });
    }
  }

  /** What was lost on its way is made up for. */
  #tellAgain(now: SteadyMs, effects: NoteEffect[]): void {
    for (const [to, { greetAt, isHeard }] of this.#peers) {
      if (!isHeard && greetAt !== undefined && now >= greetAt) this.#greet(to, now, effects);
    }
    if (this.#againAt === undefined || now < this.#againAt) return;
    this.#againAt = this.#peers.size === 0 ? undefined : later(now, TELL_AGAIN_MS);
    for (const [to, { isHeard }] of this.#peers) {
      if (!isHeard) continue;
      effects.push({ kind: "tell_heads", to, heads: this.#told(to, this.#view.heads()), isGreeting: false });
    }
  }

  #told(to: PublicKey, heads: Iterable<NoteHead>): NoteHead[] {
    return [...heads].filter((head) => this.#view.tells(to, head));
  }

  #schedule(now: SteadyMs, effects: NoteEffect[]): void {
    let at = this.#announceAt;
    const sooner = (instant: SteadyMs | undefined) => {
      if (instant !== undefined && instant > now && (at === undefined || instant < at)) at = instant;
    };
    sooner(this.#againAt);
    for (const { greetAt, isHeard } of this.#peers.values()) if (!isHeard) sooner(greetAt);
    for (const { askedOf, holders, notBefore } of this.#wants.values()) {
      if (askedOf !== undefined) continue;
      sooner(notBefore);
      for (const { peer } of holders) sooner(this.#peers.get(peer)?.restUntil);
    }
    if (at === undefined || (this.#timerAt !== undefined && this.#timerAt <= at)) return;
    this.#timerAt = at;
    effects.push({ kind: "schedule", afterMs: Math.max(1, at - now) });
  }
}
