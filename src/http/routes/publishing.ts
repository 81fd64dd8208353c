import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { type Codec, decodeJson, omitted, optional, schemaOf, struct } from "../../core/json/json-codec.ts";
import { groupId, i64, messageId, rawJson, text, u32 } from "../../core/json/json-scalars.ts";
import { message as messageCodec } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { badRequest, groupNotFound } from "../http-failure.ts";
import { mayRead } from "../principal.ts";
import { publishResult, publishSigned } from "../published.ts";
import { route } from "../route.ts";
import { signRequest } from "../shapes.ts";
import { askForMessage } from "../sign-requests.ts";
import { draftedMessage, messageDraft } from "../signed-texts.ts";
import { asked, deviceIdOf } from "./sign-requests.ts";

/** Wire. What a message may take, which is more than any member keeps. */
const BODY_MAX = 16 * 1024 * 1024;

const signedBody = struct("signed message", { message: optional(messageCodec) });

const REFUSALS = { 403: ["not_member"], 404: ["group_not_found"], 503: ["join_unavailable"], 507: ["disk_full"] };

const publish = route({
  method: "POST",
  path: "/v1/messages",
  name: "publishMessage",
  summary: "Publish a message that its author signed; the same again is answered alike and published once",
  body: { codec: signedBody, maxBytes: BODY_MAX, isStrict: true, mayBeEmpty: true },
  answers: { 202: publishResult },
  refusals: REFUSALS,
  async handle(context, { body, principal, signal }) {
    const { message } = body;
    if (message === undefined || isZero(message)) throw badRequest("message is required");
    const { group_id } = message;
    if (group_id === GroupId.zero) throw badRequest("message.group_id is required");
    if (!mayRead(principal!, group_id) || !context.node.holds(group_id)) throw groupNotFound();
    return { status: 202, value: await publishSigned(context, message, signal) };
  },
});

function isZero({ author, content, group_id, id, signature, timestamp, topics }: Message): boolean {
  const isEmpty = content.length === 0 && signature.length === 0 && topics.length === 0;
  return (
    isEmpty && id === MessageId.zero && group_id === GroupId.zero && timestamp === 0n && author.pilot_node_id === 0
  );
}

/** Wire. Either of two answers: of what is signed, and of a draft. */
const publishedOrAsked = struct("published message, or request to sign one", {
  sign_request: optional(signRequest),
  status: omitted(text),
  message_id: optional(messageId),
  group_id: optional(groupId),
  author: omitted(u32),
  timestamp_ms: optional(i64),
});

/** What both bodies say by having it, or not. */
const eitherBody = struct("message or draft", { message: optional(rawJson) });

const eitherSchema = () => ({ anyOf: [schemaOf(signedBody), schemaOf(messageDraft)] });

const publishToMoot = route({
  method: "POST",
  path: "/v1/groups/{group}/messages",
  name: "publishToGroup",
  summary: "Publish a signed message, or have a draft signed by its author",
  body: {
    codec: { ...rawJson, label: "message or draft", schema: eitherSchema },
    maxBytes: BODY_MAX,
    isStrict: false,
    mayBeEmpty: true,
  },
  idempotency: ({ group }) => `message_publish:${GroupId.toBase64(group)}`,
  answers: { 202: publishedOrAsked },
  refusals: REFUSALS,
  async handle(context, { body = "{}", group, principal, signal }) {
    const { message } = bodyOf(eitherBody, body);
    if (message !== undefined) {
      const signed = bodyOf(messageCodec, message);
      if (signed.group_id !== group) throw badRequest("message.group_id does not match URL group_id");
      return { status: 202, value: { ...NEITHER, ...(await publishSigned(context, signed, signal)) } };
    }
    const drafted = draftedMessage(bodyOf(messageDraft, body), { group, nowMs: context.clock.unix() });
    const request = await askForMessage(context, deviceIdOf(principal), drafted);
    return { status: 202, value: { ...NEITHER, ...asked(request, context).value } };
  },
});

const NEITHER = {
  sign_request: undefined,
  status: "",
  message_id: undefined,
  group_id: undefined,
  author: 0,
  timestamp_ms: undefined,
};

function bodyOf<T>(codec: Codec<T>, json: string): T {
  try {
    return decodeJson(codec, json);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw badRequest(`invalid JSON body: ${error.message}`);
  }
}

export const PUBLISH_ROUTES = [publish, publishToMoot];
