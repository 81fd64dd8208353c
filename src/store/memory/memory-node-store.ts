import { redeem, release } from "../../core/admission/redemption.ts";
import { type UnixMs, unixMs } from "../../core/clock.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import { checkSignedHint, mergedHints } from "../hint-rules.ts";
import { checkLink, linkExists, linkToForget, namedLink } from "../link-rules.ts";
import type { HintStore, IssuedLink, LinkStore, NodeStore, RedeemOutcome } from "../node-store.ts";
import { checkFact, checkMs, NODE_STORE_LIMITS } from "../store-limits.ts";

/** What a node keeps beside its groups, in memory, for simulations and tests. */
export class MemoryNodeStore implements NodeStore {
  readonly links: MemoryLinkStore;
  readonly hints: MemoryHintStore;
  readonly #settings = new Map<string, string>();

  constructor(limits = NODE_STORE_LIMITS) {
    this.links = new MemoryLinkStore(limits.links);
    this.hints = new MemoryHintStore(limits.hintPeers);
  }

  getSetting(name: string): string | undefined {
    return this.#settings.get(name);
  }

  setSetting(name: string, value: string | undefined): void {
    checkFact(name, value);
    if (value === undefined) this.#settings.delete(name);
    else this.#settings.set(name, value);
  }

  isWritable(): boolean {
    return true;
  }

  requireSame(): void {}

  [Symbol.dispose](): void {}
}

class MemoryLinkStore implements LinkStore {
  readonly #links = new Map<string, IssuedLink>();
  readonly #redeemed = new Map<string, Set<PublicKey>>();
  readonly #linksMax: number;

  constructor(linksMax: number) {
    this.#linksMax = linksMax;
  }

  create(link: IssuedLink): void {
    checkLink(link);
    if (this.#links.has(link.token_hash)) throw linkExists(link.token_hash);
    if (this.#links.size >= this.#linksMax) this.#forgetOne(unixMs(link.created_at_ms));
    this.#links.set(link.token_hash, { ...link });
  }

  list(groupId: GroupId): IssuedLink[] {
    return [...this.#links.values()].filter(({ group_id }) => group_id === groupId).sort(byAge);
  }

  get(tokenHash: string): IssuedLink | undefined {
    return this.#links.get(tokenHash);
  }

  revoke(groupId: GroupId, idOrHash: string): IssuedLink | undefined {
    const link = namedLink(this.list(groupId), idOrHash);
    if (link === undefined) return undefined;
    const revoked = { ...link, revoked: true };
    this.#links.set(link.token_hash, revoked);
    return revoked;
  }

  redeem({ tokenHash, key, nowMs }: { tokenHash: string; key: PublicKey; nowMs: UnixMs }): RedeemOutcome {
    const link = this.#links.get(tokenHash);
    if (!link) return { kind: "refused", reason: "not_found" };
    const keys = this.#redeemed.get(tokenHash) ?? new Set<PublicKey>();
    const outcome = redeem(link, { repeated: keys.has(key), nowMs });
    if (outcome.kind === "redeemed" && !outcome.repeated) {
      this.#redeemed.set(tokenHash, keys.add(key));
      this.#links.set(tokenHash, outcome.link);
    }
    return outcome;
  }

  release(tokenHash: string, key: PublicKey): void {
    const link = this.#links.get(tokenHash);
    if (!link || !this.#redeemed.get(tokenHash)?.delete(key)) return;
    this.#links.set(tokenHash, release(link));
  }

  #forgetOne(nowMs: UnixMs): void {
    const { token_hash } = linkToForget([...this.#links.values()].sort(byAge), { linksMax: this.#linksMax, nowMs });
    this.#links.delete(token_hash);
    this.#redeemed.delete(token_hash);
  }
}

function byAge(a: IssuedLink, b: IssuedLink): number {
  return a.created_at_ms - b.created_at_ms || (a.token_hash < b.token_hash ? -1 : 1);
}

interface Whereabouts {
  readonly hints: readonly string[];
  readonly signed: { seq: bigint; bytes: Uint8Array } | undefined;
  readonly changedAtMs: number;
}

class MemoryHintStore implements HintStore {
  readonly #peers = new Map<PublicKey, Whereabouts>();
  readonly #peersMax: number;

  constructor(peersMax: number) {
    this.#peersMax = peersMax;
  }

  hints(peer: PublicKey): string[] {
    return [...(this.#peers.get(peer)?.hints ?? [])];
  }

  put(peer: PublicKey, hints: readonly string[], nowMs: UnixMs): void {
    checkMs("hints: now", nowMs);
    const known = this.#peers.get(peer);
    this.#store(peer, { hints: mergedHints(known?.hints ?? [], hints), signed: known?.signed, changedAtMs: nowMs });
  }

  signed(peer: PublicKey): { seq: bigint; bytes: Uint8Array } | undefined {
    return this.#peers.get(peer)?.signed;
  }

  putSigned(peer: PublicKey, hint: { seq: bigint; bytes: Uint8Array }, nowMs: UnixMs): void {
    checkSignedHint(hint, nowMs);
    const known = this.#peers.get(peer);
    if (known?.signed && known.signed.seq > hint.seq) return;
    this.#store(peer, { hints: known?.hints ?? [], signed: { ...hint }, changedAtMs: nowMs });
  }

  #store(peer: PublicKey, whereabouts: Whereabouts): void {
    this.#peers.set(peer, whereabouts);
    if (this.#peers.size <= this.#peersMax) return;
    const others = [...this.#peers].filter(([key]) => key !== peer);
    const [oldest] = others.sort(([a, x], [b, y]) => x.changedAtMs - y.changedAtMs || (a < b ? -1 : 1))[0]!;
    this.#peers.delete(oldest);
  }
}
