import { durationText } from "../../core/amounts.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { KeptConsumer } from "../../store/group-store.ts";
import {
  AGENT_PREFIX,
  type ConsumerRow,
  type consumer_advance,
  type consumer_forget,
  type consumer_lease,
  type consumer_list,
  type consumer_release,
  LEASE_MAX_MS,
  NAME_MAX,
} from "../operations/consumers.ts";
import type { Call, Caller } from "../operations/implementation.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { placeOfSeq, seqOfPlace } from "./places.ts";

/** Ours. Half of a moot's consumers, so that the owner's programs always find room. */
const AGENT_CONSUMERS_MAX = 512;

/** How a consumer that `caller` calls `name` is kept. Throws `invalid_argument` for no name. */
export function consumerNameOf(caller: Caller, name: string): string {
  if (name === "") throw new EntmootError("invalid_argument", "consumer: expected a name");
  const bytes = Buffer.byteLength(name);
  if (caller === "agent" && bytes > NAME_MAX) {
    throw new EntmootError("invalid_argument", `consumer: expected a name of at most ${NAME_MAX} bytes, got ${bytes}`);
  }
  return caller === "agent" ? `${AGENT_PREFIX}${name}` : name;
}

type ConsumerRequest = Pick<Call<never>, "caller">;

export function listConsumers(
  moots: Moots,
  { group_id }: RequestOf<typeof consumer_list>,
  { caller }: ConsumerRequest,
): AnswerOf<typeof consumer_list> {
  const moot = requireMoot(moots, group_id);
  const kept = moot.store.consumers.list().filter(({ name }) => caller === "owner" || name.startsWith(AGENT_PREFIX));
  return { group_id, consumers: kept.map((consumer) => rowOf(moot, caller, consumer)) };
}

export function advanceConsumer(
  moots: Moots,
  request: RequestOf<typeof consumer_advance>,
  { caller }: ConsumerRequest,
): ConsumerRow {
  const moot = requireMoot(moots, request.group_id);
  const name = consumerNameOf(caller, request.consumer);
  if (caller === "agent") requireRoom(moot, name);
  moot.store.consumers.advance(name, seqOfPlace(moot, request.place), request.token);
  return rowNamed(moot, caller, name);
}

export function leaseConsumer(
  moots: Moots & { readonly clock: Clock },
  { consumer, group_id, owner, ttl_ms: ttlMs }: RequestOf<typeof consumer_lease>,
  { caller }: ConsumerRequest,
): AnswerOf<typeof consumer_lease> {
  const moot = requireMoot(moots, group_id);
  const name = consumerNameOf(caller, consumer);
  if (ttlMs > LEASE_MAX_MS) {
    const most = `ttl_ms of at most ${LEASE_MAX_MS} (${durationText(LEASE_MAX_MS)})`;
    throw new EntmootError("invalid_argument", `lease: expected ${most}, got ${ttlMs}; renew it while you work`);
  }
  if (caller === "agent") requireRoom(moot, name);
  const lease = moot.store.consumers.acquireLease({ consumer: name, owner, ttlMs, nowMs: moots.clock.unix() });
  return { granted: lease !== undefined, consumer: rowNamed(moot, caller, name) };
}

export function releaseConsumer(
  moots: Moots,
  { consumer, group_id, token }: RequestOf<typeof consumer_release>,
  { caller }: ConsumerRequest,
): AnswerOf<typeof consumer_release> {
  requireMoot(moots, group_id).store.consumers.releaseLease(consumerNameOf(caller, consumer), token);
  return {};
}

export function forgetConsumer(
  moots: Moots,
  { consumer, group_id }: RequestOf<typeof consumer_forget>,
  { caller }: ConsumerRequest,
): AnswerOf<typeof consumer_forget> {
  requireMoot(moots, group_id).store.consumers.forget(consumerNameOf(caller, consumer));
  return {};
}

/** Throws `conflict` when agents have made all the consumers they may and `name` is not one of them. */
function requireRoom({ store }: Moot, name: string): void {
  if (store.consumers.get(name) !== undefined) return;
  const made = store.consumers.list().filter((consumer) => consumer.name.startsWith(AGENT_PREFIX));
  if (made.length < AGENT_CONSUMERS_MAX) return;
  throw new EntmootError(
    "conflict",
    `consumers: agents keep at most ${AGENT_CONSUMERS_MAX} in a moot; forget one that is not used`,
  );
}

function rowNamed(moot: Moot, caller: Caller, name: string): ConsumerRow {
  const kept = moot.store.consumers.get(name);
  if (kept === undefined) throw new EntmootError("conflict", "consumer: another process has forgotten it just now");
  return rowOf(moot, caller, kept);
}

function rowOf(moot: Moot, caller: Caller, { cursor, lease, name }: KeptConsumer): ConsumerRow {
  return {
    consumer: caller === "agent" ? name.slice(AGENT_PREFIX.length) : name,
    place: placeOfSeq(moot, cursor ?? 0),
    owner: lease?.owner,
    token: lease?.token,
    expires_at_ms: lease?.expiresAtMs,
  };
}
