import type { Clock } from "../core/clock.ts";
import type { EntmootError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";
import type { RosterLog } from "../core/roster/roster-log.ts";
import type { Log } from "../host/log.ts";
import type { MachineConfig } from "../machine/machine-config.ts";
import type { DataRoot } from "../store/data-root.ts";
import type { CarrierSide } from "./carrier/carrier-side.ts";
import type { HintBook } from "./carrier/hint-book.ts";
import type { Group } from "./group/group.ts";
import type { TwinWatch } from "./twin-watch.ts";

/** What the parts of a node share. */
export interface NodeContext {
  readonly identity: Identity;
  /** The key of `identity`. */
  readonly local: PublicKey;
  readonly root: DataRoot;
  readonly hints: HintBook;
  readonly log: Log;
  readonly clock: Clock;
  /** Whether this node's key, or a member's, runs in two places. */
  readonly twins: TwinWatch;
  /** Limits and times of every machine here. */
  readonly config: MachineConfig;
  /** `undefined` in a process that opened no carrier. */
  readonly carrier: CarrierSide | undefined;
  /** Joined groups in a fixed order. */
  readonly groups: () => readonly Group[];
  readonly group: (id: GroupId) => Group | undefined;
  /** Throws `group_not_found`. */
  readonly requireGroup: (id: GroupId) => Group;
  /** Those that are here and could not be opened, with why. */
  readonly unopened: () => ReadonlyMap<GroupId, EntmootError>;
  /** Opens the machines of a group that has just become joined. `verified`: its whole log, which the store was just given. */
  readonly adopt: (id: GroupId, verified?: RosterLog) => Group;
  /** Forgets a group that did not come to be, and deletes what was kept of it. */
  readonly abandon: (id: GroupId) => void;
  /** Ends a daemon's part in a group that its owner has declined; what it holds stays. */
  readonly setAside: (id: GroupId) => Promise<void>;
  /** Throws `conflict` while this group is being closed: what is made of it then would go with it. */
  readonly refuseGoing: (id: GroupId) => void;
  /** The id this node would have in a group it creates or joins now. */
  readonly nodeIdNow: () => number;
  /** How this node wants to be shown; empty for no name. */
  readonly hostname: string;
}
