import type { Clock, SteadyMs, UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MerkleRoot, PublicKey } from "../../core/ids.ts";
import { POLICY_TOPIC } from "../../core/policy/policy-update.ts";
import { dayText, retentionDay } from "../../core/policy/retention.ts";
import type { Log } from "../../host/log.ts";
import { AgreedTime, isTimeGood, type TimeVerdict } from "../../machine/agreed-time.ts";
import type { ClockWatch } from "../../machine/clock-watch.ts";
import type { Report } from "../../machine/effect.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import type { GroupStore } from "../../store/group-store.ts";
import type { GroupPolicy } from "./group-policy.ts";

/** The name of the fact that says up to which instant (Unix milliseconds) messages may have been removed. */
export const PRUNED_TO_FACT = "pruned_to_ms";

/** Ours. Between two looks at the time and at what is past it, unless a member says what time it is. */
const LOOK_EVERY_MS = 60_000;

/** Ours. Messages removed in one turn: some milliseconds. */
const PIECE_MESSAGES = 256;

/** Ours. A pass over the index for a root from some day on is not made again before so many times as long: 2 % of the time. */
const BUILD_REST = 50;

export interface RetentionParts {
  readonly store: GroupStore;
  readonly policy: Pick<GroupPolicy, "current">;
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
  readonly time: TimeVerdict;
}

/**
 * What one group removes for its age, and what it gets again that was removed too early. Nothing goes on the word of one
 * clock, and nothing in silence; see `docs/retention.md`.
 */
export class Retention {
  readonly #parts: RetentionParts;
  readonly #time: AgreedTime;
  #prunedToMs: number;
  #cutoffMs = 0;
  #verdict: TimeVerdict;
  #lookedAt: SteadyMs | undefined;
  #buildAt = 0 as SteadyMs;
  #pruning: Disposable | undefined;
  #removed = 0;
  #hasFailed = false;

  /** Throws `data_root_invalid` when what is kept of it is no instant. */
  constructor(parts: RetentionParts) {
    const { clock, config, store, watch } = parts;
    this.#parts = parts;
    this.#time = new AgreedTime(config);
    this.#prunedToMs = readPrunedTo(store);
    watch.observe({ unix: clock.unix(), steady: clock.steady() });
    this.#verdict = this.#time.verdict(clock.unix(), clock.steady(), watch.steadyForMs(clock.steady()));
  }

  /** Everything older than this (Unix milliseconds) may have been removed here: what members are told. 0: nothing was. */
  get prunedToMs(): number {
    return this.#prunedToMs;
  }

  /** Nothing older than this (Unix milliseconds) is wanted here; below `prunedToMs` while something is fetched again. */
  get wantedFromMs(): number {
    return isTimeGood(this.#verdict) ? Math.min(this.#cutoffMs, this.#prunedToMs) : this.#prunedToMs;
  }

  /** Messages older than this are refused for their age; `undefined`: none is. */
  get oldest(): bigint | undefined {
    return isTimeGood(this.#verdict) && this.#cutoffMs > 0 ? BigInt(this.#cutoffMs) : undefined;
  }

  get state(): RetentionState {
    return { cutoffMs: this.#cutoffNow(), prunedToMs: this.#prunedToMs, time: this.#verdict };
  }

  /** `others`: the members without this node. */
  setMembers(others: ReadonlySet<PublicKey>): void {
    this.#time.setMembers(others);
  }

  /** A member said just now what time it is there. */
  hear(peer: PublicKey, theirs: UnixMs): void {
    this.#time.hear(peer, theirs, this.#parts.clock.steady());
    this.#look();
  }

  /** To be called now and then; removes what is past its time. */
  tick(): void {
    const now = this.#parts.clock.steady();
    if (this.#lookedAt !== undefined && now - this.#lookedAt < LOOK_EVERY_MS) return;
    this.#look();
  }

  /** A comparison with a member ended. When all that is wanted was compared, nothing is missing here any more. */
  noteCompared({ outcome, sinceMs }: Extract<Report, { what: "compared" }>): void {
    if (outcome === "failed" || outcome === "partial" || !isTimeGood(this.#verdict)) return;
    if (this.#cutoffMs >= this.#prunedToMs || sinceMs > this.#cutoffMs) return;
    this.#guarded(() => this.#setPrunedTo(this.#cutoffMs));
    this.#parts.store.messages.restoreFrom(undefined);
    this.#say(`what was removed too early is here again${this.#cutoffMs === 0 ? "" : `, from ${this.#day()} on`}`);
  }

  /** The root over what is held from an instant on (Unix milliseconds); `undefined` when it would cost too much just now. */
  rootSince(sinceMs: number): MerkleRoot | undefined {
    const { clock, store } = this.#parts;
    const since = BigInt(sinceMs);
    const known = store.messages.rootSince(since, false);
    const startedAt = clock.steady();
    if (known !== undefined || startedAt < this.#buildAt) return known;
    const built = store.messages.rootSince(since, true);
    const endedAt = clock.steady();
    this.#buildAt = (endedAt + (endedAt - startedAt) * BUILD_REST) as SteadyMs;
    return built;
  }

  /** Removes nothing any more. */
  close(): void {
    this.#pruning?.[Symbol.dispose]();
  }

  #look(): void {
    const { clock, store, watch } = this.#parts;
    const [unix, steady] = [clock.unix(), clock.steady()];
    this.#lookedAt = steady;
    const jumpMs = watch.observe({ unix, steady });
    if (jumpMs !== 0) this.#sayJump(jumpMs);
    this.#cutoffMs = this.#cutoffNow();
    this.#judge(this.#time.verdict(unix, steady, watch.steadyForMs(steady)));
    const isGood = isTimeGood(this.#verdict);
    if (isGood && this.#cutoffMs > 0) this.#guarded(() => this.#prune());
    const isTooMuchGone = isGood && this.#cutoffMs < this.#prunedToMs;
    store.messages.restoreFrom(isTooMuchGone ? BigInt(this.#cutoffMs) : undefined);
  }

  #cutoffNow(): number {
    const { clock, policy } = this.#parts;
    const days = policy.current?.retention_days;
    return days === undefined ? 0 : Math.max(0, Number(retentionDay(days, clock.unix())));
  }

  #judge(verdict: TimeVerdict): void {
    const before = this.#verdict;
    this.#verdict = verdict;
    if (verdict.kind !== "disputed" || before.kind === "disputed") return;
    this.#parts.log.warn(
      `group ${this.#parts.store.groupId}: most of ${verdict.heard} members heard have a clock ${apart(verdict.offsetMs)} of this one; ` +
        "nothing is removed until they agree; check the date here (date -u)",
    );
  }

  /** Says first how much may be gone, for a crash in between must not leave members thinking that nothing is. */
  #prune(): void {
    if (this.#pruning !== undefined) return;
    if (this.#cutoffMs > this.#prunedToMs) this.#setPrunedTo(this.#cutoffMs);
    this.#prunePiece();
  }

  #prunePiece(): void {
    const { clock, store } = this.#parts;
    this.#pruning = undefined;
    const gone = store.messages.pruneBefore(BigInt(this.#cutoffMs), [POLICY_TOPIC], PIECE_MESSAGES);
    this.#removed += gone;
    if (gone === PIECE_MESSAGES) {
      this.#pruning = clock.after(0, () => this.#guarded(() => this.#prunePiece()));
      return;
    }
    if (this.#removed === 0) return;
    const days = this.#parts.policy.current?.retention_days;
    this.#say(`removed ${this.#removed} messages older than ${this.#day()} (retention: ${days} days)`);
    this.#removed = 0;
  }

  #setPrunedTo(ms: number): void {
    this.#parts.store.setFact(PRUNED_TO_FACT, String(ms));
    this.#prunedToMs = ms;
  }

  /** What is past its time can wait for room on the disk. */
  #guarded(work: () => void): void {
    try {
      work();
      this.#hasFailed = false;
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      if (!this.#hasFailed) this.#parts.log.warn(`group ${this.#parts.store.groupId}: retention: ${error.message}`);
      this.#hasFailed = true;
    }
  }

  #day(): string {
    return dayText(BigInt(this.#cutoffMs));
  }

  #say(what: string): void {
    this.#parts.log.info(`group ${this.#parts.store.groupId}: ${what}`);
  }

  #sayJump(jumpMs: number): void {
    const way = jumpMs > 0 ? "forward (a machine that slept looks the same)" : "back";
    this.#parts.log.warn(
      `the date of this machine went ${lengthText(Math.abs(jumpMs))} ${way}; ` +
        "nothing is removed until members agree with it or a day has passed; check it (date -u)",
    );
  }
}

function readPrunedTo(store: GroupStore): number {
  const text = store.getFact(PRUNED_TO_FACT) ?? "0";
  const ms = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(ms)) return ms;
  throw new EntmootError(
    "data_root_invalid",
    `group ${store.groupId}: fact ${PRUNED_TO_FACT}: expected Unix milliseconds, found ${JSON.stringify(text.slice(0, 40))}`,
  );
}

function apart(offsetMs: number): string {
  return `${lengthText(Math.abs(offsetMs))} ${offsetMs > 0 ? "ahead" : "behind"}`;
}

/** For people: `12 days`, `3 hours`, `15 minutes`. */
function lengthText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
