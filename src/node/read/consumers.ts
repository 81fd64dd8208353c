import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { KeptConsumer } from "../../store/group-store.ts";
import type {
  ConsumerRow,
  consumer_advance,
  consumer_forget,
  consumer_lease,
  consumer_list,
  consumer_release,
} from "../operations/consumers.ts";
import type { Call, Caller } from "../operations/implementation.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { placeOfSeq, seqOfPlace } from "./places.ts";

/** Ours. Before the names of consumers made over the agent socket, which alone it can name. */
const AGENT_PREFIX = "agent/";

/** How a consumer that `caller` calls `name` is kept. Throws `invalid_argument` for no name. */
export function consumerNameOf(caller: Caller, name: string): string {
  if (name === "") throw new EntmootError("invalid_argument", "consumer: expected a name");
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

function rowNamed(moot: Moot, caller: Caller, name: string): ConsumerRow {
  const kept = moot.store.consumers.list().find((consumer) => consumer.name === name);
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
