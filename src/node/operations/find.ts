import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, u32 } from "../../core/json/json-scalars.ts";
import { PATTERN_BYTES_MAX, RESERVED_ROOT } from "../../core/policy/topic.ts";
import { SEARCH_CURSOR_CHARS_MAX } from "../../core/search/search-cursor.ts";
import { boundedText, clippedText, count, plainList } from "../../wire/frame/bounded.ts";
import { moreRows } from "./fitting-rows.ts";
import { messageRow, messageRowFields } from "./messages.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { groupOrOnly, topicsAsked } from "./shapes.ts";

/** Wire. Results of one page, and messages either side of one. */
export const SEARCH_RESULTS_MAX = 200;
export const CONTEXT_MAX = 100;
export const CONTEXT_DEFAULT = 25;
/** Ours. Of a text that is searched for; it has 256 characters at most, and is told so. */
const QUERY_BYTES_MAX = 4096;
/** Ours. A snippet is cut well before that. */
const SNIPPET_BYTES_MAX = 4096;
/** Ours. Rows of each table of `stats`, and steps of time. */
export const STATS_ROWS_MAX = 1000;

const indexing = struct(
  "progress",
  { done: documented("messages that are in it", count), of: documented("messages that are to be", count) },
  { required: ["done", "of"] },
);

const building = documented(
  "the index is being built, newest messages first: those that are not in it yet are not told of; absent: all are",
  optional(indexing),
);

export type IndexingTold = Decoded<typeof indexing>;

const searchRequest = struct(
  "search",
  {
    group_id: groupOrOnly,
    query: documented(
      "words, all of which a message has, in any order and case; at most 256 characters",
      boundedText("query", QUERY_BYTES_MAX),
    ),
    topic: documented("only messages that have exactly this topic", optional(boundedText("topic", PATTERN_BYTES_MAX))),
    reserved: documented(
      `also messages with topics under ${RESERVED_ROOT} alone, which else are found only where topic is one of these`,
      optional(bool),
    ),
    author: documented("only those of this node id", optional(u32)),
    since: documented("from this time on, Unix milliseconds", optional(i64)),
    until: documented("before this time, Unix milliseconds", optional(i64)),
    page: documented("go on where an answer's next says", optional(boundedText("page", SEARCH_CURSOR_CHARS_MAX))),
    limit: documented(`1 to ${SEARCH_RESULTS_MAX}; absent: 50`, optional(count)),
  },
  { required: ["query"] },
);

const searchResult = struct(
  "search result",
  {
    group_id: messageRowFields.group_id,
    seq: messageRowFields.seq,
    message: messageRowFields.message,
    apart: messageRowFields.apart,
    arrived_ms: messageRowFields.arrived_ms,
    snippet: documented(
      "the part of it that says most of what is searched for, with that in [brackets]",
      clippedText("snippet", SNIPPET_BYTES_MAX),
    ),
  },
  { required: ["group_id", "seq", "message", "snippet"] },
);

const searchAnswer = struct(
  "search results",
  {
    group_id: groupId,
    query: documented("as it was understood: its words, each once", boundedText("query", QUERY_BYTES_MAX)),
    results: plainList(searchResult, SEARCH_RESULTS_MAX),
    next: documented(
      "hand it back as page for older ones; absent at the end",
      optional(boundedText("page", SEARCH_CURSOR_CHARS_MAX)),
    ),
    more: documented("whether to go on: older messages may match; a page may be empty before it", bool),
    scanned: documented("true: there is no index here, so that all messages are gone through", optional(bool)),
    indexing: building,
  },
  { required: ["group_id", "query", "results", "more"] },
);

export type SearchAnswer = Decoded<typeof searchAnswer>;
export type SearchResult = Decoded<typeof searchResult>;

/** Throws `group_not_found`, `invalid_argument`. */
export const search = operation({
  name: "search",
  summary: "Messages of a moot that have all the words given, newest first, a page at a time",
  onlyLooks: true,
  scope: "agent",
  request: searchRequest,
  answer: searchAnswer,
  answerMax: BODY_MAX,
});

const sideOf = (side: string) =>
  documented(`so many ${side} messages, 0 to ${CONTEXT_MAX}; absent: ${CONTEXT_DEFAULT}`, optional(count));
const pageOf = (order: string) =>
  documented(
    `there are more: hand it to messages as page, with order ${order} and the same topic and reserved`,
    optional(boundedText("page", 256)),
  );

const contextRequest = struct(
  "context asked for",
  {
    group_id: groupOrOnly,
    message_id: messageId,
    older: sideOf("older"),
    newer: sideOf("newer"),
    ...topicsAsked,
  },
  { required: ["message_id"] },
);

const contextAnswer = struct(
  "context",
  {
    group_id: groupId,
    message_id: messageId,
    messages: documented("oldest first, the one named among them", plainList(messageRow, 2 * CONTEXT_MAX + 1)),
    older_page: pageOf("desc"),
    newer_page: pageOf("asc"),
  },
  { required: ["group_id", "message_id", "messages"] },
);

/** Throws `group_not_found`, `not_found` (also where its topics are not those asked for), `invalid_argument`. */
export const context = operation({
  name: "context",
  summary: "What was said before and after a message, by time",
  onlyLooks: true,
  scope: "agent",
  request: contextRequest,
  answer: contextAnswer,
  answerMax: BODY_MAX,
});

/** Wire. Messages of one page of `history`. */
export const HISTORY_PAGE_MAX = 200;

const timePlace = struct(
  "place in time",
  {
    timestamp_ms: documented("as views have it, Unix milliseconds", i64),
    author_node_id: u32,
    message_id: messageId,
  },
  { required: ["timestamp_ms", "author_node_id", "message_id"] },
);

const historyRequest = struct("history asked for", {
  group_id: groupOrOnly,
  topic: documented("only messages that have exactly this topic", optional(boundedText("topic", PATTERN_BYTES_MAX))),
  before: documented("only what is older than this, such as an answer's next", optional(timePlace)),
  limit: documented(`1 to ${HISTORY_PAGE_MAX}; absent: 50`, optional(count)),
});

const historyAnswer = struct(
  "history",
  {
    group_id: groupId,
    messages: documented(
      "the newest of those asked for, parents ahead of children, else by time; reserved topics too",
      plainList(messageRow, HISTORY_PAGE_MAX),
    ),
    next: documented("hand it back as before for older ones; absent at the end", optional(timePlace)),
  },
  { required: ["group_id", "messages"] },
);

/** What is apart is left out. Throws `group_not_found`, `invalid_argument`. */
export const history = operation({
  name: "history",
  summary: "Messages of a moot from the newest back, a page at a time, by one exact topic or all",
  onlyLooks: true,
  scope: "agent",
  request: historyRequest,
  answer: historyAnswer,
  answerMax: BODY_MAX,
});

const tally = { messages: count, bytes: documented("of the messages as they are signed", count) } as const;

const statsRequest = struct("stats asked for", {
  group_id: groupOrOnly,
  since: documented("from the hour on that this is in, Unix milliseconds", optional(i64)),
  until: documented("up to the end of the hour that lies before this, Unix milliseconds", optional(i64)),
  step_ms: documented(
    `count by so many whole hours together; more where there would be over ${STATS_ROWS_MAX} steps; absent: as many as make some 100`,
    optional(count),
  ),
  limit: documented(`authors, and topics, at most so many, 1 to ${STATS_ROWS_MAX}; absent: 20`, optional(count)),
  reserved: documented(`also topics under ${RESERVED_ROOT}`, optional(bool)),
});

const statsAnswer = struct(
  "stats",
  {
    group_id: groupId,
    since_ms: documented("what is counted begins here, at a full hour, Unix milliseconds", i64),
    until_ms: documented("and ends here", i64),
    ...tally,
    members: documented("how many authors wrote them", count),
    authors: documented(
      "those who wrote most first",
      plainList(struct("author's stats", { node_id: u32, ...tally }, { required: ["node_id"] }), STATS_ROWS_MAX),
    ),
    topics: documented(
      "those used most first; a message counts in each of its topics",
      plainList(
        struct("topic's stats", { topic: clippedText("topic", PATTERN_BYTES_MAX), ...tally }, { required: ["topic"] }),
        STATS_ROWS_MAX,
      ),
    ),
    step_ms: documented("how long each step is", count),
    steps: documented(
      "in order; those in which nothing was said are left out",
      plainList(struct("step's stats", { start_ms: i64, ...tally }, { required: ["start_ms"] }), STATS_ROWS_MAX + 1),
    ),
    more: moreRows,
    indexing: building,
  },
  { required: ["group_id", "since_ms", "until_ms", "messages", "bytes", "authors", "topics", "step_ms", "steps"] },
);

export type StatsAnswer = Decoded<typeof statsAnswer>;

/** Throws `group_not_found`, `invalid_argument`. */
export const stats = operation({
  name: "stats",
  summary: "How many messages there are, and bytes of them, by author, topic and time",
  onlyLooks: true,
  scope: "agent",
  request: statsRequest,
  answer: statsAnswer,
  // A thousand topics as long as they may be, each byte written as six.
  answerMax: BODY_MAX,
});

export const FIND_OPERATIONS = { search, context, stats, history };
