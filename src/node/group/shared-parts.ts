import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { CopyPart } from "../../core/order/copy-part.ts";
import { startOfDay } from "../../core/policy/retention.ts";
import type { KeySet } from "../../core/salted-map.ts";
import type { MessageStore } from "../../store/group-store.ts";

/** Ours. A pass over the index for the part from some day on is not made again before so many times as long: 2 % of the time. */
const BUILD_REST = 50;

/** Ours. A member's days move once a day; one that names others sooner is not followed. */
const DAY_CHANGES_EVERY_MS = 3_600_000;

/** Ours. Messages read and hashed in one turn: some three milliseconds. */
export const STEP_MESSAGES = 1024;

/** Ours. Of this node's own parts: what it wants, and what it has not removed. */
const OWN_MAX = 2;

interface NamedDay {
  readonly sinceMs: number;
  readonly at: SteadyMs;
}

/** A pass under way. */
interface Build {
  readonly sinceMs: number;
  /** Named by a member: its time is counted. */
  readonly isNamed: boolean;
  /** Another process that writes, or a removal, may make it begin anew: then whoever asks next begins one. */
  stepsLeft: number;
  spentMs: number;
  next: Disposable | undefined;
}

/**
 * The part of a copy that is compared with each member. Members choose from which day on, so what it costs to follow
 * them is bounded for each and in all. A pass goes in steps, each in a turn of its own.
 */
export class SharedParts {
  readonly #messages: Pick<MessageStore, "sharedSince" | "size">;
  readonly #clock: Pick<Clock, "after" | "steady">;
  /** Only members, so the roster bounds it. */
  readonly #named = new Map<PublicKey, NamedDay>();
  /** By the time the part begins: our own, which are two at most, and one that a member named. */
  readonly #builds = new Map<number, Build>();
  #buildAt: SteadyMs | undefined;
  #closed = false;

  constructor(messages: Pick<MessageStore, "sharedSince" | "size">, clock: Pick<Clock, "after" | "steady">) {
    this.#messages = messages;
    this.#clock = clock;
  }

  /** Who is no member any more is forgotten. */
  setMembers(others: KeySet<PublicKey>): void {
    for (const peer of this.#named.keys()) if (!others.has(peer)) this.#named.delete(peer);
  }

  /** This node's own part: from a day that nobody else chose. `undefined` while it is being made. */
  own(sinceMs: number): CopyPart | undefined {
    const known = this.#messages.sharedSince(BigInt(sinceMs), 0);
    if (known !== undefined || this.#builds.has(sinceMs)) return known;
    return this.#begin(sinceMs, false);
  }

  /** The part from a day on (Unix milliseconds) that `peer` named; `undefined` while it is being made, or would cost too much. */
  named(sinceMs: number, peer: PublicKey): CopyPart | undefined {
    const since = BigInt(sinceMs);
    if (startOfDay(since) !== since) return undefined;
    const known = this.#messages.sharedSince(since, 0);
    if (known !== undefined || this.#builds.has(sinceMs) || !this.#mayBuild(sinceMs, peer)) return known;
    this.#named.set(peer, { sinceMs, at: this.#clock.steady() });
    return this.#begin(sinceMs, true);
  }

  /** Reads no more. */
  close(): void {
    this.#closed = true;
    for (const { next } of this.#builds.values()) next?.[Symbol.dispose]();
    this.#builds.clear();
  }

  #begin(sinceMs: number, isNamed: boolean): CopyPart | undefined {
    if (this.#closed) return undefined;
    const own = [...this.#builds.values()].filter((one) => !one.isNamed);
    // Of more the store would keep none long enough to be made.
    if (!isNamed && own.length >= OWN_MAX) this.#end(own[0]!);
    const stepsLeft = 2 * Math.ceil((this.#messages.size + 1) / STEP_MESSAGES);
    const build: Build = { sinceMs, isNamed, stepsLeft, spentMs: 0, next: undefined };
    this.#builds.set(sinceMs, build);
    return this.#step(build);
  }

  /** The first step of a small group is its last, so that it need not be asked again. */
  #step(build: Build): CopyPart | undefined {
    const startedAt = this.#clock.steady();
    let part: CopyPart | undefined;
    try {
      part = this.#messages.sharedSince(BigInt(build.sinceMs), STEP_MESSAGES);
    } catch (error) {
      this.#end(build);
      throw error;
    }
    build.spentMs += this.#clock.steady() - startedAt;
    build.stepsLeft -= 1;
    if (part === undefined && build.stepsLeft > 0) build.next = this.#clock.after(0, () => this.#stepLater(build));
    else this.#end(build);
    return part;
  }

  #stepLater(build: Build): void {
    try {
      this.#step(build);
    } catch (error) {
      // Whoever asks next is told why it cannot be read.
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  #end(build: Build): void {
    build.next?.[Symbol.dispose]();
    this.#builds.delete(build.sinceMs);
    if (build.isNamed) this.#buildAt = later(this.#clock.steady(), build.spentMs * BUILD_REST);
  }

  #mayBuild(sinceMs: number, peer: PublicKey): boolean {
    const now = this.#clock.steady();
    for (const { isNamed } of this.#builds.values()) if (isNamed) return false;
    if (this.#buildAt !== undefined && now < this.#buildAt) return false;
    const before = this.#named.get(peer);
    return before === undefined || before.sinceMs === sinceMs || now - before.at >= DAY_CHANGES_EVERY_MS;
  }
}
