import { durationText, sizeText } from "../../core/amounts.ts";
import { later } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import { MESSAGE_MAX_BYTES } from "../../core/kept.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { CONTENT_MAX_BYTES, publish as publishOperation } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { pause } from "../../transport/wait.ts";
import { behindText } from "../../view/behind-text.ts";
import { publishedJson } from "../../view/published-json.ts";
import { unmetLines } from "../../view/unmet-text.ts";
import { requireMessageName, whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { contentOf } from "../line/content-argument.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { withForce } from "../line/force-flag.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { listingMoots, parseMoot } from "../line/moot-argument.ts";
import { parseToken } from "../line/token-argument.ts";
import { parseTopics, unmatchedTopics } from "../line/topic-argument.ts";

const LABEL = "publish";
/** Ours. How long a daemon has that does not answer, where nothing was said. */
const TIMEOUT_MS = 30_000;
/** Ours. And at least, however short the wait for the turn: with none it could not even say that the turn is later. */
const LEAST_MS = 100;

/** `publish`: one message, stored and on its way when the command returns. */
export const publish = defineCommand({
  meta: { name: "publish", description: "Sign a message and hand it to the running daemon" },
  help: {
    examples: [
      'entmootd publish -topic chat -content "hello"',
      "entmootd publish -topic reports/daily -file report.md",
    ],
    exits: [0, 1, 2, 3, 5, 6, 7],
    words: ["topic", "content"],
    effect: 'the message may be out all the same; look with "entmootd tail -n 1 -timeout 1s" before a second try',
    notes: [
      "The message is durable on this node when the command returns; it spreads to peers by itself.",
      "A rate limit is status 7, and a second try later can succeed; -wait does that.",
      `A message has at most ${sizeText(MESSAGE_MAX_BYTES)} with all it carries;`,
      `content counts a third more, so some ${sizeText(CONTENT_MAX_BYTES)} of it fit.`,
      "After a timeout the message may have been published all the same: with -token, a second try is safe.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    topic: { type: "string", default: "", valueHint: "T[,T]", description: "topics, comma separated (required)" },
    content: { type: "string", valueHint: "TEXT", description: "message body" },
    file: {
      type: "string",
      valueHint: "PATH|-",
      description: "read the body from a file, or - for stdin",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    reference: {
      type: "string",
      valueHint: "MESSAGE_ID[,…]",
      description: "what it answers or is about; the first 8 characters of an id or more",
    },
    force: { type: "boolean", description: "over an agents' socket: publish what looks like a secret" },
    timeout: {
      type: "string",
      valueHint: "D",
      defaultHint: "-wait where that is given, else 30s; for stdin as long as it takes",
      description: "how long to wait for the daemon, and for the body to be read",
    },
    wait: {
      type: "string",
      default: "0s",
      valueHint: "D",
      description: "when the rate limit is reached, wait up to so long for the turn",
    },
    token: {
      type: "string",
      valueHint: "TEXT",
      description:
        "16 to 64 bytes of your choice; the same message again under it is not published and prints the first answer with duplicate; another message is refused",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const topics = parseTopics(LABEL, args.topic);
    const times = parseTimes(args);
    const asked = { options, timeoutMs: args.timeout === undefined ? undefined : times.timeoutMs };
    const groupId = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, asked);
    for (const word of args.reference?.split(",") ?? []) requireMessageName(`${LABEL}: -reference`, word);
    const token = args.token === undefined ? undefined : parseToken(`${LABEL}: -token`, args.token);
    let endsAt = later(realClock.steady(), times.wholeMs);
    const isPatient = args.timeout === undefined && args.file === "-";
    const content = await contentOf(LABEL, args, isPatient ? undefined : times.timeoutMs);
    if (isPatient) endsAt = later(realClock.steady(), times.wholeMs);
    await namedFailure(LABEL, async () => {
      const request = { group_id: groupId, topics, content, token, ...(args.force ? { force: true } : {}) };
      const published = await inTurn(times.waitMs, async () => {
        const leftMs = () => Math.max(1, Math.min(times.timeoutMs, endsAt - realClock.steady()));
        await using daemon = await openDaemon(options, leftMs());
        const references = await referenced(daemon, args.reference, groupId);
        return await listingMoots(LABEL, { options, timeoutMs: leftMs() }, () =>
          daemon.call(publishOperation, { ...request, references }, { timeoutMs: leftMs() }),
        ).catch((cause: unknown) => {
          throw withForce(cause);
        });
      });
      const warning = unmatchedTopics(topics);
      if (warning !== undefined) printProse(`${LABEL}: warning: ${warning}`);
      if (published.behind_ms !== undefined) printProse(`${LABEL}: warning: ${behindText(published.behind_ms)}`);
      for (const line of unmetLines(published)) printProse(`${LABEL}: note: ${line}`);
      printJson({ ...publishedJson(published), topic: topics });
    });
  },
});

/** The messages that `text` names, in the moot that is meant. */
async function referenced(
  node: Operations,
  text: string | undefined,
  group_id: GroupId | undefined,
): Promise<readonly MessageId[] | undefined> {
  if (text === undefined) return undefined;
  const ids: MessageId[] = [];
  for (const word of text.split(",")) {
    ids.push((await whichMessage(`${LABEL}: -reference`, word, { node, group_id })).message_id);
  }
  return ids;
}

interface Times {
  /** For the body, and for the daemon each time that it is asked. */
  readonly timeoutMs: number;
  /** For the turn, where there is a rate limit. */
  readonly waitMs: number;
  /** For all of it: the longer of those that were given. */
  readonly wholeMs: number;
}

function parseTimes({ timeout, wait }: { readonly timeout?: string | undefined; readonly wait: string }): Times {
  const waitMs = parsePatienceMs(`${LABEL}: -wait`, wait);
  const given = timeout === undefined ? undefined : parsePatienceMs(`${LABEL}: -timeout`, timeout);
  const timeoutMs = given ?? (waitMs > 0 ? Math.max(waitMs, LEAST_MS) : TIMEOUT_MS);
  return { timeoutMs, waitMs, wholeMs: Math.max(waitMs, timeoutMs) };
}

/** Does what a rate limit keeps waiting, again and again until it is done or its turn would come too late. */
async function inTurn<T>(waitMs: number, work: () => Promise<T>): Promise<T> {
  const giveUpAt = later(realClock.steady(), waitMs);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = error instanceof EntmootError && error.code === "rate_limited" ? error.retryAfterMs : undefined;
      if (pauseMs === undefined || realClock.steady() + pauseMs > giveUpAt) throw error;
      printProse(`${LABEL}: the rate limit is reached; trying again in ${durationText(pauseMs)}`);
      await pause(realClock, pauseMs);
    }
  }
}
