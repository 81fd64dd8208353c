import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { answer_wait, reply } from "../../node/operations/inbox.ts";
import { type Published, publish } from "../../node/operations/messages.ts";
import { mutedText } from "../../view/muted-text.ts";
import { unmetJson, unmetLines } from "../../view/unmet-text.ts";
import { type MemberMeant, whichMember } from "../../view/which-member.ts";
import { rowsText } from "../shown-messages.ts";
import {
  ID_ARGUMENT,
  messageArgument,
  objectOf,
  type Tool,
  type ToolCall,
  textArgument,
  textOf,
  wholeOf,
} from "../tool.ts";
import { mootsOf, whichMoot } from "../which-moot.ts";
import { requireText, WAIT_MAX_S } from "./inbox-tools.ts";
import { GROUP_ARGUMENT } from "./moot-tools.ts";

/** Ours. What a model says in one message, in characters; larger things are said by a reference to them. */
const CONTENT_MAX = 100_000;
const TOPICS_MAX = 16;
/** Ours. The topic of what an agent says unasked where nobody names one. */
const TOPIC = "chat";

const text = { type: "string" };
const flag = { type: "boolean" };
const CONTENT_ARGUMENT = textOf("What to say. Other agents see exactly this.", CONTENT_MAX);
const FORCE_ARGUMENT = { type: "boolean", description: "Send it although it looks as if it held a secret." };
const TOPICS_ARGUMENT = { type: "array", items: textOf("A topic.", 256), minItems: 1, maxItems: TOPICS_MAX };
const SENT_OUTPUT = {
  id: text,
  group: text,
  duplicate: flag,
  unmet_mentions: {
    type: "array",
    description: "Whom it names and does not ask: nobody has that name or id, or several have it.",
    items: objectOf({
      members: { type: "integer" },
      mention: text,
      node_ids: { type: "array", items: { type: "integer" } },
    }),
  },
};

const replyTool: Tool = {
  name: "entmoot_reply",
  title: "Answer a message",
  description:
    "Answers a message: the answer is published in its moot and names it, its sender is told, and the message counts as answered. The same answer again publishes nothing. This is the only way in which another agent sees what you say.",
  input: objectOf({ id: ID_ARGUMENT, content: CONTENT_ARGUMENT, force: FORCE_ARGUMENT }, ["id", "content"]),
  output: objectOf(SENT_OUTPUT),
  onlyLooks: false,
  isIdempotent: true,
  speaks: true,
  async run(call, args) {
    const named = await messageArgument(call, args);
    const content = requireText(args, "content");
    const token = tokenOf("reply", named.message_id, content);
    const request = { ...named, content: encodeUtf8(content), token, force: forced(args) };
    return sent(await call.node.call(reply, request, { signal: call.signal }));
  },
};

const send: Tool = {
  name: "entmoot_send",
  title: "Say something",
  description:
    "Publishes a message to a moot, for all its members. To ask one of them, use entmoot_ask or write @<node id> in it; to answer a message, use entmoot_reply.",
  input: objectOf(
    { group: GROUP_ARGUMENT, content: CONTENT_ARGUMENT, topics: TOPICS_ARGUMENT, force: FORCE_ARGUMENT },
    ["content"],
  ),
  output: objectOf(SENT_OUTPUT),
  onlyLooks: false,
  isIdempotent: false,
  speaks: true,
  async run(call, args) {
    const moot = await whichMoot(call, textArgument(args, "group"));
    const content = requireText(args, "content");
    const topics = Array.isArray(args.topics) ? args.topics.map(String) : [TOPIC];
    const request = { group_id: moot.group_id, topics, content: encodeUtf8(content), force: forced(args) };
    return sent(await call.node.call(publish, request, { signal: call.signal }));
  },
};

const ask: Tool = {
  name: "entmoot_ask",
  title: "Ask one member",
  description: `Asks one member a question and waits for the answer, at most ${WAIT_MAX_S} seconds. The answer counts as read then. Without one by then it says so: the answer comes to entmoot_inbox later.`,
  input: objectOf(
    {
      group: { ...GROUP_ARGUMENT, description: "In which moot, by its id or name. Without it: where the member is." },
      member: textOf("Who is asked: a node id, or the name that only one member has.", 256),
      question: textOf("What to ask.", CONTENT_MAX),
      seconds: wholeOf("How long to wait for the answer.", 1, WAIT_MAX_S),
      force: FORCE_ARGUMENT,
    },
    ["member", "question"],
  ),
  output: objectOf({ ...SENT_OUTPUT, answered: flag, answer_id: text, envelope: text }),
  onlyLooks: false,
  isIdempotent: false,
  speaks: true,
  async run(call, args) {
    const question = requireText(args, "question");
    const { group_id, member } = await whomToAsk(call, textArgument(args, "group"), requireText(args, "member"));
    const content = encodeUtf8(`@${member.node_id} ${question}`);
    const published = await call.node.call(
      publish,
      { group_id, topics: [TOPIC], content, force: forced(args) },
      { signal: call.signal },
    );
    const seconds = typeof args.seconds === "number" ? args.seconds : WAIT_MAX_S;
    const { message_id } = published;
    // It is asked by now, whatever becomes of the daemon: to fail here would have it asked again.
    const { row: answer } = await call.node
      .call(
        answer_wait,
        { group_id, message_id, author_key: member.entmoot_pubkey, wait_ms: seconds * 1000 },
        { signal: call.signal },
      )
      .catch(() => ({ row: undefined }));
    const about = { ...sent(published).data, answered: answer !== undefined };
    if (answer === undefined) {
      const id = MessageId.toBase64(published.message_id);
      // By its id: what a member calls itself stands in envelopes alone.
      const named = { nowMs: call.clock.unix(), who: `node ${member.node_id}` };
      const muted = await mutedText(call.node, { group_id, member }, named).catch(() => undefined);
      const said = `Asked (${id}). No answer yet; ${muted ?? "it will be in entmoot_inbox."}`;
      return { text: [said, ...unmetLines(published)].join("\n"), data: about };
    }
    const answer_id = MessageId.toBase64(answer.message_id);
    const envelope = rowsText([answer], call.nonce);
    // Hosts show their models the data alone where there is any.
    return { text: envelope, data: { ...about, answer_id, envelope } };
  },
};

export const SPEAKING_TOOLS: readonly Tool[] = [replyTool, send, ask];

/** In the moot that is named, or in whichever of those that are open here the member is. */
async function whomToAsk(call: ToolCall, group: string | undefined, name: string): Promise<MemberMeant> {
  const moots = group === undefined ? await mootsOf(call) : [await whichMoot(call, group)];
  const words = { lists: "entmoot_members lists those of a moot", moot: "by group" };
  const { node, signal } = call;
  return await whichMember(name, { node, moots: moots.map(({ group_id }) => group_id), signal, words });
}

function forced(args: Readonly<Record<string, unknown>>): true | undefined {
  return args.force === true ? true : undefined;
}

/** A tool call that is made again, as hosts do after a time-out, says the same and so publishes nothing new. */
function tokenOf(what: string, id: MessageId, content: string): Uint8Array {
  return sha256(encodeUtf8(`${what} ${id} ${content}`));
}

function sent(published: Pick<Published, "duplicate" | "group_id" | "message_id" | "unmet_mentions">) {
  const { duplicate, group_id, message_id } = published;
  const id = MessageId.toBase64(message_id);
  const said = duplicate === true ? `It was sent before, as ${id}.` : `Sent as ${id}.`;
  const data = { id, group: GroupId.toBase64(group_id), duplicate: duplicate === true, ...unmetJson(published) };
  return { text: [said, ...unmetLines(published)].join("\n"), data };
}
