import { withoutSecrets } from "../../core/admission/secrets.ts";
import { sizeText } from "../../core/amounts.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { codeOf } from "../../core/system-error.ts";
import type { Daemon } from "../../daemon/start-daemon.ts";
import { printProse, putJson } from "../../host/print.ts";
import { onReaderGone } from "../../host/stdout-reader.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { backlog, type MessageRow, type Published, publish } from "../../node/operations/messages.ts";
import { pause, unlessAborted } from "../../transport/wait.ts";
import { behindText } from "../../view/behind-text.ts";
import { eventJson } from "../../view/event-json.ts";
import { jsonInteger } from "../../view/message-line.ts";
import { retentionJson } from "../../view/retention-json.ts";
import { unmetJson } from "../../view/unmet-text.ts";
import { mootsOfStatus, theMootCalled } from "../../view/which-moot.ts";
import { unmatchedTopics } from "../line/topic-argument.ts";
import { CHAT_TOPIC } from "./conversation.ts";
import { type InputLine, LineSplitter } from "./line-splitter.ts";
import { EXPECTED, readSpoken, spokenId } from "./spoken-request.ts";
import { watchFromNow } from "./watch-from-now.ts";

/** Everything is told, whatever it is about. */
const ALL_TOPICS = "#";
/** Ours. A message of the greatest size, each byte of it escaped, fits in a line. */
const LINE_MAX_BYTES = 8 * 1024 * 1024;

export interface ReportParts {
  readonly clock: Clock;
  readonly moot: MootStatus;
  readonly link: string | undefined;
  readonly next: string | undefined;
  /** Whether lines of stdin are answered. */
  readonly isSpokenTo: boolean;
  /** Places behind which messages are told first; of moots that none of them names only what comes is told. */
  readonly after: readonly string[];
}

/** For programs: JSON lines out, and in where asked for. A reader that stops reading stops the lines, not the node; one that is gone ends both. */
export async function report(
  { node, ending, log }: Daemon,
  { after, clock, isSpokenTo, link, moot, next }: ReportParts,
): Promise<void> {
  const left = new AbortController();
  const over = AbortSignal.any([ending, left.signal]);
  const leave = () => {
    if (left.signal.aborted) return;
    log.info("nobody reads stdout any more; ending");
    left.abort();
  };
  using _reader = onReaderGone(clock, leave);
  // The end does not wait for a reader either.
  const put = (value: unknown) =>
    unlessAborted(putJson(value), over).catch((error: unknown) => {
      if (codeOf(error) !== "EPIPE") throw error;
      leave();
    });
  const ready = {
    event: "ready",
    group_id: GroupId.toBase64(moot.group_id),
    link: link ?? null,
    next_command: next ?? null,
    name: moot.name,
    members: moot.members,
    local_node_id: moot.local_node_id,
    ...retentionJson(moot),
  };
  if (!isSpokenTo && process.stdin.isTTY) {
    printProse("up: stdout is no terminal for people: what is typed is not read; end with Ctrl-C");
  }
  // A place that is lost is refused before anything is told.
  const told = after.length === 0 ? undefined : await tellAfter(node, { after, over, put, ready });
  if (over.aborted) return;
  const shown = { topic: ALL_TOPICS, peers: true, receipts: true, presence: true };
  const events = watchFromNow(node, { ...shown, ...told }, over);
  if (told === undefined) await put(ready);
  const answering = isSpokenTo ? answerLines(node, { clock, moot, over, put }).then(() => left.abort()) : undefined;
  for await (const event of events) await put(eventJson(event));
  await answering;
}

interface Telling {
  readonly after: readonly string[];
  readonly over: AbortSignal;
  readonly put: (value: unknown) => Promise<void>;
  readonly ready: object;
}

/** Prints `ready` and what arrived behind the places; gives the places from which to go on. */
async function tellAfter(node: Daemon["node"], { after, over, put, ready }: Telling) {
  let isReady = false;
  const beReady = async () => {
    if (!isReady) await put(ready);
    isReady = true;
  };
  const onEvent = async (row: MessageRow) => {
    await beReady();
    await put(eventJson({ kind: "message", ...row }));
  };
  const told = await unlessAborted(
    node.call(backlog, { topic: ALL_TOPICS, last: 0, after }, { signal: over, onEvent }),
    over,
  );
  await beReady();
  for (const one of told?.unread ?? []) await put(eventJson({ kind: "unread", ...one }));
  return told === undefined ? undefined : { after: told.places };
}

interface Answering {
  readonly clock: Clock;
  readonly moot: MootStatus;
  readonly over: AbortSignal;
  readonly put: (value: unknown) => Promise<void>;
}

/** Answers each line of stdin before it reads the next. Resolves at the end of stdin: whoever spoke to us is gone. */
async function answerLines(node: Daemon["node"], answering: Answering): Promise<void> {
  const { clock, over } = answering;
  const splitter = new LineSplitter(LINE_MAX_BYTES);
  const reader = Bun.stdin.stream().getReader();
  while (!over.aborted) {
    const piece = await unlessAborted(reader.read(), over);
    if (piece === undefined) return;
    const lines = piece.done ? splitter.end() : splitter.read(piece.value);
    for (const line of lines) {
      await answer(node, line, answering);
      await pause(clock, 0);
      if (over.aborted) return;
    }
    // Whoever writes without end is read without end, and the node has other things to do.
    await pause(clock, 0);
    if (piece.done) return;
  }
}

async function answer(node: Daemon["node"], { bytes, number }: InputLine, { moot, put }: Answering): Promise<void> {
  const id = bytes === undefined ? undefined : spokenId(bytes);
  const mark = id === undefined ? {} : { id };
  try {
    if (bytes === undefined) {
      throw new EntmootError(
        "invalid_argument",
        `expected a line of at most ${sizeText(LINE_MAX_BYTES)} such as ${EXPECTED}, found a longer one`,
      );
    }
    const spoken = readSpoken(bytes, { groupId: moot.group_id, topic: CHAT_TOPIC });
    const named = spoken.moot === undefined ? {} : { group_id: await mootCalled(node, spoken.moot) };
    const asked = { ...spoken.publish, ...named };
    await put({
      event: "published",
      line: number,
      ...mark,
      ...publishedJson(await node.call(publish, asked), asked.topics),
    });
  } catch (error) {
    const code = error instanceof EntmootError ? error.code : "internal";
    const retry_after_ms = error instanceof EntmootError ? error.retryAfterMs : undefined;
    await put({
      event: "error",
      line: number,
      ...mark,
      error: { code, message: withoutSecrets(textOf(error)), retry_after_ms },
    });
  }
}

/** The one moot of that name. Throws `invalid_argument`, saying which there are. */
async function mootCalled(node: Daemon["node"], name: string): Promise<GroupId> {
  return theMootCalled("publish: group_id", name, mootsOfStatus(await node.call(status, {}))).group_id;
}

function publishedJson(published: Published, topics: readonly string[]) {
  const { author, behind_ms, duplicate, group_id, message_id, timestamp_ms } = published;
  const warning = unmatchedTopics(topics) ?? (behind_ms === undefined ? undefined : behindText(behind_ms));
  return {
    author: author.pilot_node_id,
    ...(behind_ms === undefined ? {} : { behind_ms }),
    ...(duplicate ? { duplicate: true } : {}),
    group_id: GroupId.toBase64(group_id),
    message_id: MessageId.toBase64(message_id),
    timestamp_ms: jsonInteger(timestamp_ms),
    topic: topics,
    ...unmetJson(published),
    ...(warning === undefined ? {} : { warning }),
  };
}
