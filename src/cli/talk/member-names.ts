import type { Clock, SteadyMs } from "../../core/clock.ts";
import type { GroupId } from "../../core/ids.ts";
import { members } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";

/** Ours. Names change seldom; a roster may be long, and messages come many at once. */
const KEPT_MS = 1_000;
/** Ours. Moots whose names are kept at a time. */
const MOOTS_MAX = 64;

type Names = ReadonlyMap<number, string>;

/** What members want to be called, by node id, asked anew when it may have changed. */
export class MemberNames {
  readonly #node: Operations;
  readonly #clock: Clock;
  readonly #ownName: string;
  readonly #kept = new Map<GroupId, { readonly names: Names; readonly at: SteadyMs }>();

  /** `ownName` is this node's where its roster does not tell it yet. */
  constructor(node: Operations, clock: Clock, ownName: string) {
    this.#node = node;
    this.#clock = clock;
    this.#ownName = ownName;
  }

  async of(groupId: GroupId): Promise<Names> {
    const kept = this.#kept.get(groupId);
    const now = this.#clock.steady();
    if (kept !== undefined && now - kept.at < KEPT_MS) return kept.names;
    const known = await this.#node.call(members, { group_id: groupId });
    const names = new Map(known.members.map((row) => [row.node_id, row.hostname || (row.self ? this.#ownName : "")]));
    if (this.#kept.size >= MOOTS_MAX) this.#kept.clear();
    this.#kept.set(groupId, { names, at: now });
    return names;
  }

  /** Somebody came, went or was heard of: what a moot's members are called may be known better now. */
  forget(groupId: GroupId): void {
    this.#kept.delete(groupId);
  }
}
