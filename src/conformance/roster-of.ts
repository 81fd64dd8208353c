import { unixMs } from "../core/clock.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { createGenesis } from "../core/roster/roster-change.ts";
import { signRosterEntry } from "../core/roster/roster-entry.ts";
import { RosterLog } from "../core/roster/roster-log.ts";
import { hexField, numberField, objectListField } from "./fields.ts";
import type { VectorCase } from "./subject.ts";

const FOUNDER_SEED = new Uint8Array(32).fill(0xf0);
/** No vector uses it. */
const FOUNDER_ID = 0xfffffff0;

/** The members a case lists under `roster`. */
export function rosterField(vector: VectorCase): NodeInfo[] {
  return objectListField(vector, "roster").map((member) => ({
    pilot_node_id: numberField(member, "pilot_node_id"),
    entmoot_pubkey: hexField(member, "entmoot_pubkey"),
  }));
}

/** A real log with these members beside its founder. Throws when a checked step is refused. */
export function rosterOf(members: readonly NodeInfo[]): RosterLog {
  const start = RosterLog.empty.acceptGenesis(
    createGenesis({ seed: FOUNDER_SEED, nowMs: unixMs(1), nodeId: FOUNDER_ID }),
  );
  if (!start.ok) throw new Error(start.rejection);
  let { log } = start;
  for (const [i, subject] of members.entries()) {
    const step = log.apply(
      signRosterEntry({
        seed: FOUNDER_SEED,
        op: "add",
        subject,
        policy: undefined,
        actor: FOUNDER_ID,
        timestamp: BigInt(i + 2),
        parents: [log.head],
      }),
    );
    if (!step.ok) throw new Error(step.rejection);
    log = step.log;
  }
  return log;
}
