import { readFileSync, statSync } from "node:fs";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { publish as publishOperation } from "../../node/operations/messages.ts";
import { jsonInteger } from "../../view/message-line.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseGroupId } from "../line/group-argument.ts";
import { parseTopics } from "../line/topic-argument.ts";

const LABEL = "publish";
/** Wire. A frame carries at most 16 MiB, and content grows by a third in it. */
const CONTENT_MAX_BYTES = 12 * 1024 * 1024 - 64 * 1024;

/** `publish`: one message, stored and on its way when the command returns. */
export const publish = defineCommand({
  meta: { name: "publish", description: "Sign a message and hand it to the running daemon" },
  help: {
    examples: [
      'entmootd publish -topic chat -content "hello"',
      "entmootd publish -topic reports/daily -file report.md",
    ],
    exits: [0, 1, 2, 3, 5, 6, 7],
    notes: [
      "The message is durable on this node when the command returns; it spreads to peers by itself.",
      "After a timeout the message may have been published all the same: with -token, a second try is safe.",
    ],
  },
  args: {
    ...globalFlags,
    topic: { type: "string", default: "", valueHint: "T[,T]", description: "topics, comma separated (required)" },
    content: { type: "string", default: "", valueHint: "TEXT", description: "message body" },
    file: {
      type: "string",
      default: "",
      valueHint: "PATH|-",
      description: "read the body from a file, or - for stdin",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    timeout: { type: "string", default: "30s", valueHint: "D", description: "how long to wait for the daemon" },
    token: {
      type: "string",
      valueHint: "TEXT",
      description: "16 to 64 bytes of your choice; the same token again publishes nothing and prints the first answer",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const topics = parseTopics(LABEL, args.topic);
    if ((args.content === "") === (args.file === "")) {
      throw new EntmootError("invalid_argument", `${LABEL}: exactly one of -content or -file is required`);
    }
    const groupId = args.group === undefined ? undefined : parseGroupId(LABEL, args.group);
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    const token = args.token === undefined ? undefined : tokenOf(args.token);
    const content = args.content !== "" ? encodeUtf8(args.content) : await readContent(args.file);
    await namedFailure(LABEL, async () => {
      await using daemon = await openDaemon(options);
      const published = await daemon.call(
        publishOperation,
        { group_id: groupId, topics, content, token },
        { timeoutMs },
      );
      printJson({
        author: published.author.pilot_node_id,
        group_id: GroupId.toBase64(published.group_id),
        message_id: MessageId.toBase64(published.message_id),
        timestamp_ms: jsonInteger(published.timestamp_ms),
        topic: topics,
      });
    });
  },
});

function tokenOf(text: string): Uint8Array {
  const token = encodeUtf8(text);
  if (token.length >= 16 && token.length <= 64) return token;
  throw new EntmootError("invalid_argument", `${LABEL}: -token: expected 16 to 64 bytes, found ${token.length}`);
}

async function readContent(path: string): Promise<Uint8Array> {
  const content = path === "-" ? await readStdin() : readFile(path);
  if (content.length === 0) throw new EntmootError("invalid_argument", `${LABEL}: file content is empty`);
  if (content.length > CONTENT_MAX_BYTES) throw tooLarge(`more than ${CONTENT_MAX_BYTES}`);
  return content;
}

function readFile(path: string): Uint8Array {
  try {
    // Asked before reading: a mistaken path may be a disk image.
    const { size } = statSync(path);
    if (size > CONTENT_MAX_BYTES) throw tooLarge(size);
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    const reason = textOf(cause);
    throw new EntmootError("invalid_argument", `${LABEL}: read file: ${reason}`, { cause });
  }
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of Bun.stdin.stream()) {
    size += chunk.length;
    if (size > CONTENT_MAX_BYTES) throw tooLarge(`more than ${CONTENT_MAX_BYTES}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(found: number | string): EntmootError {
  return new EntmootError(
    "invalid_argument",
    `${LABEL}: content: expected at most ${CONTENT_MAX_BYTES} bytes, found ${found}`,
  );
}
