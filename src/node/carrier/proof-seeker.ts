import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { Log } from "../../host/log.ts";
import type { Group } from "../group/group.ts";
import type { Turns } from "../turns.ts";
import { askProof, type ForksTold } from "./ask-roster.ts";
import type { Peers } from "./peers.ts";
import { lookAtPages, takeForks } from "./told-rosters.ts";

/** Ours. One member is asked no more often than this why it takes us for a stranger. */
const ASK_AGAIN_MS = 60_000;
/** Ours. Members that were asked; the one asked longest ago may be asked again at once. */
const ASKED_MAX = 4096;
/** Ours. Members asked at once about one moot: past it the one asked first has had its time. One that does not answer keeps nobody else from it. */
const AT_ONCE = 8;
/** Ours. An original's roster, which it sends whole. */
const ORIGINAL_TIMEOUT_MS = 30_000;

/** Finds out why a member takes this node for a stranger: the founder may have removed it while it was away. */
export class ProofSeeker {
  readonly #parts: { readonly peers: Peers; readonly clock: Clock; readonly turns: Turns; readonly log: Log };
  readonly #asked = new BoundedMap<string, SteadyMs>(ASKED_MAX);
  readonly #underWay = new Map<Group, Map<PublicKey, AbortController>>();

  constructor(parts: { readonly peers: Peers; readonly clock: Clock; readonly turns: Turns; readonly log: Log }) {
    this.#parts = parts;
  }

  /** `peer` refused us, or ended a stream without an answer. Asks it why, unless it was asked of late. */
  seek(group: Group, peer: PublicKey): void {
    const underWay = this.#underWay.get(group) ?? new Map<PublicKey, AbortController>();
    if (group.self === undefined || !group.roster.members.has(peer) || underWay.has(peer)) return;
    const key = `${group.id} ${peer}`;
    const now = this.#parts.clock.steady();
    const before = this.#asked.get(key);
    if (before !== undefined && now - before < ASK_AGAIN_MS) return;
    this.#asked.set(key, now);
    const [first] = underWay;
    if (underWay.size >= AT_ONCE) first?.[1].abort(new EntmootError("timeout", "others are asked in its place"));
    const ending = new AbortController();
    this.#underWay.set(group, underWay.set(peer, ending));
    this.#seek(group, peer, ending.signal)
      .catch((error: unknown) => {
        if (!(error instanceof EntmootError)) throw error;
        // It does not know us yet, is away again, or is of a version without an answer: others are asked when they are met.
        this.#parts.log.debug(`group ${group.id.slice(0, 12)}: ${peer.slice(0, 12)} gives no proof: ${error.message}`);
      })
      .finally(() => {
        underWay.delete(peer);
        if (underWay.size === 0) this.#underWay.delete(group);
      });
  }

  async #seek(group: Group, peer: PublicKey, signal: AbortSignal): Promise<void> {
    const told = await this.#told(group, peer, signal);
    if (told.entries.length > 0 || told.heals.length > 0) await takeForks(group, told, peer, this.#parts.turns);
  }

  async #told(group: Group, to: PublicKey, signal: AbortSignal): Promise<ForksTold> {
    const { peers, turns } = this.#parts;
    const question = { peers, groupId: group.id, to, isGood: lookAtPages(group, turns), signal };
    try {
      return await askProof({ ...question, head: group.roster.head });
    } catch (error) {
      // An original knows no such question, and tells anybody its roster.
      if (!(error instanceof EntmootError) || error.code !== "unsupported") throw error;
      const request = { kind: "roster_req", group_id: group.id, since_head: undefined } as const;
      const { entries } = await peers.ask(to, request, "roster_resp", ORIGINAL_TIMEOUT_MS, { signal });
      return { entries, heals: [] };
    }
  }
}
