import { EntmootError, type OtherPlaces } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { text } from "../../core/json/json-scalars.ts";
import { mootOfPlace } from "../../core/place.ts";
import { type ShownTopics, shownTopics } from "../../core/policy/topic.ts";
import { parseGroupId } from "../group-id-text.ts";
import { badRequest, groupNotFound } from "../http-failure.ts";
import { LiveReader, type MootStart } from "../live/live-reader.ts";
import { MOOTS_MAX, parsePlaceList } from "../live/place-list.ts";
import { type Begin, startOf } from "../live/start-places.ts";
import type { Principal } from "../principal.ts";
import { switchField, textField } from "../query-fields.ts";
import { EVENT_STREAM, type RouteAnswer, type RouteAsk, route, type ServiceContext } from "../route.ts";

const asked = {
  topic: textField("topic", "only messages with a topic that matches; + is one segment, a last # the rest"),
  reserved: switchField("also messages whose topics are all reserved"),
  after: textField("after", "go on behind these places, as an event's id names them; all: from the first message"),
};

interface EventsQuery {
  readonly topic: string;
  readonly reserved: boolean;
  readonly after: string;
}

const answers = { 200: text };
const refusals = { 400: ["bad_request"], 410: ["place_lost"], 429: ["too_many_readers"] };

const eventsOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/events",
  name: "groupEvents",
  summary: "Messages of a moot as they arrive, as server-sent events or over a WebSocket",
  isLive: true,
  query: asked,
  answers,
  refusals,
  handle: (context, ask) => opened(context, ask, [ask.group]),
});

const allEvents = route({
  method: "GET",
  path: "/v1/events",
  name: "events",
  summary: `Messages of all moots that whoever asks may read, ${MOOTS_MAX} at most, as they arrive`,
  isLive: true,
  query: { ...asked, groups: textField("groups", "only these moots, with commas between") },
  answers,
  refusals: { ...refusals, 404: ["group_not_found"] },
  handle(context, ask) {
    const listed = ask.query.groups === "" ? undefined : [...new Set(ask.query.groups.split(",").map(parseGroupId))];
    return opened(context, ask, listed);
  },
});

async function opened(
  { live }: ServiceContext,
  { header, principal, query }: Pick<RouteAsk<EventsQuery, unknown>, "header" | "principal" | "query">,
  listed: readonly GroupId[] | undefined,
): Promise<RouteAnswer> {
  const { reserved } = query;
  const topic = query.topic === "" ? undefined : query.topic;
  const shown = shownOf({ topic, reserved });
  live.requireRoom(principal!);
  const readable = live.readable(principal!);
  const groups = listed ?? readable;
  if (groups.some((group) => !readable.includes(group))) throw groupNotFound();
  if (groups.length > MOOTS_MAX) {
    throw badRequest(`expected at most ${MOOTS_MAX} moots, found ${groups.length}; list some as groups=GID,GID`);
  }
  const beginOf = beginningOf(header("last-event-id") || query.after);
  const starts = new Map<GroupId, MootStart>();
  const lost: OtherPlaces[] = [];
  for (const group of groups) {
    try {
      starts.set(group, await startOf(live.node, group, beginOf(group)));
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      if (error.code === "place_lost") lost.push(...error.places);
      // One that cannot be read hides no other; it is told once it can be.
      else if (listed !== undefined) throw error;
    }
  }
  if (lost.length > 0) {
    throw new EntmootError("place_lost", "a place does not fit the log here; nothing was skipped", { places: lost });
  }
  const tell: RouteAnswer["tell"] = async (sink) => {
    const parts = { hub: live, principal: principal as Principal, listed, shown, filter: { topic, reserved } };
    await new LiveReader(parts, starts).tell(sink);
  };
  return { status: 200, value: EVENT_STREAM, tell };
}

function shownOf(of: { readonly topic: string | undefined; readonly reserved: boolean }): ShownTopics {
  try {
    return shownTopics(of);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw badRequest(`topic: ${error.message}`);
  }
}

/** A moot of which there is no place among several was joined since. Throws 400. */
function beginningOf(after: string): (group: GroupId) => Begin {
  if (after === "") return () => ({ kind: "fresh" });
  if (after === "all") return () => ({ kind: "all" });
  const places = parsePlaceList(after);
  return (group) => {
    const place = places.get(mootOfPlace(group));
    return place === undefined ? { kind: "all" } : { kind: "after", place };
  };
}

export const EVENT_ROUTES = [eventsOfMoot, allEvents];
