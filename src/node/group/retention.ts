import type { Clock, SteadyMs, UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import { POLICY_TOPIC } from "../../core/policy/policy-update.ts";
import { nextDay, retentionDay } from "../../core/policy/retention.ts";
import type { KeySet } from "../../core/salted-map.ts";
import type { Log } from "../../host/log.ts";
import { AgreedTime, isTimeGood, type TimeVerdict } from "../../machine/agreed-time.ts";
import type { ClockWatch } from "../../machine/clock-watch.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import type { Exempt, GroupStore } from "../../store/group-store.ts";
import { INT64_MIN } from "../../store/store-limits.ts";
import type { GroupPolicy } from "./group-policy.ts";
import { isAnyPast } from "./past-messages.ts";
import { backAgainText, disputedText, jumpText, prunedText, removedText, waitingText } from "./retention-words.ts";
import { SharedParts } from "./shared-parts.ts";

/** The name of the fact that says up to which instant (Unix milliseconds) messages may have been removed. */
export const PRUNED_TO_FACT = "pruned_to_ms";

/** The name of the fact that says what the owner of this node keeps of the moot: nothing from before an instant (Unix milliseconds). */
const KEPT_FROM_FACT = "kept_from_ms";

/** Ours. Between two looks at the time by itself, and between two at what is past it. */
const LOOK_EVERY_MS = 60_000;

/** Ours. Between two lines of the log that members see another day. */
const DISPUTE_EVERY_MS = 3_600_000;

/** Ours. Messages removed in one turn: a few milliseconds, and below 50 where each has a hundred topics. */
const PIECE_MESSAGES = 32;

export interface RetentionParts {
  readonly store: GroupStore;
  readonly policy: Pick<GroupPolicy, "current">;
  /** The founder's node id: its policy updates stay. */
  readonly founder: () => number | undefined;
  readonly clock: Clock;
  /** One for all groups of a node. */
  readonly watch: ClockWatch;
  readonly config: MachineConfig["time"];
  readonly log: Log;
}

/** What `info` says of it. */
export interface RetentionState {
  /** What is older than this (Unix milliseconds) is removed; 0: nothing is. */
  readonly cutoffMs: number;
  readonly prunedToMs: number;
  /** What is older is not kept here whatever the policy keeps; 0: the policy alone says. */
  readonly keptFromMs: number;
  readonly time: TimeVerdict;
  /** How far the date went, backward below 0, when it jumped and was not found good since; else 0. Milliseconds. */
  readonly jumpMs: number;
}

/** A removal under way: what is older than its cut-off goes, piece by piece, whatever the cut-off is by then. */
interface PruneRun {
  readonly cutoffMs: number;
  removed: number;
  next: Disposable | undefined;
}

/**
 * What one group removes for its age, and what it gets again that was removed too early. Nothing goes on the word of one
 * clock, and nothing in silence; see `docs/retention.md`.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #time: AgreedTime;
  readonly #shared: SharedParts;
  #prunedToMs: number;
  #keptFromMs: number;
  /** After which removal nothing past its time was left; while nothing comes, nothing passes it but by a later cut-off. */
  #clean: { readonly cutoffMs: number; readonly lastSeq: number } | undefined;
  /** As of the last look. */
  #cutoffMs = 0;
  #verdict: TimeVerdict;
  #lookedAt: SteadyMs | undefined;
  #prunedAt: SteadyMs | undefined;
  #jumps: number;
  #disputedAt: SteadyMs | undefined;
  #run: PruneRun | undefined;
  #hasFailed = false;

  /** Throws `data_root_invalid` when what is kept of it is no instant. */
  constructor(parts: RetentionParts) {
    const { clock, config, store, watch } = parts;
    this.#parts = parts;
    this.#time = new AgreedTime(config);
    this.#shared = new SharedParts(store.messages, clock);
    this.#prunedToMs = readInstant(store, PRUNED_TO_FACT);
    this.#keptFromMs = readInstant(store, KEPT_FROM_FACT);
    this.#jumps = watch.jumps;
    this.#observe();
    this.#verdict = this.#judged();
  }

  /** Everything older than this (Unix milliseconds) may have been removed here: what members are told. 0: nothing was. */
  get prunedToMs(): number {
    return this.#prunedToMs;
  }

  /** Nothing older than this (Unix milliseconds) is wanted here; below `prunedToMs` while something is fetched again. */
  get wantedFromMs(): number {
    return isTimeGood(this.#verdict) ? this.#cutoffMs : this.#prunedToMs;
  }

  /** Whether the date here is known to be right. */
  get isTimeGood(): boolean {
    return isTimeGood(this.#verdict);
  }

  /** Messages older than this are refused for their age; `undefined`: none is. */
  get oldest(): bigint | undefined {
    // What its owner does not keep is a date that was named, and asks no clock.
    const oldestMs = isTimeGood(this.#verdict) ? this.#cutoffMs : this.#keptFromMs;
    return oldestMs > 0 ? BigInt(oldestMs) : undefined;
  }

  /** As of now: whoever asks after the date jumped, or somebody was removed, is not told what was true before. */
  get state(): RetentionState {
    if (this.#observe()) this.#look();
    const { watch } = this.#parts;
    const time = this.#judged();
    const jumpMs = time.kind === "unproved" ? watch.lastJumpMs : 0;
    const keptFromMs = this.#keptFromMs;
    return { cutoffMs: this.#cutoffNow(), prunedToMs: this.#prunedToMs, keptFromMs, time, jumpMs };
  }

  /**
   * From now on nothing from before `ms` (Unix milliseconds) is kept here, by its owner's word; 0: what the policy keeps is.
   * Durable on return. What is held of it goes by `pruneStep`, and by itself once the time counts.
   */
  keepFrom(ms: number): void {
    const { store } = this.#parts;
    // In one commit: members must not think that nothing is gone.
    const prunedToMs = Math.max(this.#prunedToMs, ms);
    store.setFacts([
      [KEPT_FROM_FACT, ms === 0 ? undefined : String(ms)],
      [PRUNED_TO_FACT, String(prunedToMs)],
    ]);
    this.#prunedToMs = prunedToMs;
    this.#keptFromMs = ms;
    this.#clean = undefined;
    this.#look();
  }

  /** Removes the next of what the owner does not keep; gives how many went, 0 when none is left. */
  pruneStep(): number {
    const { messages } = this.#parts.store;
    return messages.pruneBefore(BigInt(this.#keptFromMs), this.exempt, PIECE_MESSAGES);
  }

  /** `others`: the members without this node. */
  setMembers(others: KeySet<PublicKey>): void {
    this.#time.setMembers(others);
    this.#shared.setMembers(others);
  }

  /** A member said just now what time it is there. */
  hear(peer: PublicKey, theirs: UnixMs): void {
    // First, because what was said before a jump counts no more.
    this.#observe();
    this.#time.hear(peer, theirs, this.#parts.clock.steady());
    this.#look();
  }

  /** Says once what will be removed as soon as the time counts: a wrong date can be set right before. */
  begin(): void {
    if (isTimeGood(this.#verdict)) return;
    const cutoffMs = this.#cutoffByPolicy();
    if (cutoffMs <= 0 || !isAnyPast(this.#parts.store.messages, BigInt(cutoffMs), this.exempt)) return;
    this.#say(waitingText(cutoffMs, this.#parts.clock.unix()));
  }

  /** To be called now and then; removes what is past its time. */
  tick(): void {
    if (this.#isDue(this.#lookedAt)) this.#look();
  }

  /** What is compared with `peer` from a day on (Unix milliseconds); `undefined` while it is being made. */
  sharedSince(sinceMs: number, peer: PublicKey): CopyPart | undefined {
    const isOwn = sinceMs === this.wantedFromMs || sinceMs === this.#prunedToMs;
    return isOwn ? this.#shared.own(sinceMs) : this.#shared.named(sinceMs, peer);
  }

  /** Removes and reads nothing any more. */
  close(): void {
    this.#shared.close();
    this.#endRun();
  }

  #look(): void {
    const { messages } = this.#parts.store;
    this.#lookedAt = this.#parts.clock.steady();
    this.#observe();
    this.#cutoffMs = this.#cutoffNow();
    const before = this.#verdict;
    this.#verdict = this.#judged();
    if (this.#verdict.kind === "disputed" && before.kind !== "disputed") this.#sayDisputed(this.#verdict);
    const isGood = isTimeGood(this.#verdict);
    messages.restoreFrom(isGood ? this.#wantedFrom : undefined);
    if (!isGood) {
      this.#endRun();
      return;
    }
    this.#guarded(() => {
      // What cannot be noted is not done: members would be told that nothing is gone.
      this.#settlePrunedTo();
      if (this.#cutoffMs > 0 && this.#run === undefined && this.#isDue(this.#prunedAt)) this.#startRun();
    });
  }

  /**
   * Says how much may be gone before anything goes, for a crash in between must not leave members thinking that nothing
   * is; and that it is less once everything came back that is not too old.
   */
  #settlePrunedTo(): void {
    const [cutoffMs, beforeMs] = [this.#cutoffMs, this.#prunedToMs];
    if (beforeMs <= cutoffMs) {
      this.#setPrunedTo(cutoffMs);
      return;
    }
    const latest = this.#parts.store.messages.latestPruned();
    const isLacking = latest !== undefined && latest >= this.#wantedFrom;
    this.#setPrunedTo(isLacking ? Math.min(beforeMs, nextDay(Math.max(0, Number(latest)))) : cutoffMs);
    if (!isLacking) this.#say(backAgainText(cutoffMs));
  }

  #startRun(): void {
    this.#prunedAt = this.#parts.clock.steady();
    const { messages } = this.#parts.store;
    if (this.#clean?.cutoffMs === this.#cutoffMs && this.#clean.lastSeq === messages.lastSeq()) return;
    this.#run = { cutoffMs: this.#cutoffMs, removed: 0, next: undefined };
    this.#removePiece(this.#run);
  }

  #removePiece(run: PruneRun): void {
    const { clock, store } = this.#parts;
    run.next = undefined;
    // The date may have jumped since the last piece, or the policy changed.
    if (this.#observe() || this.#cutoffNow() < run.cutoffMs) {
      this.#endRun();
      this.#look();
      return;
    }
    let gone = 0;
    this.#guarded(() => {
      gone = store.messages.pruneBefore(BigInt(run.cutoffMs), this.exempt, PIECE_MESSAGES);
      this.#hasFailed = false;
      if (gone === 0) this.#clean = { cutoffMs: run.cutoffMs, lastSeq: store.messages.lastSeq() };
    });
    run.removed += gone;
    if (gone === 0) this.#endRun();
    else run.next = clock.after(0, () => this.#removePiece(run));
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    run?.next?.[Symbol.dispose]();
    if (run === undefined || run.removed === 0) return;
    const isOwners = run.cutoffMs === this.#keptFromMs;
    const days = this.#parts.policy.current?.retention_days;
    this.#say(isOwners ? prunedText(run.removed, run.cutoffMs) : removedText(run.removed, run.cutoffMs, days));
  }

  /** What stays however old it is. */
  get exempt(): Exempt | undefined {
    const author_node_id = this.#parts.founder();
    return author_node_id === undefined ? undefined : { topic: POLICY_TOPIC, author_node_id };
  }

  /** Whether the date jumped since the last look of this group. */
  #observe(): boolean {
    const { clock, log, watch } = this.#parts;
    const jumpMs = watch.observe({ unix: clock.unix(), steady: clock.steady() });
    if (jumpMs !== 0) log.warn(jumpText(jumpMs));
    if (watch.jumps === this.#jumps) return false;
    this.#jumps = watch.jumps;
    this.#time.forget();
    return true;
  }

  #judged(): TimeVerdict {
    const { clock, watch } = this.#parts;
    return this.#time.verdict(clock.unix(), clock.steady(), watch.steadyForMs(clock.steady()));
  }

  /** The first date that is not past its time: without a cut-off any, also one before 1970. */
  get #wantedFrom(): bigint {
    return this.#cutoffMs === 0 ? INT64_MIN : BigInt(this.#cutoffMs);
  }

  #cutoffNow(): number {
    return Math.max(this.#cutoffByPolicy(), this.#keptFromMs);
  }

  #cutoffByPolicy(): number {
    const { clock, policy } = this.#parts;
    const days = policy.current?.retention_days;
    return days === undefined ? 0 : Math.max(0, Number(retentionDay(days, clock.unix())));
  }

  #isDue(before: SteadyMs | undefined): boolean {
    return before === undefined || this.#parts.clock.steady() - before >= LOOK_EVERY_MS;
  }

  #setPrunedTo(ms: number): void {
    const { store } = this.#parts;
    if (ms === this.#prunedToMs) return;
    store.setFact(PRUNED_TO_FACT, String(ms));
    this.#prunedToMs = ms;
  }

  /** What is past its time can wait for room on the disk. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      if (!this.#hasFailed) this.#parts.log.warn(`group ${this.#parts.store.groupId}: retention: ${error.message}`);
      this.#hasFailed = true;
    }
  }

  /** A member may go to and fro as often as it likes. */
  #sayDisputed(verdict: Extract<TimeVerdict, { kind: "disputed" }>): void {
    const { clock, log, store } = this.#parts;
    const now = clock.steady();
    if (this.#disputedAt !== undefined && now - this.#disputedAt < DISPUTE_EVERY_MS) return;
    this.#disputedAt = now;
    log.warn(`group ${store.groupId}: ${disputedText(verdict)}`);
  }

  #say(what: string): void {
    this.#parts.log.info(`group ${this.#parts.store.groupId}: ${what}`);
  }
}

function readInstant(store: GroupStore, fact: string): number {
  const text = store.getFact(fact) ?? "0";
  const ms = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(ms)) return ms;
  throw new EntmootError(
    "data_root_invalid",
    `group ${store.groupId}: fact ${fact}: expected Unix milliseconds, found ${JSON.stringify(text.slice(0, 40))}`,
  );
}
