import { isUtf8 } from "node:buffer";
import { history } from "../../node/operations/find.ts";
import type { MessageRow } from "../../node/operations/messages.ts";
import { topics } from "../../node/operations/moots.ts";
import { formatHistoryCursor, parseHistoryCursor } from "../history-cursor.ts";
import { numberField, textField } from "../query-fields.ts";
import { ok, route } from "../route.ts";
import { historyResult, pullResult, topicsResult } from "../shapes.ts";
import { pullLimit, pullPage } from "./mailbox.ts";

const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** A message as the mailbox and the history have it. */
export function syncMessageOf({
  group_id,
  message: { author, content, id, timestamp, topics },
}: Pick<MessageRow, "group_id" | "message">) {
  return {
    message_id: id,
    group_id,
    author: author.pilot_node_id,
    topic: topics,
    content: LOSSY.decode(content),
    timestamp_ms: timestamp,
    content_b64: isUtf8(content) ? undefined : content,
  };
}

/** The mailbox under a moot's own path: two names for one thing. */
const mailboxOfMoot = (path: "messages" | "mailbox", name: string) =>
  route({
    method: "GET",
    path: `/v1/groups/{group}/${path}`,
    name,
    summary: "What a client has not acknowledged of a moot, in the order it arrived",
    client: "query or device",
    query: { limit: pullLimit },
    answers: { 200: pullResult },
    async handle({ node }, { client, group, query, signal }) {
      return ok(await pullPage(node.reads, { client, group, limit: query.limit, signal }));
    },
  });

const historyOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/history",
  name: "history",
  summary: "Messages of a moot from the newest back, a page at a time; no cursor of a mailbox is moved",
  client: "query or device",
  query: {
    limit: numberField("limit", { min: 1, max: 200, initial: 50 }, "at most so many messages"),
    topic: textField("topic", "only messages that have exactly this topic"),
    cursor: textField("cursor", "go on where an answer's next_cursor says"),
  },
  answers: { 200: historyResult },
  async handle({ node }, { group, query: { cursor, limit, topic }, signal }) {
    const of = { group, topic };
    const before = cursor === "" ? undefined : parseHistoryCursor(cursor, of);
    const asked = { group_id: group, limit, before, topic: topic === "" ? undefined : topic };
    const { messages, next } = await node.reads.call(history, asked, { signal });
    return ok({
      group_id: group,
      count: messages.length,
      has_more: next !== undefined,
      next_cursor: next && formatHistoryCursor(next, of),
      messages: messages.map(syncMessageOf),
    });
  },
});

const topicsOfMoot = route({
  method: "GET",
  path: "/v1/groups/{group}/topics",
  name: "listTopics",
  summary: "Which topics a moot's messages have, most used first",
  client: "query or device",
  query: { limit: numberField("limit", { min: 1, max: 200, initial: 100 }, "at most so many topics") },
  answers: { 200: topicsResult },
  async handle({ node }, { group, query: { limit }, signal }) {
    const { topics: rows } = await node.reads.call(topics, { group_id: group, limit, reserved: true }, { signal });
    const told = rows.map(({ latest_ms, messages, topic }) => {
      return { topic, count: messages, latest_message_at_ms: latest_ms };
    });
    return ok({ group_id: group, count: told.length, topics: told });
  },
});

export const MESSAGE_ROUTES = [
  mailboxOfMoot("messages", "pullMessages"),
  mailboxOfMoot("mailbox", "pullGroupMailbox"),
  historyOfMoot,
  topicsOfMoot,
];
