import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { SaltedMap } from "../core/salted-map.ts";

/**
 * Which member is being asked for which body, so that several pulls share the work and nothing is brought twice. A
 * claim lasts a moment: who has not delivered by then no longer keeps others from being asked.
 */
export class PullClaims {
  readonly #claims = new SaltedMap<MessageId, { readonly by: PublicKey; readonly untilMs: SteadyMs }>();

  /** True while some member may be expected to deliver `id`. */
  has(id: MessageId, nowMs: SteadyMs): boolean {
    const claim = this.#claims.get(id);
    return claim !== undefined && nowMs < claim.untilMs;
  }

  /** True while a member other than `peer` may be expected to deliver `id`. */
  isElsewhere(id: MessageId, peer: PublicKey, nowMs: SteadyMs): boolean {
    const claim = this.#claims.get(id);
    return claim !== undefined && claim.by !== peer && nowMs < claim.untilMs;
  }

  take(ids: readonly MessageId[], by: PublicKey, untilMs: SteadyMs): void {
    for (const id of ids) this.#claims.set(id, { by, untilMs });
  }

  release(ids: readonly MessageId[], by: PublicKey): void {
    for (const id of ids) if (this.#claims.get(id)?.by === by) this.#claims.delete(id);
  }
}
