import { instantText } from "../core/amounts.ts";
import { RosterEntryId } from "../core/ids.ts";
import type { HistoryRow } from "../node/operations/membership.ts";
import type { MemberRow } from "../node/operations/moots.ts";
import { nameOf } from "./event-line.ts";

/** A member as `roster list -json` prints it. */
export function memberJson(row: MemberRow) {
  return {
    node_id: row.node_id,
    entmoot_pubkey: row.entmoot_pubkey.toBase64(),
    hostname: row.hostname,
    ...(row.self ? { self: true } : {}),
    founder: row.founder,
    status: row.left_ms > 0 ? "left" : "member",
    since_ms: Number(row.since_ms),
    by_node_id: row.by_node_id,
    ...(row.entry_id === undefined ? {} : { entry_id: RosterEntryId.toBase64(row.entry_id) }),
    ...(row.left_ms > 0 ? { left_ms: row.left_ms } : {}),
  };
}

/** The same for people. */
export function memberLine(row: MemberRow, names: ReadonlyMap<number, string>): string {
  const what = [
    ...(row.self ? ["you"] : []),
    row.founder ? `founded it ${instantText(Number(row.since_ms))}` : addedText(row, names),
    ...(row.left_ms > 0 ? [`left ${instantText(row.left_ms)}`] : []),
  ];
  const key = row.entmoot_pubkey.length === 0 ? "no key" : row.entmoot_pubkey.toBase64();
  return `${nameOf(row.node_id, row.hostname)}  ${key}  ${what.join(", ")}`;
}

function addedText({ by_node_id, since_ms }: MemberRow, names: ReadonlyMap<number, string>): string {
  return `since ${instantText(Number(since_ms))} by ${nameOf(by_node_id, names.get(by_node_id))}`;
}

/** An entry as `roster history -json` prints it. */
export function historyJson(row: HistoryRow) {
  const isMembers = row.op !== "policy_change";
  return {
    number: row.number,
    entry_id: RosterEntryId.toBase64(row.entry_id),
    op: row.op,
    ...(isMembers
      ? { node_id: row.node_id, entmoot_pubkey: row.entmoot_pubkey.toBase64(), hostname: row.hostname }
      : {}),
    by_node_id: row.by_node_id,
    at_ms: Number(row.at_ms),
    ...(row.member ? { member: true } : {}),
    ...(row.left_ms > 0 ? { left_ms: row.left_ms } : {}),
  };
}

const DONE = { add: "added", remove: "removed", policy_change: "said the policy it was founded with" } as const;

/** The same for people. */
export function historyLine(row: HistoryRow, names: ReadonlyMap<number, string>): string {
  const by = nameOf(row.by_node_id, names.get(row.by_node_id));
  const when = instantText(Number(row.at_ms));
  if (row.op === "policy_change") return `#${row.number}  ${when}  ${by} ${DONE[row.op]}`;
  const whom = nameOf(row.node_id, row.hostname);
  const key = row.entmoot_pubkey.length === 0 ? "no key" : row.entmoot_pubkey.toBase64();
  const left = row.left_ms > 0 ? `  (it had left at ${instantText(row.left_ms)})` : "";
  const deed = row.number === 0 ? "founded the moot" : `${DONE[row.op]} ${whom}`;
  return `#${row.number}  ${when}  ${by} ${deed}  ${key}${row.member ? "  (a member now)" : left}`;
}
