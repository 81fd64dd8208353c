import type { Clock } from "../../src/core/clock.ts";
import { MACHINE_DEFAULTS, type MachineConfig } from "../../src/machine/machine-config.ts";
import { PeerBudget } from "../../src/node/carrier/peer-budget.ts";

/** What a carrier side gives to peers, with some limits of the test's own. */
export function budgetOf(clock: Clock, parts: Partial<MachineConfig> = {}): PeerBudget {
  return new PeerBudget({ clock, config: { ...MACHINE_DEFAULTS, ...parts } });
}
