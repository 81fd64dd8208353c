import type { SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey, type RosterEntryId } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import {
  entriesPage,
  PROOF_PAGE_BYTES,
  type RosterProofReq,
  type RosterProofResp,
} from "../../wire/peer/roster-forks-frames.ts";
import type { Group } from "../group/group.ts";
import type { GroupRoster } from "../group/group-roster.ts";

/** Ours. Pages for one former member: a log of ten thousand entries at once, then one in a quarter of a minute. */
const PEER_BUCKET = [{ perSecond: 1 / 15, burst: 16 }];
/** Ours. For all former members together: a page costs a millisecond. */
const ALL_BUCKET = [{ perSecond: 1, burst: 64 }];
const PEERS_MAX = 4096;

/** Answers who is refused as a stranger and once was a member, so that it learns that it is out, and nothing later. */
export class RemovalProofs {
  readonly #byPeer = new BucketTable<SteadyMs>(PEER_BUCKET, PEERS_MAX);
  readonly #all = new BucketTable<SteadyMs>(ALL_BUCKET, 1);

  /** Throws `not_member` for a key that the roster never named, `rate_limited`, and `not_found` for a head nobody knows. */
  answer(group: Group | undefined, from: PublicKey, frame: RosterProofReq, now: SteadyMs): RosterProofResp {
    // One answer for no such group and no such key: whether a group is here is nobody's business but its members'.
    if (group === undefined || !group.roster.knowsAuthor(from)) {
      throw new EntmootError("not_member", "not a member of this group here");
    }
    if (this.#byPeer.spend(from, [1], now) !== undefined || this.#all.spend("", [1], now) !== undefined) {
      throw new EntmootError("rate_limited", "roster proof: asked for too often; try again in a minute");
    }
    const { roster } = group;
    const entries = provingEntries(roster, from, frame.head);
    if (entries === undefined) throw new EntmootError("not_found", "roster: this entry is not in our log");
    const page = entriesPage(entries, PROOF_PAGE_BYTES);
    return { kind: "roster_proof_resp", group_id: group.id, ...page, heals: roster.heals };
  }
}

/**
 * What `peer`, whose log ends at `head`, has to see: entries up to the one that removed it; on a lost history, those of
 * the kept one up to the entry that the heal names; on a history that nobody has decided on, the entry that parts from it.
 * `undefined` when its head is not known.
 */
function provingEntries(roster: GroupRoster, peer: PublicKey, head: RosterEntryId): readonly RosterEntry[] | undefined {
  const { log } = roster;
  const removal = log.removalOf(PublicKey.toBytes(peer));
  const removedAt = removal === undefined ? undefined : log.position(removal.id);
  const at = log.position(head);
  if (at !== undefined) return removedAt === undefined ? [] : log.entries.slice(at + 1, removedAt + 1);
  const history = roster.historyTo(head);
  const fork = history?.findLast(({ id }) => log.has(id));
  if (fork === undefined) return undefined;
  const forkAt = log.position(fork.id)!;
  if (removedAt !== undefined && removedAt > forkAt) return log.entries.slice(forkAt + 1, removedAt + 1);
  const heal = roster.heals.find((each) => each.fork === fork.id);
  const keptAt = heal && log.position(heal.kept);
  return log.entries.slice(forkAt + 1, (keptAt ?? forkAt + 1) + 1);
}
