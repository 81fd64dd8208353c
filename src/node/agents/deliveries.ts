import { EntmootError } from "../../core/errors.ts";
import { shownKey } from "../../core/record/node-key.ts";
import { type AgentStore, DELIVER_DEFAULT } from "../../store/agent-store.ts";
import { DELIVERY_ROWS_MAX, type deliveries, RULES_MAX } from "../operations/listen.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moots, requireMoot } from "../read/moots.ts";
import type { Ledger } from "./ledger.ts";
import type { Listeners } from "./listeners.ts";
import { wakeLimitsForm } from "./wake-settings.ts";

/** Ours. Rows shown where nobody says how many. */
const LIMIT = 50;

interface DeliveryServices extends Moots {
  readonly agents: () => AgentStore;
  readonly ledger: Ledger;
  readonly listeners: Listeners;
}

/** Who listens here, what waits, and how many turns each member caused. */
export async function tellDeliveries(
  node: DeliveryServices,
  { group_id, limit = LIMIT }: RequestOf<typeof deliveries>,
): Promise<AnswerOf<typeof deliveries>> {
  if (limit < 1 || limit > DELIVERY_ROWS_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `deliveries: expected a limit from 1 to ${DELIVERY_ROWS_MAX}, found ${limit}`,
    );
  }
  await node.ledger.catchUp(group_id === undefined ? undefined : requireMoot(node, group_id));
  const isShown = (groupId: string) => group_id === undefined || groupId === group_id;
  return {
    waiting: node
      .agents()
      .waiting(limit, group_id)
      .map((row) => ({
        group_id: row.groupId,
        message_id: row.messageId,
        author_pubkey: shownKey(row.author),
        state: row.state,
        attempt: row.attempt,
        held: node.listeners.heldReason(row.messageId),
        queued_at_ms: BigInt(row.queuedAtMs),
        changed_at_ms: BigInt(row.changedAtMs),
      })),
    listeners: node.listeners.all.map((listener) => listener.row()),
    turns: node
      .agents()
      .turns()
      .filter(({ groupId }) => isShown(groupId))
      .map(({ author, groupId, lastMs, turns }) => ({
        group_id: groupId,
        author_pubkey: shownKey(author),
        turns,
        last_ms: BigInt(lastMs),
      })),
    limits: wakeLimitsForm(node.listeners.limits),
    rules: node
      .moots()
      .filter(({ id }) => isShown(id))
      .slice(0, RULES_MAX)
      .map(({ id }) => ({ rule: node.agents().rule(id), group_id: id }))
      .filter(({ rule }) => rule.deliver !== DELIVER_DEFAULT.deliver || rule.from.length > 0)
      .map(({ group_id: of, rule }) => ({ group_id: of, deliver: rule.deliver, from: rule.from.length })),
  };
}
