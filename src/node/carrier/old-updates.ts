import { BoundedMap } from "../../core/bounded-map.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { placeBefore } from "../../core/order/time-place.ts";
import { pageIds } from "../../wire/peer/id-page.ts";
import type { Group } from "../group/group.ts";
import { UPDATES_OFFERED } from "../group/group-policy.ts";
import type { Peers } from "./peers.ts";

/** Ours. How long an answer may take. */
const TIMEOUT_MS = 15_000;
/** Ours. Members, of all groups, whose last day is remembered; past it they are asked again. */
const ASKED_MAX = 4096;

/**
 * Looks for policy updates older than all that a member and this node compare. They count however old they are, and no
 * comparison shows that one is missing: so each member is asked for them once for each day that comparison begins at.
 */
export class OldUpdates {
  readonly #asked = new BoundedMap<string, number>(ASKED_MAX);

  /** After a comparison with `peer`; what it does not answer is asked for after the next. */
  async look(group: Group, peer: PublicKey, peers: Pick<Peers, "ask">): Promise<void> {
    const { outcome, sinceMs } = group.copyOf(peer) ?? { outcome: "unknown", sinceMs: 0 };
    const key = `${group.id} ${peer}`;
    // Who differs is listed, with these in front.
    if (outcome !== "equal" || sinceMs === 0 || this.#asked.get(key) === sinceMs) return;
    this.#asked.set(key, sinceMs);
    const after = placeBefore(BigInt(sinceMs));
    const question = { kind: "ids_req", group_id: group.id, limit: UPDATES_OFFERED, after } as const;
    try {
      const page = await peers.ask(peer, question, "ids_resp", TIMEOUT_MS);
      const ids = group.store.messages.unknown(pageIds(page.ids));
      if (ids.length > 0) group.tell({ kind: "announced", from: peer, ids });
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#asked.delete(key);
    }
  }
}
