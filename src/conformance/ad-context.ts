import { unixMs } from "../core/clock.ts";
import { GroupId } from "../core/ids.ts";
import type { AdContext } from "../core/record/ad.ts";
import { hexField, listField, numberField } from "./fields.ts";
import { rosterField, rosterOf } from "./roster-of.ts";
import type { VectorCase } from "./subject.ts";

/** What the node of an `ingest` case knows. Its senders are never over their rate. */
export function adContext(vector: VectorCase): AdContext {
  const roster = rosterOf(rosterField(vector));
  return {
    groupId: GroupId.fromBytes(hexField(vector, "group_id")),
    localNodeId: numberField(vector, "local_node"),
    nowMs: unixMs(numberField(vector, "now_ms")),
    isSenderTrusted: listField(vector, "trusted").includes(numberField(vector, "from")),
    memberKey: (nodeId) => roster.member(nodeId)?.entmoot_pubkey,
    charge: () => true,
  };
}
