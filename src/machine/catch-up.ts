import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import { type Comparison, Comparisons } from "./comparisons.ts";
import { type CopyComparison, compareCopies } from "./copy-comparison.ts";
import type { Effect, Report } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PartnersView } from "./partners.ts";
import type { Pull } from "./pull.ts";
import { type PullEnd, Pulls } from "./pulls.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

/** Ours. How often the pulls under way are looked at while they may keep up, so that who waits starts soon after. */
const LOOKS = 3;

/**
 * Finds what was missed: compares Merkle roots with other members and pulls what they hold beyond us. Every comparison
 * is a real question; a root remembered from before proves nothing.
 */
export class CatchUp {
  readonly #config: MachineConfig["catchUp"];
  readonly #keepsUpMs: number;
  readonly #index: MessageIndex;
  readonly #partners: PartnersView;
  readonly #random: Random;
  readonly #comparisons: Comparisons;
  /** Connected, as far as was told. */
  readonly #met = new Set<PublicKey>();
  /** When each was refused, oldest first, by peer and id: one peer's broken copy says nothing of another's. */
  readonly #refused: BoundedMap<string, number>;
  readonly #timer = new WakeUp("compare");
  #tickMs: number | undefined;
  /** Compare `this.#config.spreadTo` others at this time. */
  #spreadMs: number | undefined;
  readonly #pulls: Pulls;
  /** When a message last came by other ways than a pull. */
  #freshMs = Number.NEGATIVE_INFINITY;
  /** To be asked a second time; only members, so the roster bounds it. */
  readonly #confirm = new Set<PublicKey>();

  constructor(options: { index: MessageIndex; partners: PartnersView; random: Random; config: MachineConfig }) {
    this.#config = options.config.catchUp;
    this.#keepsUpMs = options.config.pull.keepsUpMs;
    this.#pulls = new Pulls({ index: options.index, config: options.config });
    this.#refused = new BoundedMap(this.#config.refusedMax);
    this.#index = options.index;
    this.#partners = options.partners;
    this.#random = options.random;
    this.#comparisons = new Comparisons(options);
  }

  /** Ids held in memory by pulls under way. */
  get pending(): number {
    return this.#pulls.pending;
  }

  /** Refused ids remembered. */
  get refused(): number {
    return this.#refused.size;
  }

  /** How the copy of `peer` stood to ours when they were last compared; `undefined` when they were not. */
  copyOf(peer: PublicKey): CopyComparison | undefined {
    return this.#comparisons.copyOf(peer);
  }

  /** True while a member may be expected to deliver `id` for a pull. */
  isFetching(id: MessageId, nowMs: SteadyMs): boolean {
    return this.#pulls.isFetching(id, nowMs);
  }

  /** True while the pull from `peer` brings more than a gap. */
  isBackfilling(peer: PublicKey): boolean {
    const pull = this.#pulls.get(peer);
    return pull !== undefined && pull.stored + pull.pending > this.#config.backfillIds;
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
        if (event.via !== "pull") this.#freshMs = event.apart ? this.#freshMs : nowMs;
        else if (event.from !== undefined) this.#pulls.get(event.from)?.onStored(nowMs);
        break;
      case "ids_page":
        this.#onPage(event, nowMs, effects);
        break;
      case "fetched":
        if (event.via === "pull") this.#onFetched(event, nowMs, effects);
        break;
      case "failed":
        this.#onFailed(event, nowMs, effects);
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
    const comparison = this.#comparisons.of(peer);
    if (comparison.askedMs !== undefined) return true;
    const isSoon = nowMs - comparison.triedMs < this.#config.offeredEveryMs;
    const isLeftAlone = (comparison.failures > 0 && nowMs < comparison.readyMs) || nowMs < comparison.deliversMs;
    if (isSoon || isLeftAlone) return false;
    comparison.triedMs = nowMs;
    return true;
  }

  /** `peer` has answered and is compared later: it may be asked again. */
  postponed(peer: PublicKey): void {
    this.#comparisons.of(peer).askedMs = undefined;
  }

  /** Compares with `peer` now, cool-down or not: something is known to have changed. */
  compareNow(peer: PublicKey, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    this.#comparisons.of(peer).readyMs = nowMs;
    this.#ask(peer, nowMs, effects);
    return effects;
  }

  #onMembers(members: KeySet<PublicKey>, nowMs: SteadyMs, effects: Effect[]): void {
    // What was refused for its author may be kept by the entry that came.
    this.#refused.clear();
    this.#comparisons.keepMembers(members);
    for (const peers of [this.#confirm, this.#met]) {
      for (const peer of peers) if (!members.has(peer)) peers.delete(peer);
    }
    const ends: PullEnd[] = [];
    this.#pulls.keepMembers(members, ends);
    this.#onEnds(ends, "lost", nowMs, effects);
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
      const comparison = this.#comparisons.of(peer);
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
    this.#fail(peer, "lost", nowMs, effects);
  }

  #ask(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const comparison = this.#comparisons.of(peer);
    const isAsked = comparison.askedMs !== undefined && nowMs - comparison.askedMs < this.#config.askLostMs;
    if (isAsked || nowMs < Math.max(comparison.readyMs, comparison.deliversMs) || this.#pulls.get(peer)) return;
    comparison.askedMs = nowMs;
    comparison.triedMs = nowMs;
    effects.push({ kind: "ask_status", to: peer });
  }

  #onStatus({ from, isQuestion, status }: EventNamed<"status">, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const comparison = this.#comparisons.of(from);
    const { askedMs } = comparison;
    const isAnswer = askedMs !== undefined;
    comparison.askedMs = undefined;
    const compared = compareCopies(this.#index, from, status);
    const { outcome, sinceMs } = compared;
    if (outcome !== "unknown") comparison.copy = compared;
    if (outcome === "equal") {
      comparison.confirmMs = undefined;
      this.#comparisons.settle(from, this.#config.compareEveryMs, nowMs);
      effects.push(comparedReport(from, { outcome, stored: 0, missing: 0 }));
    } else if (outcome === "unknown") {
      // Its answer to a question of ours will tell: the one under way, or the next.
      if (isQuestion) comparison.askedMs = askedMs;
      else if (isAnswer) {
        this.#comparisons.settle(from, this.#config.partialCooldownMs, nowMs);
        comparison.confirmMs = comparison.readyMs;
        this.#confirm.add(from);
        this.#timer.by(comparison.confirmMs, nowMs, effects);
      }
    } else if (this.#pulls.get(from) !== undefined || nowMs < comparison.deliversMs) {
      // It is listed already, or has listed before what it did not deliver.
    } else if (status.message_count === 0) {
      // It holds nothing we could lack; it will come to us.
      this.#comparisons.settle(from, this.#config.compareEveryMs, nowMs);
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
      // Before one more starts and seems to keep up.
      this.#takeTurns(nowMs, effects);
      const ends: PullEnd[] = [];
      this.#pulls.offer({ peer: from, sinceMs, isSkipped }, nowMs, effects, ends);
      this.#onEnds(ends, "idle", nowMs, effects);
      this.#timer.by(nowMs + this.#keepsUpMs / LOOKS, nowMs, effects);
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
    const pull = this.#pulls.get(event.from);
    if (pull === undefined) return;
    if (pull.onPage(event, nowMs)) this.#advance(pull, nowMs, effects);
    else this.#fail(event.from, "idle", nowMs, effects);
  }

  #onFetched(event: EventNamed<"fetched">, nowMs: SteadyMs, effects: Effect[]): void {
    for (const id of event.refused) this.#refused.set(event.from + id, nowMs);
    const pull = this.#pulls.onFetched(event, nowMs);
    if (pull !== undefined) this.#advance(pull, nowMs, effects);
  }

  /** A pull that finds few ids while messages are under way fetches later: most of them will come by themselves. */
  #advance(pull: Pull, nowMs: SteadyMs, effects: Effect[]): void {
    const isGap = pull.pending <= this.#config.backfillIds;
    if (pull.heldUntilMs === undefined && isGap && nowMs - this.#freshMs < this.#config.confirmAfterMs) {
      pull.heldUntilMs = nowMs + this.#config.confirmAfterMs;
    } else if (!isGap) pull.heldUntilMs = Number.NEGATIVE_INFINITY;
    if (pull.heldUntilMs !== undefined && pull.heldUntilMs > nowMs) this.#timer.by(pull.heldUntilMs, nowMs, effects);
    const ends: PullEnd[] = [];
    this.#pulls.advance(pull, nowMs, effects, ends);
    this.#onEnds(ends, "idle", nowMs, effects);
    if (!pull.keepsUp(nowMs)) this.#takeTurns(nowMs, effects);
  }

  #onFailed({ effect, failure }: EventNamed<"failed">, nowMs: SteadyMs, effects: Effect[]): void {
    if (effect.kind === "ask_status") {
      // A question of the peer's own may have told what we asked for.
      if (!this.#partners.isMember(effect.to) || this.#comparisons.of(effect.to).askedMs === undefined) return;
      this.#comparisons.of(effect.to).askedMs = undefined;
      this.#comparisons.backOff(effect.to, nowMs);
    } else if (effect.kind === "ask_ids") {
      this.#fail(effect.to, failure === "unreachable" || failure === "backoff" ? "lost" : "idle", nowMs, effects);
    } else if (effect.kind === "fetch" && effect.via === "pull") {
      const pull = this.#pulls.get(effect.from);
      if (pull === undefined) return;
      pull.onFetchFailed(effect.ids);
      this.#advance(pull, nowMs, effects);
    }
  }

  #fail(peer: PublicKey, why: "lost" | "idle", nowMs: SteadyMs, effects: Effect[]): void {
    const ends: PullEnd[] = [];
    this.#pulls.fail(peer, ends);
    this.#onEnds(ends, why, nowMs, effects);
  }

  /** `lost`: the connection broke, which may be nobody's fault. */
  #onEnds(ends: readonly PullEnd[], why: "lost" | "idle", nowMs: SteadyMs, effects: Effect[]): void {
    for (const { pull, outcome } of ends) {
      const { missing, peer, stored } = pull;
      if (stored > 0) {
        this.#comparisons.of(peer).undelivered = 0;
        this.#spreadMs = nowMs + this.#random.between(...this.#config.spreadAfterMs);
        this.#timer.by(this.#spreadMs, nowMs, effects);
      } else if (missing > 0) this.#comparisons.deliveredNothing(peer, why, nowMs);
      if (outcome === "failed") {
        this.#comparisons.backOff(peer, nowMs);
        if (why === "idle") this.#askAgain(peer, nowMs, effects);
      } else {
        const coolDownMs = outcome === "partial" ? this.#config.partialCooldownMs : this.#config.compareEveryMs;
        this.#comparisons.settle(peer, coolDownMs, nowMs);
      }
      effects.push(comparedReport(peer, { outcome, stored, missing }));
    }
    if (ends.length > 0) this.#takeTurns(nowMs, effects);
  }

  /** Its copy differs and was not read: its turn among all would come much later than the end of its cool-down. */
  #askAgain(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    const comparison = this.#comparisons.of(peer);
    comparison.confirmMs = Math.max(comparison.readyMs, comparison.deliversMs);
    this.#confirm.add(peer);
    this.#timer.by(comparison.confirmMs, nowMs, effects);
  }

  /** Who waited is asked once more before it is pulled from: by now it may hold nothing that is lacked. */
  #takeTurns(nowMs: SteadyMs, effects: Effect[]): void {
    for (const peer of this.#pulls.takeTurns(nowMs)) effects.push(...this.compareNow(peer, nowMs));
    if (this.#pulls.isBusy) this.#timer.by(nowMs + this.#keepsUpMs / LOOKS, nowMs, effects);
  }

  #tick(nowMs: SteadyMs, effects: Effect[]): void {
    this.#timer.fired(nowMs);
    const ends: PullEnd[] = [];
    this.#pulls.tick(nowMs, effects, ends);
    this.#onEnds(ends, "idle", nowMs, effects);
    this.#takeTurns(nowMs, effects);
    if (this.#spreadMs !== undefined && this.#spreadMs <= nowMs) {
      this.#spreadMs = undefined;
      const connected = this.#partners.all().filter((peer) => this.#partners.isConnected(peer));
      for (let i = 0; i < this.#config.spreadTo; i++) {
        const peer = this.#random.pick(connected);
        if (peer !== undefined) effects.push(...this.compareNow(peer, nowMs));
      }
    }
    for (const peer of this.#confirm) {
      const confirmMs = this.#comparisons.of(peer).confirmMs;
      if (confirmMs !== undefined && confirmMs > nowMs) this.#timer.by(confirmMs, nowMs, effects);
      else {
        this.#confirm.delete(peer);
        if (confirmMs !== undefined) effects.push(...this.compareNow(peer, nowMs));
      }
    }
    if (this.#tickMs === undefined || this.#tickMs <= nowMs) {
      const peer = this.#comparisons.leastRecent(nowMs);
      if (peer !== undefined) this.#ask(peer, nowMs, effects);
      this.#armTick(nowMs, effects);
    }
    this.#timer.by(Math.min(this.#tickMs ?? nowMs, this.#spreadMs ?? Number.POSITIVE_INFINITY), nowMs, effects);
  }

  #armTick(nowMs: SteadyMs, effects: Effect[]): void {
    this.#tickMs = nowMs + this.#random.between(...this.#config.compareEveryMs);
    this.#timer.by(this.#tickMs, nowMs, effects);
  }
}

function comparedReport(peer: PublicKey, ended: Omit<Extract<Report, { what: "compared" }>, "what" | "peer">): Effect {
  return { kind: "report", report: { what: "compared", peer, ...ended } };
}
