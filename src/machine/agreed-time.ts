import type { SteadyMs, UnixMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";

/** Whether the date of this machine counts in one moot, and why. */
export type TimeVerdict =
  /** Most members heard of late have the same time. */
  | { readonly kind: "agreed"; readonly heard: number }
  /** Most have another. `offsetMs`: how far the middle one is ahead of ours, behind below 0. */
  | { readonly kind: "disputed"; readonly heard: number; readonly offsetMs: number }
  /** Nobody was heard, and the clock has run long enough without a jump. */
  | { readonly kind: "steady" }
  /** Too few were heard, or nobody: `restMs` more, unless others are heard. */
  | { readonly kind: "unproved"; readonly heard: number; readonly restMs: number };

export interface AgreedTimeConfig {
  /** How far two clocks may be apart that have the same time. */
  readonly toleranceMs: number;
  /** What a member said counts for this long. */
  readonly heardMs: number;
  /** How long a clock runs without a jump before it is believed alone. */
  readonly aloneMs: number;
  /** How long after the first member was heard the others are waited for, unless half of them were. */
  readonly settleMs: number;
}

interface Heard {
  /** The member's date when our steady clock was at 0, so that a jump of ours shows in it at once. */
  readonly unixAtZero: number;
  readonly at: SteadyMs;
}

/** What the members of one moot say of the time. Nothing is removed, or refused for its age, on the word of one clock. */
export class AgreedTime {
  readonly #config: AgreedTimeConfig;
  /** Only members, so the roster bounds it. */
  readonly #heard = new Map<PublicKey, Heard>();
  #members: KeySet<PublicKey> = new Set();
  #firstAt: SteadyMs | undefined;

  constructor(config: AgreedTimeConfig) {
    this.#config = config;
  }

  /** `members` without this node's own key. Who is none of them any more is forgotten. */
  setMembers(members: KeySet<PublicKey>): void {
    this.#members = members;
    for (const peer of this.#heard.keys()) if (!members.has(peer)) this.#heard.delete(peer);
  }

  /** `peer` said just now that it was `theirs`. */
  hear(peer: PublicKey, theirs: UnixMs, at: SteadyMs): void {
    if (!this.#members.has(peer)) return;
    this.#firstAt ??= at;
    this.#heard.set(peer, { unixAtZero: theirs - at, at });
  }

  /** The date here jumped, or this machine slept: what was said before says nothing any more. */
  forget(): void {
    this.#heard.clear();
    this.#firstAt = undefined;
  }

  /** `steadyForMs`: for how long this machine's date has gone on without a jump. */
  verdict(unix: UnixMs, steady: SteadyMs, steadyForMs: number): TimeVerdict {
    const offsets = this.#offsets(unix, steady);
    const heard = offsets.length;
    if (heard === 0) {
      this.#firstAt = undefined;
      const restMs = this.#config.aloneMs - steadyForMs;
      return restMs <= 0 ? { kind: "steady" } : { kind: "unproved", heard, restMs };
    }
    const near = offsets.filter((offset) => Math.abs(offset) <= this.#config.toleranceMs).length;
    if (near * 2 > heard) {
      const restMs = heard * 2 > this.#members.size ? 0 : (this.#firstAt ?? steady) + this.#config.settleMs - steady;
      return restMs <= 0 ? { kind: "agreed", heard } : { kind: "unproved", heard, restMs };
    }
    return { kind: "disputed", heard, offsetMs: offsets[heard >>> 1]! };
  }

  /** How far each member heard of late is ahead of us, ascending. */
  #offsets(unix: UnixMs, steady: SteadyMs): number[] {
    const offsets: number[] = [];
    for (const [peer, { at, unixAtZero }] of this.#heard) {
      if (steady - at > this.#config.heardMs) this.#heard.delete(peer);
      else offsets.push(unixAtZero + steady - unix);
    }
    return offsets.sort((a, b) => a - b);
  }
}

/** Whether something may be removed, or refused for its age, under this verdict. */
export function isTimeGood({ kind }: TimeVerdict): boolean {
  return kind === "agreed" || kind === "steady";
}
