import type { AgentChanges } from "../../store/agent-store.ts";
import type { RowMoved } from "./ledger.ts";

/** Counts the turn that these messages became, once for each moot and author among them. */
export function countTurns(to: AgentChanges, made: readonly RowMoved[], nowMs: number): void {
  const taken = made.filter(({ after: { state }, before }) => {
    return before.state === "handed" && (state === "delivered" || state === "read" || state === "uncertain");
  });
  const pairs = new Map(
    taken.map(({ after: { author, groupId } }) => [`${groupId}${author ?? ""}`, { author, groupId }]),
  );
  for (const { author, groupId } of pairs.values()) to.countTurn(groupId, author, nowMs);
}
