import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, messageId, text } from "../../core/json/json-scalars.ts";
import { isReserved } from "../../core/policy/topic.ts";
import { parseSearchQuery } from "../../core/search/search-query.ts";
import { CONTEXT_DEFAULT, CONTEXT_MAX, context, SEARCH_RESULTS_MAX, search } from "../../node/operations/find.ts";
import { count, plainList } from "../../wire/frame/bounded.ts";
import { formatHistoryCursor } from "../history-cursor.ts";
import { badRequest, HttpFailure } from "../http-failure.ts";
import { numberField, textField } from "../query-fields.ts";
import { ok, type QueryField, route } from "../route.ts";
import { syncMessage } from "../shapes.ts";
import { syncMessageOf } from "./messages.ts";

const searchHit = struct(
  "search hit",
  { message: syncMessage, snippet: documented("what matches in [brackets]", omitted(text)) },
  { required: ["message"] },
);

const searchPage = struct(
  "search page",
  {
    group_id: groupId,
    query: documented("as it was understood: its words, each once", text),
    count,
    has_more: bool,
    next_cursor: documented("hand it back as cursor for older ones", optional(text)),
    results: plainList(searchHit, SEARCH_RESULTS_MAX),
  },
  { required: ["group_id", "query", "count", "has_more", "results"] },
);

const q: QueryField<string> = {
  schema: { type: "string", minLength: 1, maxLength: 256 },
  description: "words, all of which a message has",
  isRequired: true,
  read(given = "") {
    inOriginalWords(() => parseSearchQuery(given));
    return given;
  },
};

const searchMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/search",
  name: "search",
  summary: "Messages of a moot that have all the words given, newest first, a page at a time",
  client: "query or device",
  query: {
    q,
    limit: numberField("limit", { min: 1, max: SEARCH_RESULTS_MAX, initial: 50 }, "at most so many results"),
    topic: textField("topic", "only messages that have exactly this topic"),
    cursor: textField("cursor", "go on where an answer's next_cursor says"),
  },
  answers: { 200: searchPage },
  async handle({ node }, { group, query: { cursor, limit, q: words, topic }, signal }) {
    const asked = {
      group_id: group,
      query: words,
      limit,
      topic: topic === "" ? undefined : topic,
      page: cursor === "" ? undefined : cursor,
    };
    const found = await node.reads.call(search, asked, { signal }).catch((error) =>
      inOriginalWords(() => {
        throw error;
      }),
    );
    return ok({
      group_id: group,
      query: found.query,
      count: found.results.length,
      has_more: found.more,
      next_cursor: found.next,
      results: found.results.map((hit) => ({ message: syncMessageOf(hit), snippet: hit.snippet })),
    });
  },
});

/** Wire. Without the next step, as the original's service says it. */
function inOriginalWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof EntmootError) || error.code !== "invalid_argument") throw error;
    const [, cursor] = /^page: (.*); begin again without it$/.exec(error.message) ?? [];
    const [, query] = /^(invalid search query: .*?); give words/.exec(error.message) ?? [];
    throw badRequest(cursor ?? (query === undefined ? error.message : `store: ${query}`));
  }
}

const sideField = (name: string, what: string) =>
  numberField(name, { min: 0, max: CONTEXT_MAX, initial: CONTEXT_DEFAULT }, `so many messages ${what}`);

const idField: QueryField<MessageId> = {
  schema: { type: "string" },
  description: "the message, standard base64; + must be sent as %2B",
  isRequired: true,
  read(given = "") {
    const id = given.trim();
    if (id === "") throw badRequest("message_id is required");
    const bytes = /^[A-Za-z0-9+/]{43}=$/.test(id) ? Uint8Array.fromBase64(id) : undefined;
    if (bytes === undefined) throw badRequest("message_id must be a base64-encoded 32-byte id");
    return MessageId.fromBytes(bytes);
  },
};

const contextPage = struct(
  "message context",
  {
    group_id: groupId,
    message_id: messageId,
    target_message_id: messageId,
    topic: omitted(text),
    before: count,
    after: count,
    count,
    has_more_older: bool,
    older_cursor: documented("hand it to history as cursor for what is older", optional(text)),
    messages: documented("oldest first, the one named among them", plainList(syncMessage, 2 * CONTEXT_MAX + 1)),
    has_more_newer: bool,
  },
  {
    required: ["group_id", "message_id", "target_message_id", "before", "after", "count", "has_more_older", "messages"],
  },
);

const contextOfMessage = route({
  method: "GET",
  path: "/v1/groups/{group}/message-context",
  name: "messageContext",
  summary: "What was said before and after a message, by time",
  client: "query or device",
  query: {
    message_id: idField,
    before: sideField("before", "that are older"),
    after: sideField("after", "that are newer"),
    topic: textField("topic", "only messages that have exactly this topic, the one named too"),
  },
  answers: { 200: contextPage },
  refusals: { 404: ["message_not_found"] },
  async handle({ node }, { group, query: { after, before, message_id, topic }, signal }) {
    // A topic is no pattern here.
    const isExact = topic !== "" && !/[+#]/.test(topic);
    const asked = {
      group_id: group,
      message_id,
      older: before,
      newer: after,
      topic: isExact ? topic : undefined,
      reserved: topic === "" || isReserved(topic),
    };
    const missing = () => new HttpFailure(404, "message_not_found", "message not found");
    if (topic !== "" && !isExact) throw missing();
    let found: Awaited<ReturnType<typeof ask>>;
    const ask = () => node.reads.call(context, asked, { signal });
    try {
      found = await ask();
    } catch (error) {
      throw error instanceof EntmootError && error.code === "not_found" ? missing() : error;
    }
    const [oldest] = found.messages;
    const { author, id, timestamp } = oldest!.message;
    const place = {
      timestamp_ms: oldest!.arrived_ms ?? timestamp,
      author_node_id: author.pilot_node_id,
      message_id: id,
    };
    const hasOlder = found.older_page !== undefined;
    return ok({
      group_id: group,
      message_id,
      target_message_id: message_id,
      topic,
      before,
      after,
      count: found.messages.length,
      has_more_older: hasOlder,
      older_cursor: hasOlder ? formatHistoryCursor(place, { group, topic }) : undefined,
      messages: found.messages.map(syncMessageOf),
      has_more_newer: found.newer_page !== undefined,
    });
  },
});

export const FIND_ROUTES = [searchMoot, contextOfMessage];
