import type { Clock } from "../../src/core/clock.ts";
import type { PublicKey } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { ClockWatch } from "../../src/machine/clock-watch.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { ChangeSignal } from "../../src/node/change-signal.ts";
import type { GroupParts } from "../../src/node/group/group.ts";
import type { GroupStore } from "../../src/store/group-store.ts";

/** What a group is made of that stands alone: what its machines decide stays undone. `say` gets its lines of the log. */
export function groupParts(given: {
  readonly store: GroupStore;
  readonly local: PublicKey;
  readonly clock: Clock;
  readonly say?: (line: string) => void;
}): GroupParts {
  const { say = () => {}, ...parts } = given;
  return {
    ...parts,
    config: MACHINE_DEFAULTS,
    random: new SeededRandom(1),
    watch: new ClockWatch(MACHINE_DEFAULTS.time),
    log: createLog("info", { write: say, now: () => new Date(given.clock.unix()) }),
    carryOut: undefined,
    instance: "test",
    changed: new ChangeSignal(),
    onMembers: () => {},
  };
}
