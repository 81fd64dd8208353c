import { BoundedMap } from "../../core/bounded-map.ts";
import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import { RateLimit, type RateVerdict, type StrangerFrom, StrangerLimit } from "../../machine/rate-limit.ts";
import { type Holding, Shares } from "../../machine/shares.ts";
import { WorkLimit } from "../../machine/work-limit.ts";
import { atMost, pause } from "../../transport/wait.ts";
import { noteMoved } from "../group/collect-garbage.ts";
import { Turns } from "../turns.ts";
import { Lanes } from "./lanes.ts";

/** What a peer was past when it was refused. */
export type Refusal = "stranger" | "work" | "answers" | "incoming" | "outgoing";

/** How often a peer was refused something, and what it was past the last time. */
export interface Refusals {
  readonly count: number;
  readonly last: Refusal;
}

export interface PeerBudgetParts {
  readonly config: MachineConfig;
  readonly clock: Clock;
}

/** Ours. Peers of whom it is remembered what they were refused. */
const REMEMBERED_MAX = 4096;

/** Ours. Frames of more than some 16 KiB of one peer that are read at a time; a peer of ours sends one after another. */
const LARGE_FRAMES = { atOnce: 4, waitingMax: 64 };

const WORDS: Readonly<Record<Refusal, string>> = {
  stranger: "more frames from keys that are no members here than are read",
  work: "what this peer asks costs more than its part of this node's time",
  answers: "this peer, or all of them, left as many answers unread as are kept for it",
  incoming: "more unfinished frames than are kept for this peer",
  outgoing: "more is waiting for this peer than is kept for it",
};

/**
 * What peers may make this node hold, in bytes, and compute, in the price of what they ask: each for itself and all
 * together, strangers apart. Who is past it waits a little, then is refused, and that is counted.
 */
export class PeerBudget {
  /** Shares the thread among answers: what is large is made and written a piece at a time. */
  readonly turns: Turns;
  readonly #config: MachineConfig;
  readonly #clock: Clock;
  readonly #rates: RateLimit;
  readonly #strangers: StrangerLimit;
  readonly #work: WorkLimit;
  readonly #pools: Readonly<Record<"incoming" | "asked" | "strangers" | "answers" | "outgoing", Shares>>;
  readonly #largeFrames = new Lanes<PublicKey>(LARGE_FRAMES);
  readonly #refusals = new BoundedMap<PublicKey, Refusals>(REMEMBERED_MAX);
  /** Apart, for a stranger makes up as many keys as it likes. */
  readonly #strangerRefusals = new BoundedMap<PublicKey, Refusals>(REMEMBERED_MAX);
  readonly #waiting = new Map<PublicKey, number>();
  #refused = 0;
  #freed = Promise.withResolvers<void>();

  constructor({ clock, config }: PeerBudgetParts) {
    this.#config = config;
    this.#clock = clock;
    this.turns = new Turns(clock);
    this.#rates = new RateLimit(config);
    this.#strangers = new StrangerLimit(config);
    this.#work = new WorkLimit(config);
    const { answers, asked, incoming, outgoing, strangers } = config.held;
    this.#pools = {
      incoming: new Shares(incoming),
      asked: new Shares(asked),
      strangers: new Shares(strangers),
      answers: new Shares(answers),
      outgoing: new Shares(outgoing),
    };
  }

  /** Bytes of large answers and frames were written or read, whoever they were for. */
  noteMoved(bytes: number): void {
    noteMoved(this.#clock, bytes);
  }

  /** Everything refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  /** What `peer` was refused, as far as it is remembered. */
  refusals(peer: PublicKey): Refusals | undefined {
    return this.#refusals.get(peer) ?? this.#strangerRefusals.get(peer);
  }

  /** Bytes held for all peers together. */
  get heldBytes(): number {
    return Object.values(this.#pools).reduce((sum, pool) => sum + pool.total, 0);
  }

  /**
   * Waits until a frame of a member may be looked at, before anything of it is decoded: as long as it takes, for nothing
   * is lost, and its own writes stall.
   */
  async admit(peer: PublicKey, bytes: number): Promise<void> {
    for (;;) {
      const verdict = this.#rates.spend(peer, bytes, this.#clock.steady());
      if (verdict.allowed) return;
      await pause(this.#clock, verdict.retryAfterMs);
    }
  }

  /** The same for frames, and bytes of them that came, of one who is a member of nothing here. Throws `rate_limited` where that would be long. */
  async admitStranger(from: StrangerFrom, came: { readonly bytes: number; readonly frames: number }): Promise<void> {
    const spend = (nowMs: SteadyMs) => this.#strangers.spend(from, came, nowMs);
    await this.#paid(from.peer, "stranger", this.#config.strangers.waitMaxMs, spend);
  }

  /** Waits a little until `peer` can pay for `ms` of work that is about to be done for it. Throws `rate_limited`. */
  async pay(peer: PublicKey, ms: number): Promise<void> {
    if (ms > 0) await this.#paid(peer, "work", this.#config.work.waitMaxMs, (now) => this.#work.spend(peer, ms, now));
  }

  /** As `pay`, at once: `false` when `peer` cannot, and nothing is counted. */
  tryPay(peer: PublicKey, ms: number): boolean {
    return ms <= 0 || this.#work.spend(peer, ms, this.#clock.steady()).allowed;
  }

  /** Waits until one more large frame of `peer` may be read, to be disposed of once it is. Throws `rate_limited`. */
  async largeFrame(peer: PublicKey): Promise<Disposable> {
    const lane = await this.#largeFrames.enter(peer);
    if (lane === undefined) throw this.#refusal(peer, "incoming");
    return lane;
  }

  /** For what a stream of `peer` holds of a frame that is not looked at yet. `onLost` has to drop the stream. */
  incoming(peer: PublicKey, isMember: boolean, onLost: () => void): HeldBytes {
    const pool = this.#pools[isMember ? "incoming" : "strangers"];
    return new HeldBytes(pool, { peer, clock: this.#clock, ...this.#told(peer, "incoming", onLost, isMember) });
  }

  /** For what comes of the answer of `peer` to what this node asked by itself. `onLost` has to drop the stream. */
  asked(peer: PublicKey, onLost: () => void): HeldBytes {
    return new HeldBytes(this.#pools.asked, { peer, clock: this.#clock, ...this.#told(peer, "incoming", onLost) });
  }

  /** `peer` brought so many bytes of messages that were asked for and are kept: it has room before who brings less. */
  delivered(peer: PublicKey, bytes: number): void {
    this.#pools.asked.earn(peer, bytes, this.#clock.steady());
  }

  /** For what waits to be sent to `peer`. */
  outgoing(peer: PublicKey, onLost: () => void): HeldBytes {
    return new HeldBytes(this.#pools.outgoing, { peer, clock: this.#clock, ...this.#told(peer, "outgoing", onLost) });
  }

  /** How many bytes more may wait to be sent to `peer`; whatever it is, while nothing does. */
  outgoingRoom(peer: PublicKey): number {
    const held = this.#pools.outgoing.held(peer);
    return held === 0 ? Number.POSITIVE_INFINITY : this.#config.held.outgoing.perPeerBytes - held;
  }

  /** For an answer to `peer` that is not read yet; see `room`. `onLost` has to drop it. */
  answer(peer: PublicKey, onLost: () => void): HeldBytes {
    const told = this.#told(peer, "answers", onLost);
    const onFreed = () => this.#onFreed();
    return new HeldBytes(this.#pools.answers, { peer, clock: this.#clock, ...told, onFreed });
  }

  /** Waits a little until `held`, which is for an answer to `peer`, may hold so many bytes. Throws `rate_limited`. */
  async room(peer: PublicKey, held: HeldBytes, bytes: number): Promise<void> {
    if (held.tryResize(bytes)) return;
    const until = later(this.#clock.steady(), this.#config.work.waitMaxMs);
    await this.#inLine(peer, "answers", async () => {
      while (!held.tryResize(bytes)) {
        const leftMs = until - this.#clock.steady();
        if (leftMs <= 0) throw this.#refusal(peer, "answers");
        await atMost(this.#clock, leftMs, this.#freed.promise);
      }
    });
  }

  async #paid(peer: PublicKey, why: Refusal, maxMs: number, spend: (nowMs: SteadyMs) => RateVerdict): Promise<void> {
    let verdict = spend(this.#clock.steady());
    if (verdict.allowed) return;
    const until = later(this.#clock.steady(), maxMs);
    await this.#inLine(peer, why, async () => {
      while (!verdict.allowed) {
        const { retryAfterMs } = verdict;
        if (this.#clock.steady() + retryAfterMs > until) throw this.#refusal(peer, why, { retryAfterMs });
        await pause(this.#clock, retryAfterMs);
        verdict = spend(this.#clock.steady());
      }
    });
  }

  /** Only so much of one peer waits at a time. */
  async #inLine(peer: PublicKey, why: Refusal, work: () => Promise<void>): Promise<void> {
    const before = this.#waiting.get(peer) ?? 0;
    if (before >= this.#config.work.waitingMax) throw this.#refusal(peer, why);
    this.#waiting.set(peer, before + 1);
    try {
      await work();
    } finally {
      const left = this.#waiting.get(peer)! - 1;
      if (left === 0) this.#waiting.delete(peer);
      else this.#waiting.set(peer, left);
    }
  }

  #told(peer: PublicKey, why: Refusal, onLost: () => void, isMember = true) {
    const refuse = () => this.#refusal(peer, why, { isMember });
    return {
      onLost: () => {
        refuse();
        onLost();
      },
      refuse,
    };
  }

  #onFreed(): void {
    this.#freed.resolve();
    this.#freed = Promise.withResolvers<void>();
  }

  /** Counts a refusal and says it. */
  #refusal(
    peer: PublicKey,
    last: Refusal,
    { isMember = last !== "stranger", retryAfterMs }: { isMember?: boolean; retryAfterMs?: number } = {},
  ): EntmootError {
    this.#refused += 1;
    const refusals = isMember ? this.#refusals : this.#strangerRefusals;
    refusals.set(peer, { count: (refusals.get(peer)?.count ?? 0) + 1, last });
    const when = retryAfterMs === undefined ? "later" : `in ${Math.ceil(retryAfterMs / 1000)} s`;
    return new EntmootError("rate_limited", `busy: ${WORDS[last]}; try again ${when}`, { retryAfterMs });
  }
}

interface HeldParts {
  readonly peer: PublicKey;
  readonly clock: Pick<Clock, "steady">;
  readonly onLost: () => void;
  readonly refuse: () => EntmootError;
  readonly onFreed?: () => void;
}

/** Bytes that one stream, answer or outbox holds. Disposing gives them back. */
export class HeldBytes implements Disposable {
  readonly #pool: Shares;
  readonly #parts: HeldParts;
  #share: Holding | undefined;

  constructor(pool: Shares, parts: HeldParts) {
    this.#pool = pool;
    this.#parts = parts;
  }

  get bytes(): number {
    return this.#share?.bytes ?? 0;
  }

  /** Holds so many bytes from now on, or throws `rate_limited` and holds as many as before. */
  resize(bytes: number): void {
    if (!this.tryResize(bytes)) throw this.#parts.refuse();
  }

  /** As `resize`; `false` instead of a refusal, and nothing is counted. */
  tryResize(bytes: number): boolean {
    if (bytes === 0) {
      this[Symbol.dispose]();
      return true;
    }
    const { clock, onFreed, peer } = this.#parts;
    const nowMs = clock.steady();
    if (this.#share === undefined) {
      const onLost = () => {
        this.#share = undefined;
        this.#parts.onLost();
        onFreed?.();
      };
      this.#share = this.#pool.take(peer, bytes, onLost, nowMs);
      return this.#share !== undefined;
    }
    const isLess = bytes < this.#share.bytes;
    const isDone = this.#share.resize(bytes, nowMs);
    if (isLess) onFreed?.();
    return isDone;
  }

  /** The peer took some of it. */
  moved(): void {
    this.#share?.moved(this.#parts.clock.steady());
  }

  [Symbol.dispose](): void {
    if (this.#share === undefined) return;
    this.#share[Symbol.dispose]();
    this.#share = undefined;
    this.#parts.onFreed?.();
  }
}
