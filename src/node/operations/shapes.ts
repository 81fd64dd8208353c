import { documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rosterEntryId } from "../../core/json/json-scalars.ts";
import { PLACE_LENGTH } from "../../core/place.ts";
import { PATTERN_BYTES_MAX, RESERVED_ROOT } from "../../core/policy/topic.ts";
import { boundedBytes, boundedText, count, plainList } from "../../wire/frame/bounded.ts";

/** A request or answer without fields. */
export const nothing = struct<object>("object", {});

/** The moot meant. */
export const theGroup = documented("the moot", groupId);

/** A request that names a moot and nothing else. */
export const ofGroup = struct("moot", { group_id: theGroup }, { required: ["group_id"] });

/** For operations that a node with one moot need not be told which. */
export const groupOrOnly = documented("the moot; absent: the only one there is", optional(groupId));

export const groupOrAll = documented("only this moot; absent: all of them", optional(groupId));

const pattern = documented(
  "topic pattern: + is one segment, a last # the rest",
  boundedText("topic", PATTERN_BYTES_MAX),
);

/** Which messages a reader is shown, by their topics; see `topicsShown`. */
export const topicsAsked = {
  topic: documented(
    "only messages with a topic that matches; absent or #: all, also those whose topics no pattern matches",
    optional(pattern),
  ),
  reserved: documented(
    `also what has topics under ${RESERVED_ROOT} alone, which else shows only where the topic starts with that`,
    optional(bool),
  ),
};

/** Where a reader goes on; opaque. */
export const placeText = documented(
  "a place in a moot's log, as an earlier answer named it",
  boundedText("place", PLACE_LENGTH),
);

/** A member's key. Founders put bytes of any length in a roster, and what is no key is shown as none. */
export const memberKey = documented(
  "32 bytes; none where the roster names no key, or bytes that are none",
  boundedBytes("public key", { min: 0, max: 32 }),
);

/** Ours. One for each moot there may be, as many as `status` tells of. */
const PLACES_MAX = 8192;
export const places = plainList(placeText, PLACES_MAX);

/** The roster after (or without) a change. */
export const rosterState = {
  group_id: groupId,
  roster_head: rosterEntryId,
  members: count,
} as const;
