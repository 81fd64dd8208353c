import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { reply as replyOperation } from "../../node/operations/inbox.ts";
import { behindText } from "../../view/behind-text.ts";
import { publishedJson } from "../../view/published-json.ts";
import { unmetLines } from "../../view/unmet-text.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { contentOf } from "../line/content-argument.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { withForce } from "../line/force-flag.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { parseToken } from "../line/token-argument.ts";
import { parseTopics } from "../line/topic-argument.ts";

const LABEL = "reply";
const TIMEOUT = "30s";

/** `reply`: answers one message. */
export const reply = defineCommand({
  meta: { name: LABEL, description: "Answer a message: publish under its topics and name it" },
  help: {
    examples: [
      'entmootd reply kYbNysGxsrS1 -content "done"',
      'entmootd reply MESSAGE_ID -token "bot MESSAGE_ID" -file - < answer.txt',
    ],
    exits: [0, 1, 2, 3, 5, 6, 7],
    words: ["content"],
    effect: "the answer may be out all the same; with -token a second try is safe",
    notes: [
      "The message is answered then, and unread no more. Without a daemon the answer is stored, and spreads once one runs.",
      "What looks like a key or a password is refused, saying what it is; -force publishes it all the same.",
      "With -token a second try publishes nothing: derive the token from the message id, and each message is",
      "answered once whatever is killed in between. A message id may be cut to its first 8 characters or more.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    message: { type: "positional", required: true, valueHint: "MESSAGE_ID", description: "what is answered" },
    content: { type: "string", valueHint: "TEXT", description: "the answer" },
    file: { type: "string", valueHint: "PATH|-", description: "read the answer from a file, or - for stdin" },
    group: { type: "string", valueHint: "GID", defaultHint: "whichever holds it", description: "the group it is in" },
    topic: { type: "string", valueHint: "T[,T]", defaultHint: "those of the message", description: "topics instead" },
    token: {
      type: "string",
      valueHint: "TEXT",
      description: "16 to 64 bytes of your choice; the same answer again under it is not published",
    },
    force: { type: "boolean", description: "publish what looks like a secret" },
    timeout: {
      type: "string",
      valueHint: "D",
      defaultHint: "30s; for stdin as long as it takes",
      description: "for the answer to be read and stored",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const timeoutMs = parsePatienceMs(`${LABEL}: -timeout`, args.timeout ?? TIMEOUT);
    // Who types an answer is not to be hurried, but by itself.
    const isPatient = args.file === "-" && args.timeout === undefined;
    const topics = args.topic === undefined ? undefined : parseTopics(LABEL, args.topic);
    const token = args.token === undefined ? undefined : parseToken(`${LABEL}: -token`, args.token);
    const asked = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    const content = await contentOf(LABEL, args, isPatient ? undefined : timeoutMs);
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const named = await whichMessage(LABEL, args.message, { node, group_id: asked });
      const request = { ...named, content, topics, token, ...(args.force ? { force: true } : {}) };
      const published = await node.call(replyOperation, request, { timeoutMs }).catch((cause: unknown) => {
        throw withForce(cause);
      });
      if (published.behind_ms !== undefined) printProse(`${LABEL}: warning: ${behindText(published.behind_ms)}`);
      for (const line of unmetLines(published)) printProse(`${LABEL}: note: ${line}`);
      printJson(publishedJson(published, { answers: named.message_id }));
    });
  },
});
