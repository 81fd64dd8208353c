import { unixMs } from "../../src/core/clock.ts";
import { createGenesis, createRosterEntry, type RosterChange } from "../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import type { TestIdentity } from "./identity.ts";

/** A log founded by the first of `members` at 1,700,000,000,000 ms, the others added a millisecond apart. */
export function roster(members: readonly [TestIdentity, ...TestIdentity[]]): RosterLog {
  const [founder, ...rest] = members;
  const genesis = createGenesis({ seed: founder.seed, nowMs: unixMs(1_700_000_000_000), nodeId: founder.nodeId });
  const start = RosterLog.empty.acceptGenesis(genesis);
  if (!start.ok) throw new Error(start.rejection);
  return rest.reduce(
    (log, { publicKey, nodeId }) => changed(log, founder, { op: "add", key: publicKey, nodeId }),
    start.log,
  );
}

/** `log` after a change by its founder, at `nowMs` or a millisecond after the entry before. */
export function changed(log: RosterLog, founder: TestIdentity, change: RosterChange, nowMs = 0): RosterLog {
  const step = log.apply(createRosterEntry({ log, seed: founder.seed, nowMs: unixMs(nowMs), change }));
  if (!step.ok) throw new Error(step.rejection);
  return step.log;
}
