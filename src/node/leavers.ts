import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId, PublicKey } from "../core/ids.ts";
import { createRosterEntry } from "../core/roster/roster-change.ts";
import { requireMaySign } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import { isLeaveOf } from "./group/leaves.ts";
import type { NodeContext } from "./node-context.ts";

/**
 * Takes who says that it has left off the rosters of the moots that this node founded: one member in a turn, as each is an
 * entry on the disk and a roster to go through, and a founder that was away may come back to hundreds.
 */
export class Leavers implements Disposable {
  readonly #node: NodeContext;
  readonly #clock: Pick<Clock, "after">;
  readonly #next = new Map<GroupId, Disposable>();
  #closed = false;

  constructor(node: NodeContext) {
    this.#node = node;
    this.#clock = node.clock;
  }

  /** Looks soon whether there are any. */
  look(group: Group): void {
    if (this.#closed || !group.isFounder || this.#next.has(group.id)) return;
    this.#next.set(
      group.id,
      this.#clock.after(0, () => this.#turn(group)),
    );
  }

  /** Of a moot that goes. */
  forget(id: GroupId): void {
    this.#next.get(id)?.[Symbol.dispose]();
    this.#next.delete(id);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const id of [...this.#next.keys()]) this.forget(id);
  }

  #turn(group: Group): void {
    this.#next.delete(group.id);
    try {
      if (this.#removeOne(group)) this.look(group);
    } catch (error) {
      // A full disk, a fork, a copy that may be old: it is tried again with each comparison.
      if (!(error instanceof EntmootError)) throw error;
      this.#node.log.debug(`group ${GroupId.toBase64(group.id)}: who left is not removed yet: ${error.message}`);
    }
  }

  /** Whether there was one. */
  #removeOne(group: Group): boolean {
    const { carrier, clock, identity } = this.#node;
    if (carrier === undefined || this.#node.group(group.id) !== group || !group.isFounder) return false;
    for (const key of carrier.notes.of(group).leaving()) {
      const nodeId = group.roster.members.get(key)?.pilot_node_id;
      const note = group.store.notes.get({ kind: "leave", author: key });
      if (nodeId === undefined || note === undefined || !isLeaveOf(note, group.roster)) continue;
      requireMaySign(this.#node, group, { alone: false });
      const change = { op: "remove", nodeId, key: PublicKey.toBytes(key) } as const;
      group.appendRoster(
        createRosterEntry({ log: group.roster.log, seed: identity.seed, nowMs: clock.unix(), change }),
      );
      return true;
    }
    return false;
  }
}
