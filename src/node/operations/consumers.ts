import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId } from "../../core/json/json-scalars.ts";
import { CONSUMERS_MAX } from "../../store/store-limits.ts";
import { boundedText, count, plainList } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { nothing, ofGroup, placeText, theGroup } from "./shapes.ts";

/** Ours. A consumer's name and a lease's owner, in bytes. */
export const NAME_MAX = 256;
/** Ours. Before the names of consumers made over the agent socket, by which the owner tells them. */
export const AGENT_PREFIX = "agent/";
/** As the owner names them: an agent's has the prefix before a name of any allowed length. */
export const CONSUMER_NAME_MAX = NAME_MAX + AGENT_PREFIX.length;

/** Ours. A worker that lives renews its lease; of one that does not, nobody waits longer than this for its work. */
export const LEASE_MAX_MS = 24 * 3_600_000;

const name = documented("the consumer's name", boundedText("consumer", CONSUMER_NAME_MAX));

const row = struct(
  "consumer",
  {
    consumer: name,
    place: documented("where it is done up to", placeText),
    owner: documented("who holds its lease", optional(boundedText("owner", NAME_MAX))),
    token: documented("of the lease; grows with every change of hands", optional(count)),
    expires_at_ms: documented("when the lease ends, Unix milliseconds", optional(count)),
  },
  { required: ["consumer", "place"] },
);

export type ConsumerRow = Decoded<typeof row>;

const rows = struct(
  "consumers",
  { group_id: groupId, consumers: plainList(row, CONSUMERS_MAX) },
  { required: ["group_id", "consumers"] },
);

/** By name; for an agent its own. Throws `group_not_found`. */
export const consumer_list = operation({
  name: "consumer_list",
  summary: "The readers of a moot's log that keep their place here",
  onlyLooks: true,
  scope: "agent",
  request: ofGroup,
  answer: rows,
  // Every byte of a name or an owner may be one that is written as six.
  answerMax: CONSUMERS_MAX * (6 * (CONSUMER_NAME_MAX + NAME_MAX) + 256),
});

const advance = struct(
  "acknowledgement",
  {
    group_id: theGroup,
    consumer: name,
    place: documented("done up to here; a place further back changes nothing", placeText),
    token: documented(
      "refused unless it is that of the current lease; absent: leases are not looked at",
      optional(count),
    ),
  },
  { required: ["group_id", "consumer", "place"] },
);

/** Makes the consumer when it is new. Throws `group_not_found`, `place_lost`, `conflict` (lease lost, or too many consumers). */
export const consumer_advance = operation({
  name: "consumer_advance",
  summary: "Acknowledge: a consumer is done up to a place, durably",
  scope: "agent",
  request: advance,
  answer: row,
});

const lease = struct(
  "lease asked for",
  {
    group_id: theGroup,
    consumer: name,
    owner: documented("who asks: the same owner renews its lease", boundedText("owner", NAME_MAX)),
    ttl_ms: documented("how long it holds unless renewed, at most 86,400,000 (a day)", count),
  },
  { required: ["group_id", "consumer", "owner", "ttl_ms"] },
);

const leased = struct(
  "lease",
  { granted: documented("false while another owner holds it", bool), consumer: row },
  { required: ["granted", "consumer"] },
);

/** Throws `group_not_found`, `invalid_argument`, `conflict` (too many consumers). */
export const consumer_lease = operation({
  name: "consumer_lease",
  summary: "Take or renew the right to be the one who works on a consumer's messages",
  scope: "agent",
  request: lease,
  answer: leased,
});

const release = struct(
  "lease given back",
  { group_id: theGroup, consumer: name, token: count },
  { required: ["group_id", "consumer", "token"] },
);

/** A lease that has passed to another stays the other's. Throws `group_not_found`. */
export const consumer_release = operation({
  name: "consumer_release",
  summary: "Give a lease back before it ends; one that passed to another stays the other's",
  scope: "agent",
  request: release,
  answer: nothing,
});

const forget = struct(
  "consumer to forget",
  { group_id: theGroup, consumer: name },
  { required: ["group_id", "consumer"] },
);

/** One that is not there is forgotten too. Throws `group_not_found`. */
export const consumer_forget = operation({
  name: "consumer_forget",
  summary: "Forget a consumer and its place",
  scope: "agent",
  request: forget,
  answer: nothing,
});

export const CONSUMER_OPERATIONS = {
  consumer_list,
  consumer_advance,
  consumer_lease,
  consumer_release,
  consumer_forget,
};
