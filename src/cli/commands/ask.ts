import type { ControlClient } from "../../control/control-client.ts";
import { secretsIn } from "../../core/agents/secrets-in-text.ts";
import { durationText } from "../../core/amounts.ts";
import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import { connectToLook, openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status } from "../../node/operations/daemon.ts";
import { answer_wait } from "../../node/operations/inbox.ts";
import { backlog, type MessageRow, message, publish, WAIT_MAX_MS, watch } from "../../node/operations/messages.ts";
import { type MemberRow, peers } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { receipts } from "../../node/operations/receipts.ts";
import { Deadline, pause } from "../../transport/wait.ts";
import { messageLine } from "../../view/message-line.ts";
import { mutedText } from "../../view/muted-text.ts";
import { receiptText } from "../../view/receipt-text.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { unmetJson, unmetLines } from "../../view/unmet-text.ts";
import { type MemberMeant, whichMember } from "../../view/which-member.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { contentOf } from "../line/content-argument.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { parseToken } from "../line/token-argument.ts";
import { parseTopics } from "../line/topic-argument.ts";

const LABEL = "ask";
/** Ours. Between two tries to reach a daemon that has gone while an answer is waited for. */
const LOOK_AGAIN_MS = 500;

/** `ask`: a question to one member, and its answer. */
export const ask = defineCommand({
  meta: { name: LABEL, description: "Ask one member something and wait for the answer" },
  help: {
    examples: ['entmootd ask @oak "is the build green?" -wait 2m', "entmootd ask @oak -file - < question.txt"],
    exits: [0, 1, 2, 3, 5, 6, 7, 8],
    effect: "the question is out all the same",
    notes: [
      "Publishes a message that names the member, and prints the content of the first message of that member that refers to",
      "it. Status 8: none came in the time; it is said what is known, and an answer that comes later is in the inbox.",
    ],
  },
  args: {
    ...globalFlags,
    member: { type: "positional", required: true, valueHint: "@NAME", description: "a hostname, node id or key" },
    question: { type: "positional", required: false, valueHint: "QUESTION", description: "what is asked, in quotes" },
    file: { type: "string", valueHint: "PATH|-", description: "read the question from a file, or - for stdin" },
    wait: { type: "string", default: "2m", valueHint: "D", description: "how long to wait for the answer" },
    topic: { type: "string", default: "chat", valueHint: "T[,T]", description: "topics, comma separated" },
    group: { type: "string", valueHint: "GID", defaultHint: "where the member is", description: "the group" },
    token: {
      type: "string",
      valueHint: "TEXT",
      description: "16 to 64 bytes; the same question again under it waits for the same answer",
    },
    force: { type: "boolean", description: "publish what looks like a secret" },
    json: { type: "boolean", description: "print the answer as one JSON object" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const waitMs = parsePatienceMs(`${LABEL}: -wait`, args.wait);
    const topics = parseTopics(LABEL, args.topic);
    const token = args.token === undefined ? undefined : parseToken(`${LABEL}: -token`, args.token);
    const asks = await questionOf(args, waitMs);
    if (!args.force) refuseSecret(asks);
    const group = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      using deadline = new Deadline(realClock, waitMs);
      await using daemon = await openDaemon(options);
      const asked = await whomToAsk(daemon, args.member, group);
      const content = new Uint8Array(Buffer.concat([encodeUtf8(`${asked.mention} `), asks]));
      const { group_id } = asked;
      // Of a question that was asked before, under this token, the answer may be there already.
      const { places } = await daemon.call(backlog, { group_id, last: 0 });
      const question = await daemon.call(publish, {
        group_id,
        topics,
        content,
        token,
        ...(args.force ? { force: true } : {}),
      });
      for (const line of unmetLines(question)) printProse(`${LABEL}: note: ${line}`);
      const after = question.duplicate ? [] : places;
      const row = await answerTo(options, daemon, {
        ...asked,
        question: question.message_id,
        after,
        signal: deadline.signal,
      });
      if (row === undefined) throw await unanswered(options, { ...asked, question: question.message_id, waitMs });
      if (args.json) printJson({ ...messageLine(row), ...unmetJson(question) });
      else printLine(new TextDecoder().decode(row.message.content));
    });
  },
});

/** Exactly one of the word and `-file`. */
async function questionOf(
  { file, question }: { readonly file?: string | undefined; readonly question?: string | undefined },
  waitMs: number,
): Promise<Uint8Array> {
  if (question?.trim() === "") throw new EntmootError("invalid_argument", `${LABEL}: the question is empty`);
  if ((question === undefined) === (file === undefined)) {
    throw new EntmootError("invalid_argument", `${LABEL}: exactly one of QUESTION, in quotes, or -file is required`);
  }
  if (question === "-") {
    throw new EntmootError("invalid_argument", `${LABEL}: the question is "-"; to read it from stdin: -file -`);
  }
  const content = await contentOf(LABEL, { content: question, file }, file === "-" ? undefined : waitMs);
  if (new TextDecoder().decode(content).trim() !== "") return content;
  throw new EntmootError("invalid_argument", `${LABEL}: the question is empty`);
}

function refuseSecret(question: Uint8Array): void {
  const [found] = secretsIn(new TextDecoder().decode(question));
  if (found === undefined) return;
  throw new EntmootError(
    "forbidden",
    `${LABEL}: the question looks as if it held ${found.pattern}, and what is published cannot be taken back; leave it out, or publish it with -force`,
  );
}

/** In the moot that is named, or in whichever the member is. */
async function whomToAsk(node: Operations, word: string, group: GroupId | undefined): Promise<MemberMeant> {
  const moots = group === undefined ? (await node.call(status, {})).groups.map(({ group_id }) => group_id) : [group];
  const words = { lists: '"entmootd peers -group MOOT" lists those of a moot', moot: "with -group" };
  return await whichMember(word, { node, moots, words });
}

interface Awaited extends MemberMeant {
  readonly question: MessageId;
  /** Where the log stood before the question. */
  readonly after: readonly string[];
  readonly signal: AbortSignal;
}

/** The first message of the member that refers to the question, over restarts of the daemon; `undefined` when the time is over. */
async function answerTo(options: GlobalOptions, daemon: Operations, awaited: Awaited): Promise<MessageRow | undefined> {
  let after = awaited.after;
  let current: Operations | undefined = daemon;
  while (!awaited.signal.aborted) {
    const found = new AbortController();
    let answer: MessageRow | undefined;
    try {
      current ??= await connectToLook(options);
      if (current === undefined) await pause(realClock, LOOK_AGAIN_MS, awaited.signal);
      else if (options.agentSocket !== undefined) answer = await answerToAgent(current, awaited);
      else
        await current.call(
          watch,
          { group_id: awaited.group_id, after },
          {
            signal: AbortSignal.any([awaited.signal, found.signal]),
            onEvent(event) {
              if (event.kind !== "message" || answer !== undefined) return;
              after = [event.place];
              if (!isAnswer(event, awaited)) return;
              answer = event;
              found.abort();
            },
          },
        );
    } catch (error) {
      if (answer !== undefined) return answer;
      if (awaited.signal.aborted) return undefined;
      if (!isLost(error)) throw error;
      printProse(`${LABEL}: the daemon has gone; waiting for it to come back`);
      if (current !== daemon) await (current as ControlClient | undefined)?.[Symbol.asyncDispose]();
      current = undefined;
      await pause(realClock, LOOK_AGAIN_MS, awaited.signal);
    }
    if (answer !== undefined) return answer;
  }
  return undefined;
}

/** An agent that asks reads what it is answered here, so that it begins no turn beside. */
async function answerToAgent(
  node: Operations,
  { group_id, member, question, signal }: Awaited,
): Promise<MessageRow | undefined> {
  const request = { group_id, message_id: question, author_key: member.entmoot_pubkey, wait_ms: WAIT_MAX_MS };
  const { row } = await node.call(answer_wait, request, { signal });
  return row === undefined ? undefined : await node.call(message, { group_id, message_id: row.message_id });
}

function isAnswer({ message }: MessageRow, { member, question }: Awaited): boolean {
  const key = message.author.entmoot_pubkey;
  return key !== null && sameBytes(key, member.entmoot_pubkey) && message.references.includes(question);
}

function isLost(error: unknown): boolean {
  return error instanceof EntmootError && (error.code === "unavailable" || error.code === "control_unavailable");
}

/** What is known of where the question got to. */
async function unanswered(
  options: GlobalOptions,
  { group_id, member, question, waitMs }: MemberMeant & { readonly question: MessageId; readonly waitMs: number },
): Promise<EntmootError> {
  const id = MessageId.toBase64(question).slice(0, 12);
  const who = terminalText(member.hostname, 64) || `node ${member.node_id}`;
  const known = await receiptAt(options, member, question)
    .then((told) => told ?? reachOf(options, group_id, member))
    .catch(() => "the daemon cannot be asked what became of it");
  const muted = await mutedHere(options, { group_id, member }, who).catch(() => undefined);
  const later =
    muted === undefined
      ? `an answer that comes later is in "entmootd inbox" and "entmootd thread ${id}"`
      : `${muted}; an answer that comes later is in "entmootd thread ${id}" alone`;
  return new EntmootError(
    "too_few",
    `no answer of ${who} came within ${durationText(waitMs)}; the question is stored here as ${id}, and ${known}; ${later}`,
  );
}

async function mutedHere(
  options: GlobalOptions,
  asked: Pick<MemberMeant, "group_id" | "member">,
  who: string,
): Promise<string | undefined> {
  await using daemon = await openDaemon(options, 1_000);
  return await mutedText(daemon, asked, { nowMs: realClock.unix(), who });
}

/** What the member itself tells of the question; `undefined` where it tells nothing. */
async function receiptAt(
  options: GlobalOptions,
  { entmoot_pubkey }: MemberRow,
  message_id: MessageId,
): Promise<string | undefined> {
  await using daemon = await openDaemon(options, 1_000);
  const { rows } = await daemon.call(receipts, { message_id });
  const found = rows[0]?.readers.find((reader) => sameBytes(reader.entmoot_pubkey, entmoot_pubkey));
  if (found === undefined || found.state === "none") return undefined;
  return `the member${receiptText(found.state, found.since_ms, realClock.unix())}`;
}

async function reachOf(options: GlobalOptions, group_id: GroupId, member: MemberRow): Promise<string> {
  await using daemon = await openDaemon(options, 1_000);
  if (options.agentSocket !== undefined) return "whether it was delivered is not told over an agents' socket";
  const rows = (await daemon.call(peers, { group_id })).peers;
  const row = rows.find(({ node_id }) => node_id === member.node_id);
  if (row === undefined) return "its member is none any more";
  if (row.connected) return "its member is connected, so its node has it or will have it soon";
  return `its member is not connected${row.error === undefined ? "" : ` (${terminalText(row.error, 200)})`}, so it may not have it yet`;
}
