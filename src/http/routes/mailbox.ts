import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId, messageId, text } from "../../core/json/json-scalars.ts";
import { type Mail, mailbox_ack, mailbox_cursor, mailbox_pull, type Pulled } from "../../node/operations/mailbox.ts";
import { PAGE_MESSAGES_MAX } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { HttpFailure } from "../http-failure.ts";
import { numberField } from "../query-fields.ts";
import { ok, route } from "../route.ts";
import { ackResult, cursorResult, pullResult } from "../shapes.ts";

/** Wire. Messages of one pull; 0 for all, of which one answer holds so much. */
export const pullLimit = numberField(
  "limit",
  { min: 0, max: 200, initial: 50 },
  "at most so many messages; 0: all that one answer holds",
);

/** Ours. Bytes of content that a pull without limit holds: past it there is more. */
const PULLED_BYTES_MAX = 8 * 1024 * 1024;

interface PullAsk {
  readonly group: GroupId;
  readonly client: string;
  readonly limit: number;
  readonly signal: AbortSignal;
}

/** What a client has not acknowledged. Moves nothing. */
export async function pullPage(node: Operations, { client, group, limit, signal }: PullAsk) {
  const messages: Mail[] = [];
  let bytes = 0;
  let after: string | undefined;
  let page: Pulled;
  const wanted = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  do {
    const left = Math.min(PAGE_MESSAGES_MAX, wanted - messages.length);
    page = await node.call(mailbox_pull, { group_id: group, client_id: client, limit: left, after }, { signal });
    for (const mail of page.messages) {
      messages.push(mail);
      bytes += mail.content.length;
    }
    after = page.next_cursor.place;
  } while (page.has_more && messages.length < wanted && bytes < PULLED_BYTES_MAX);
  return {
    client_id: client,
    group_id: group,
    count: messages.length,
    has_more: page.has_more,
    next_cursor: page.next_cursor,
    messages: messages.map((mail) => ({ ...mail, group_id: group })),
  };
}

const pull = route({
  method: "GET",
  path: "/v1/mailbox/pull",
  name: "pullMailbox",
  summary: "What a client has not acknowledged, in the order it arrived",
  group: "query",
  client: "query",
  query: { limit: pullLimit },
  answers: { 200: pullResult },
  async handle({ node }, { client, group, query, signal }) {
    return ok(await pullPage(node.reads, { client, group, limit: query.limit, signal }));
  },
});

const ack = route({
  method: "POST",
  path: "/v1/mailbox/ack",
  name: "acknowledgeMailbox",
  summary: "Acknowledge everything that arrived up to a message",
  group: "body",
  client: "body",
  body: {
    codec: struct("mailbox acknowledgement", { client_id: text, group_id: groupId, message_id: messageId }),
    maxBytes: 1024 * 1024,
    isStrict: true,
    mayBeEmpty: false,
  },
  answers: { 200: ackResult },
  refusals: { 400: ["message_not_found"] },
  async handle({ node }, { body, client, group, signal }) {
    const { message_id } = body;
    try {
      return ok(await node.reads.call(mailbox_ack, { group_id: group, client_id: client, message_id }, { signal }));
    } catch (error) {
      if (!(error instanceof EntmootError && error.code === "not_found")) throw error;
      throw new HttpFailure(400, "message_not_found", "message not found");
    }
  },
});

const cursor = route({
  method: "GET",
  path: "/v1/mailbox/cursor",
  name: "mailboxCursor",
  summary: "Where a client is, and how many messages are behind that",
  group: "query",
  client: "query",
  answers: { 200: cursorResult },
  async handle({ node }, { client, group, signal }) {
    return ok(await node.reads.call(mailbox_cursor, { group_id: group, client_id: client }, { signal }));
  },
});

export const MAILBOX_ROUTES = [pull, ack, cursor];
