import { MACHINE_DEFAULTS, type MachineConfig } from "../../src/machine/machine-config.ts";

/** A daemon's machines with times a thousandth as long, for real nodes that are to agree within a test. */
export const FAST: MachineConfig = {
  ...MACHINE_DEFAULTS,
  partners: { ...MACHINE_DEFAULTS.partners, downFirstMs: 20, downMaxMs: 100, exhaustedMs: 10 },
  catchUp: {
    ...MACHINE_DEFAULTS.catchUp,
    compareEveryMs: [30, 60],
    partialCooldownMs: [10, 20],
    failureFirstMs: 20,
    failureMaxMs: 100,
    spreadAfterMs: [1, 10],
    confirmAfterMs: 10,
    offeredEveryMs: 10,
    metAgainMs: 1,
    refusedMs: 50,
  },
  rosterExchange: { ...MACHINE_DEFAULTS.rosterExchange, askMs: 10, badMs: 100, pushMs: 20 },
  dialBackoff: { ...MACHINE_DEFAULTS.dialBackoff, waitFirstMs: 10, waitMaxMs: 50 },
};
