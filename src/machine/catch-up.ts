import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { type CopyComparison, compareCopies } from "./copy-comparison.ts";
import type { Effect, Report } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PartnersView } from "./partners.ts";
import { Pull } from "./pull.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

interface Comparison {
  /** When it was last tried, or compared; -Infinity when never. */
  triedMs: number;
  /** Not to be compared before. */
  readyMs: number;
  failures: number;
  /** A question is under way since. */
  askedMs: number | undefined;
  /** What the last comparison that told something found. */
  copy: CopyComparison | undefined;
  /** Its root differed while messages were under way; asked again at this time before pulling. */
  confirmMs: number | undefined;
}

/**
 * Finds what was missed: compares Merkle roots with other members and pulls what they hold beyond us,
 * one pull at a time. Every comparison is a real question; a root remembered from before proves nothing.
 */
export class CatchUp {
  readonly #config: MachineConfig["catchUp"];
  readonly #pullConfig: MachineConfig;
  readonly #index: MessageIndex;
  readonly #partners: PartnersView;
  readonly #random: Random;
  #members: ReadonlySet<PublicKey> = new Set();
  /** Only members, so the roster bounds it. */
  readonly #comparisons = new Map<PublicKey, Comparison>();
  /** Connected, as far as was told. */
  readonly #met = new Set<PublicKey>();
  /** Differed while another pull was under way. */
  readonly #waiting = new Set<PublicKey>();
  /** When each was refused, oldest first, by peer and id: one peer's broken copy says nothing of another's. */
  readonly #refused: BoundedMap<string, number>;
  readonly #timer = new WakeUp("compare");
  #tickMs: number | undefined;
  #ticks = 0;
  /** Compare `this.#config.spreadTo` others at this time. */
  #spreadMs: number | undefined;
  #pull: Pull | undefined;
  /** A pull that finds few ids while messages are under way fetches no sooner: most of them will come by themselves. */
  #fetchMs: number | undefined;
  /** When a message last came by other ways than a pull. */
  #freshMs = Number.NEGATIVE_INFINITY;
  /** To be asked a second time; only members, so the roster bounds it. */
  readonly #confirm = new Set<PublicKey>();

  constructor(options: { index: MessageIndex; partners: PartnersView; random: Random; config: MachineConfig }) {
    this.#config = options.config.catchUp;
    this.#pullConfig = options.config;
    this.#refused = new BoundedMap(this.#config.refusedMax);
    this.#index = options.index;
    this.#partners = options.partners;
    this.#random = options.random;
  }

  /** Ids held in memory by the pull under way. */
  get pending(): number {
    return this.#pull?.pending ?? 0;
  }

  /** Refused ids remembered. */
  get refused(): number {
    return this.#refused.size;
  }

  /** How the copy of `peer` stood to ours when they were last compared; `undefined` when they were not. */
  copyOf(peer: PublicKey): CopyComparison | undefined {
    return this.#comparisons.get(peer)?.copy;
  }

  isFetching(id: MessageId): boolean {
    return this.#pull?.isFetching(id) ?? false;
  }

  /** True while the pull under way has brought more than a gap. */
  get isBackfilling(): boolean {
    return (this.#pull?.stored ?? 0) + this.pending > this.#config.backfillIds;
  }

  handle(event: Event, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    switch (event.kind) {
      case "members":
        this.#onMembers(event.members, nowMs, effects);
        break;
      case "peer":
        if (event.connected) this.#onMet(event.peer, nowMs, effects);
        else this.#onLost(event.peer, nowMs, effects);
        break;
      case "status":
        this.#onStatus(event, nowMs, effects);
        break;
      case "stored":
        if (event.via !== "pull") this.#freshMs = nowMs;
        else if (event.from === this.#pull?.peer) this.#pull?.onStored(nowMs);
        break;
      case "ids_page":
        this.#onPage(event, nowMs, effects);
        break;
      case "fetched":
        if (event.via === "pull") this.#onFetched(event, nowMs, effects);
        break;
      case "failed":
        this.#onFailed(event.effect, nowMs, effects);
        break;
      case "timer":
        if (event.timer === "compare") this.#tick(nowMs, effects);
    }
    return effects;
  }

  /**
   * Whether what `peer` says of its copy is looked at. An answer always is, and so is what comes in its stead while
   * our question is under way. A peer may ask, and say so, as often as it likes: this counts no more often than answers do.
   */
  admits(peer: PublicKey, nowMs: SteadyMs): boolean {
    if (!this.#partners.isMember(peer)) return false;
    const comparison = this.#comparison(peer);
    if (comparison.askedMs !== undefined) return true;
    const isSoon = nowMs - comparison.triedMs < this.#config.offeredEveryMs;
    const isLeftAlone = comparison.failures > 0 && nowMs < comparison.readyMs;
    if (isSoon || isLeftAlone) return false;
    comparison.triedMs = nowMs;
    return true;
  }

  /** `peer` has answered and is compared later: it may be asked again. */
  postponed(peer: PublicKey): void {
    this.#comparison(peer).askedMs = undefined;
  }

  /** Compares with `peer` now, cool-down or not: something is known to have changed. */
  compareNow(peer: PublicKey, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    this.#comparison(peer).readyMs = nowMs;
    this.#ask(peer, nowMs, effects);
    return effects;
  }

  #onMembers(members: ReadonlySet<PublicKey>, nowMs: SteadyMs, effects: Effect[]): void {
    this.#members = members;
    for (const peer of this.#comparisons.keys()) if (!members.has(peer)) this.#comparisons.delete(peer);
    for (const peers of [this.#waiting, this.#confirm, this.#met]) {
      for (const peer of peers) if (!members.has(peer)) peers.delete(peer);
    }
    if (this.#pull && !members.has(this.#pull.peer)) this.#endPull("failed", nowMs, effects);
    if (this.#tickMs === undefined) this.#armTick(nowMs, effects);
  }

  /**
   * Neither what was settled before nor a failure holds for a new connection; one that flaps is asked once a second.
   * Carriers without connections tell of every contact, so what counts is that the peer was gone. What it missed
   * meanwhile is not under way, so the first look decides.
   */
  #onMet(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    if (!this.#met.has(peer)) {
      const comparison = this.#comparison(peer);
      const readyMs = comparison.failures === 0 ? Math.max(nowMs, comparison.triedMs + this.#config.metAgainMs) : nowMs;
      comparison.readyMs = Math.min(comparison.readyMs, readyMs);
      if (comparison.triedMs > Number.NEGATIVE_INFINITY) comparison.confirmMs = readyMs;
      if (readyMs > nowMs) {
        this.#confirm.add(peer);
        this.#timer.by(readyMs, nowMs, effects);
      }
      this.#met.add(peer);
    }
    this.#ask(peer, nowMs, effects);
  }

  #onLost(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    this.#met.delete(peer);
    if (this.#pull?.peer === peer) this.#endPull("failed", nowMs, effects);
  }

  #ask(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const comparison = this.#comparison(peer);
    const isAsked = comparison.askedMs !== undefined && nowMs - comparison.askedMs < this.#config.askLostMs;
    if (isAsked || nowMs < comparison.readyMs || this.#pull?.peer === peer) return;
    comparison.askedMs = nowMs;
    comparison.triedMs = nowMs;
    effects.push({ kind: "ask_status", to: peer });
  }

  #onStatus({ from, isQuestion, status }: EventNamed<"status">, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const comparison = this.#comparison(from);
    const { askedMs } = comparison;
    const isAnswer = askedMs !== undefined;
    comparison.askedMs = undefined;
    const compared = compareCopies(this.#index, from, status);
    const { outcome, sinceMs } = compared;
    if (outcome !== "unknown") comparison.copy = compared;
    if (outcome === "equal") {
      comparison.confirmMs = undefined;
      this.#settle(from, this.#config.compareEveryMs, nowMs);
      effects.push(comparedReport(from, { outcome, stored: 0, missing: 0 }));
    } else if (outcome === "unknown") {
      // Its answer to a question of ours will tell: the one under way, or the next.
      if (isQuestion) comparison.askedMs = askedMs;
      else if (isAnswer) {
        this.#settle(from, this.#config.partialCooldownMs, nowMs);
        comparison.confirmMs = comparison.readyMs;
        this.#confirm.add(from);
        this.#timer.by(comparison.confirmMs, nowMs, effects);
      }
    } else if (this.#pull) {
      if (this.#pull.peer !== from && this.#waiting.size < this.#config.waitingMax) this.#waiting.add(from);
    } else if (status.message_count === 0) {
      // It holds nothing we could lack; it will come to us.
      this.#settle(from, this.#config.compareEveryMs, nowMs);
    } else {
      // Who asked with fewer messages is about to pull ours; most likely it holds none that we lack.
      const isPulling = !isAnswer && compared.theirs !== undefined && compared.theirs < compared.ours;
      if (isPulling) comparison.confirmMs = nowMs + this.#config.confirmAfterMs;
      if (isPulling || this.#isUnderWay(comparison, compared, nowMs)) {
        this.#confirm.add(from);
        this.#timer.by(nowMs + this.#config.confirmAfterMs, nowMs, effects);
        return;
      }
      comparison.confirmMs = undefined;
      const isSkipped = (id: MessageId): boolean =>
        nowMs - (this.#refused.get(from + id) ?? -this.#config.refusedMs) < this.#config.refusedMs;
      this.#fetchMs = undefined;
      const index = this.#index;
      this.#pull = new Pull({ peer: from, index, isSkipped, sinceMs, nowMs, config: this.#pullConfig });
      this.#pull.advance(effects, { fetch: true });
    }
  }

  /** True when the difference may be no more than messages under way: then it is looked at again. */
  #isUnderWay(comparison: Comparison, { ours, theirs }: CopyComparison, nowMs: SteadyMs): boolean {
    if (theirs === undefined || nowMs - this.#freshMs >= this.#config.confirmAfterMs) return false;
    if (Math.abs(theirs - ours) > this.#config.confirmCountMax) return false;
    // The second look decides, unless it is long overdue.
    if (comparison.confirmMs !== undefined && nowMs - comparison.confirmMs < this.#config.askLostMs) {
      return nowMs < comparison.confirmMs;
    }
    comparison.confirmMs = nowMs + this.#config.confirmAfterMs;
    return true;
  }

  #onPage(event: EventNamed<"ids_page">, nowMs: SteadyMs, effects: Effect[]): void {
    if (this.#pull?.peer !== event.from) return;
    if (this.#pull.onPage(event, nowMs)) this.#advance(nowMs, effects);
    else this.#endPull("failed", nowMs, effects);
  }

  #onFetched(event: EventNamed<"fetched">, nowMs: SteadyMs, effects: Effect[]): void {
    for (const id of event.refused) this.#refused.set(event.from + id, nowMs);
    if (this.#pull?.peer !== event.from) return;
    this.#pull.onFetched(event, nowMs);
    this.#advance(nowMs, effects);
  }

  #advance(nowMs: SteadyMs, effects: Effect[]): void {
    if (this.#pull === undefined) return;
    const isGap = this.#pull.pending <= this.#config.backfillIds;
    if (this.#fetchMs === undefined && isGap && nowMs - this.#freshMs < this.#config.confirmAfterMs) {
      this.#fetchMs = nowMs + this.#config.confirmAfterMs;
    }
    const isHeld = isGap && this.#fetchMs !== undefined && nowMs < this.#fetchMs;
    if (isHeld) this.#timer.by(this.#fetchMs ?? nowMs, nowMs, effects);
    this.#pull.advance(effects, { fetch: !isHeld });
    if (this.#pull?.isOver) this.#endPull(this.#pull.missing > 0 ? "partial" : "caught_up", nowMs, effects);
  }

  #onFailed(effect: EventNamed<"failed">["effect"], nowMs: SteadyMs, effects: Effect[]): void {
    if (effect.kind === "ask_status") {
      // A question of the peer's own may have told what we asked for.
      if (!this.#partners.isMember(effect.to) || this.#comparison(effect.to).askedMs === undefined) return;
      this.#comparison(effect.to).askedMs = undefined;
      this.#backOff(effect.to, nowMs);
    } else if (effect.kind === "ask_ids") {
      if (this.#pull?.peer === effect.to) this.#endPull("failed", nowMs, effects);
    } else if (effect.kind === "fetch" && effect.via === "pull" && this.#pull?.peer === effect.from) {
      this.#pull.onFetchFailed(effect.ids);
      this.#advance(nowMs, effects);
    }
  }

  #endPull(outcome: "caught_up" | "partial" | "failed", nowMs: SteadyMs, effects: Effect[]): void {
    const pull = this.#pull;
    if (pull === undefined) return;
    this.#pull = undefined;
    if (outcome === "failed") {
      pull.abandon();
      this.#backOff(pull.peer, nowMs);
    } else
      this.#settle(
        pull.peer,
        outcome === "partial" ? this.#config.partialCooldownMs : this.#config.compareEveryMs,
        nowMs,
      );
    const { missing, stored } = pull;
    effects.push(comparedReport(pull.peer, { outcome, stored, missing }));
    if (pull.stored > 0) {
      this.#spreadMs = nowMs + this.#random.between(...this.#config.spreadAfterMs);
      this.#timer.by(this.#spreadMs, nowMs, effects);
    }
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    effects.push(...this.compareNow(next, nowMs));
  }

  #tick(nowMs: SteadyMs, effects: Effect[]): void {
    this.#timer.fired(nowMs);
    if (this.#pull && nowMs - this.#pull.progressMs >= this.#config.pullStalledMs)
      this.#endPull("failed", nowMs, effects);
    if (this.#pull && this.#fetchMs !== undefined) this.#advance(nowMs, effects);
    if (this.#spreadMs !== undefined && this.#spreadMs <= nowMs) {
      this.#spreadMs = undefined;
      const connected = this.#partners.all().filter((peer) => this.#partners.isConnected(peer));
      for (let i = 0; i < this.#config.spreadTo; i++) {
        const peer = this.#random.pick(connected);
        if (peer !== undefined) effects.push(...this.compareNow(peer, nowMs));
      }
    }
    for (const peer of this.#confirm) {
      const confirmMs = this.#comparisons.get(peer)?.confirmMs;
      if (confirmMs !== undefined && confirmMs > nowMs) this.#timer.by(confirmMs, nowMs, effects);
      else {
        this.#confirm.delete(peer);
        if (confirmMs !== undefined) effects.push(...this.compareNow(peer, nowMs));
      }
    }
    if (this.#tickMs === undefined || this.#tickMs <= nowMs) {
      const peer = this.#leastRecent(nowMs);
      if (peer !== undefined) this.#ask(peer, nowMs, effects);
      this.#armTick(nowMs, effects);
    }
    this.#timer.by(Math.min(this.#tickMs ?? nowMs, this.#spreadMs ?? Number.POSITIVE_INFINITY), nowMs, effects);
  }

  #armTick(nowMs: SteadyMs, effects: Effect[]): void {
    this.#tickMs = nowMs + this.#random.between(...this.#config.compareEveryMs);
    this.#timer.by(this.#tickMs, nowMs, effects);
  }

  /** The member compared longest ago: mostly one we are connected with, for where most are away the others seldom answer. */
  #leastRecent(nowMs: SteadyMs): PublicKey | undefined {
    const wantsStranger = this.#ticks++ % this.#config.strangerEvery === this.#config.strangerEvery - 1;
    let found: PublicKey | undefined;
    let foundMs = Number.POSITIVE_INFINITY;
    let isFoundWanted = false;
    let ties = 0;
    for (const peer of this.#members) {
      if (!this.#partners.isMember(peer)) continue;
      const comparison = this.#comparisons.get(peer);
      if (comparison !== undefined && comparison.readyMs > nowMs) continue;
      const isWanted = this.#partners.isConnected(peer) !== wantsStranger;
      const triedMs = comparison?.triedMs ?? Number.NEGATIVE_INFINITY;
      if (isWanted === isFoundWanted && triedMs === foundMs) {
        ties += 1;
        if (!this.#random.chance(1 / ties)) continue;
      } else if (isWanted === isFoundWanted ? triedMs > foundMs : isFoundWanted) continue;
      else ties = 1;
      found = peer;
      foundMs = triedMs;
      isFoundWanted = isWanted;
    }
    return found;
  }

  #comparison(peer: PublicKey): Comparison {
    let comparison = this.#comparisons.get(peer);
    if (comparison === undefined) {
      comparison = {
        triedMs: Number.NEGATIVE_INFINITY,
        readyMs: Number.NEGATIVE_INFINITY,
        failures: 0,
        askedMs: undefined,
        copy: undefined,
        confirmMs: undefined,
      };
      this.#comparisons.set(peer, comparison);
    }
    return comparison;
  }

  #settle(peer: PublicKey, coolDownMs: readonly [number, number], nowMs: SteadyMs): void {
    const comparison = this.#comparison(peer);
    comparison.failures = 0;
    comparison.triedMs = nowMs;
    comparison.readyMs = nowMs + this.#random.between(...coolDownMs);
  }

  #backOff(peer: PublicKey, nowMs: SteadyMs): void {
    const comparison = this.#comparison(peer);
    comparison.failures += 1;
    comparison.readyMs =
      nowMs +
      Math.min(this.#config.failureMaxMs, this.#config.failureFirstMs * 2 ** Math.min(comparison.failures - 1, 16));
  }
}

function comparedReport(peer: PublicKey, ended: Omit<Extract<Report, { what: "compared" }>, "what" | "peer">): Effect {
  return { kind: "report", report: { what: "compared", peer, ...ended } };
}
