import { EntmootError } from "../../core/errors.ts";
import { POLICY_TOPIC } from "../../core/policy/policy-update.ts";
import { dayText, startOfDay } from "../../core/policy/retention.ts";
import { decodeMessage } from "../../core/record/message.ts";
import { isTimeGood } from "../../machine/agreed-time.ts";
import type { MessageQuery } from "../../store/group-store.ts";
import type { Group } from "../group/group.ts";
import type { NodeContext } from "../node-context.ts";
import type { Pruned, PruneProgress, prune } from "../operations/care.ts";
import type { Call } from "../operations/implementation.ts";
import type { RequestOf } from "../operations/operation.ts";
import { Turns } from "../turns.ts";

/** Ours. Updates of the founder looked at in one turn: each is a message to be read. */
const STEP_MESSAGES = 64;

/** Removes what the owner does not keep, a piece a turn; see `docs/care.md`. */
export async function pruneMoot(
  { clock, requireGroup }: Pick<NodeContext, "clock" | "requireGroup">,
  request: RequestOf<typeof prune>,
  call: Call<PruneProgress>,
): Promise<Pruned> {
  const group = requireGroup(request.group_id);
  const beforeMs = askedFor(group, request, clock.unix());
  const { messages } = group.store;
  const turns = new Turns(clock);
  await turns.take();
  const total = await countBefore(group, BigInt(beforeMs), turns);
  const said = { group_id: group.id, before_ms: beforeMs };
  if (request.dry_run) return { ...said, messages: total, left: messages.size - total, dry_run: true };
  group.retention.keepFrom(beforeMs);
  let removed = 0;
  for (let gone = -1; gone !== 0 && beforeMs > 0; ) {
    await turns.take();
    call.signal.throwIfAborted();
    gone = group.retention.pruneStep();
    removed += gone;
    if (gone > 0) await call.emit({ removed, total: Math.max(total, removed) });
  }
  // What retention removed beside it went for the same reason.
  return { ...said, messages: Math.max(removed, total), left: messages.size, dry_run: false };
}

/** The start of a day; 0 to keep what the policy keeps. */
function askedFor(group: Group, request: RequestOf<typeof prune>, now: number): number {
  const { before_ms, lift = false, older_than_ms } = request;
  const given = [before_ms !== undefined, older_than_ms !== undefined, lift].filter(Boolean).length;
  if (given !== 1) {
    throw new EntmootError("invalid_argument", "prune: expected one of older_than_ms, before_ms and lift");
  }
  if (lift) return 0;
  if (older_than_ms !== undefined) requireTime(group, now - older_than_ms, now);
  const asked = before_ms ?? now - older_than_ms!;
  const beforeMs = Math.max(0, Number(startOfDay(BigInt(Math.floor(asked)))));
  if (beforeMs > now) {
    throw new EntmootError("invalid_argument", `prune: ${dayText(BigInt(beforeMs))} is a day that has not come here`);
  }
  if (beforeMs === 0) throw new EntmootError("invalid_argument", "prune: expected a day after 1970-01-01");
  return beforeMs;
}

/** Nothing goes on the word of one clock: who names the day himself vouches for it. */
function requireTime({ retention }: Group, asked: number, now: number): void {
  if (isTimeGood(retention.state.time)) return;
  const day = (ms: number) => dayText(startOfDay(BigInt(Math.floor(ms))));
  throw new EntmootError(
    "unavailable",
    `prune: whether the date here, ${day(now)}, is right is not known: no members agree on it yet; name the day itself: -before ${day(asked)}`,
  );
}

async function countBefore({ retention, store: { messages } }: Group, before: bigint, turns: Turns): Promise<number> {
  let count = messages.size - messages.countSince(before);
  const { exempt } = retention;
  if (count === 0 || exempt === undefined) return count;
  const { author_node_id } = exempt;
  let from: MessageQuery["from"];
  do {
    await turns.take();
    const query = { until: before, author_node_id, topic: POLICY_TOPIC, order: "asc", limit: STEP_MESSAGES } as const;
    const { found, rest } = messages.query(from === undefined ? query : { ...query, from });
    count -= found.filter(({ canonical }) => decodeMessage(canonical).timestamp < before).length;
    from = rest;
  } while (from !== undefined);
  return count;
}
