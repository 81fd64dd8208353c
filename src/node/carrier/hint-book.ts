import { hintKind, isTold } from "../../core/admission/address-hint.ts";
import { type Clock, later, type SteadyMs, type UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { Identity } from "../../core/identity.ts";
import type { PublicKey } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";
import {
  buildPeerHint,
  decodePeerHint,
  dialHints,
  encodePeerHint,
  hintUntil,
  PEER_HINT_ADDRESSES_MAX,
  PEER_HINT_TTL_MAX_MS,
  supersedes,
  verifyPeerHint,
} from "../../core/record/peer-hint.ts";
import type { NodeStore } from "../../store/node-store.ts";
import { PEER_HINTS_MAX } from "../../wire/peer/peer-hint-frames.ts";

/** The name of the setting that keeps our addresses for commands that open no carrier. */
const OWN_HINTS_SETTING = "own_hints";

/**
 * Ours. New hints of one author that are kept and passed on: ten at once, then one in ten seconds. Each is two commits
 * here and a frame to every member; one that is left out comes with the next exchange.
 */
const NEWS_BUCKET = [{ perSecond: 1 / 10, burst: 10 }];
const NEWS_AUTHORS_MAX = 4096;

export interface HintBookParts {
  readonly identity: Identity;
  readonly local: PublicKey;
  readonly store: NodeStore;
  readonly clock: Clock;
  /** Our addresses now; `undefined` when no carrier is open. */
  readonly addresses: () => readonly string[] | undefined;
}

/** Where peers can be reached: by their own signed word, and where they were told to be. */
export class HintBook {
  readonly #parts: HintBookParts;
  readonly #news = new BucketTable<SteadyMs>(NEWS_BUCKET, NEWS_AUTHORS_MAX);
  #signed: { readonly addresses: string; readonly bytes: Uint8Array; readonly until: UnixMs } | undefined;

  constructor(parts: HintBookParts) {
    this.#parts = parts;
  }

  /** Our own addresses, best first: those of the open carrier, else those it had last. */
  own(): readonly string[] {
    return this.#parts.addresses() ?? this.#keptOwn();
  }

  /** Those of our own that may stand in what we sign. */
  told(): readonly string[] {
    return this.own().filter(isTold);
  }

  /** Keeps our addresses, so that an invite made while no daemon runs still names them. */
  keepOwn(): void {
    const addresses = this.#parts.addresses();
    if (addresses === undefined || addresses.length === 0) return;
    const text = JSON.stringify(addresses);
    const { store } = this.#parts;
    try {
      if (store.getSetting(OWN_HINTS_SETTING) !== text) store.setSetting(OWN_HINTS_SETTING, text);
    } catch (error) {
      // A full disk must not end a daemon whose address changed.
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  /** Dial hints of a peer, freshest first. */
  of(peer: PublicKey): readonly string[] {
    return this.#parts.store.hints.hints(peer);
  }

  /** Whether its own signed word on that has run out. */
  isStale(peer: PublicKey): boolean {
    const { clock, store } = this.#parts;
    const signed = store.hints.signed(peer);
    return signed !== undefined && hintUntil(signed.bytes) <= clock.unix();
  }

  /** Notes where a peer is said to be, as an invite or a link says it. */
  add(peer: PublicKey, hints: readonly string[]): void {
    if (hints.length > 0 && peer !== this.#parts.local)
      this.#parts.store.hints.put(peer, hints, this.#parts.clock.unix());
  }

  /** Our own signed hint, made anew when our addresses change or half of its time is over; `undefined` without addresses. */
  ownSigned(): Uint8Array | undefined {
    const own = (this.#parts.addresses() ?? []).filter(isTold);
    if (own.length === 0) return undefined;
    const now = this.#parts.clock.unix();
    const addresses = JSON.stringify(own);
    if (this.#signed?.addresses === addresses && this.#signed.until > now) return this.#signed.bytes;
    const hint = buildPeerHint(
      {
        // From the clock, so that a node that lost its data is not ignored.
        seq: BigInt(now),
        relay: own.find((hint) => hintKind(hint) === "relay") ?? "",
        addresses: own.filter((hint) => hintKind(hint) === "direct").slice(0, PEER_HINT_ADDRESSES_MAX),
        issued_at: BigInt(now),
        not_after: BigInt(now + PEER_HINT_TTL_MAX_MS),
      },
      this.#parts.identity.seed,
    );
    const bytes = encodePeerHint(hint);
    this.#signed = { addresses, bytes, until: later(now, PEER_HINT_TTL_MAX_MS / 2) };
    return bytes;
  }

  /** The signed hints of these peers, ours included. */
  signedFor(peers: Iterable<PublicKey>): Uint8Array[] {
    const hints: Uint8Array[] = [];
    for (const peer of peers) {
      const bytes = peer === this.#parts.local ? this.ownSigned() : this.#parts.store.hints.signed(peer)?.bytes;
      if (bytes !== undefined) hints.push(bytes);
      if (hints.length === PEER_HINTS_MAX) break;
    }
    return hints;
  }

  /**
   * Takes a signed hint about a peer we care for and gives its author; what is invalid, known, old or about others is
   * dropped and gives `undefined`.
   */
  accept(bytes: Uint8Array, isWanted: (author: PublicKey) => boolean): PublicKey | undefined {
    const { clock, local, store } = this.#parts;
    try {
      const hint = decodePeerHint(bytes);
      if (hint.author === local || !isWanted(hint.author)) return undefined;
      const now = clock.unix();
      const held = store.hints.signed(hint.author);
      if (!supersedes(hint, held === undefined ? undefined : decodePeerHint(held.bytes))) return undefined;
      verifyPeerHint(hint, now);
      // After the signature, or anyone could spend another's budget.
      if (this.#news.spend(hint.author, [1], clock.steady()) !== undefined) return undefined;
      store.hints.putSigned(hint.author, { seq: hint.seq, bytes }, now);
      store.hints.put(hint.author, dialHints(hint), now);
      return hint.author;
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      return undefined;
    }
  }

  #keptOwn(): readonly string[] {
    try {
      const kept: unknown = JSON.parse(this.#parts.store.getSetting(OWN_HINTS_SETTING) ?? "[]");
      return Array.isArray(kept) ? kept.filter((hint) => typeof hint === "string") : [];
    } catch {
      // Damaged; the next daemon writes it anew.
      return [];
    }
  }
}
