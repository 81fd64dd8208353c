import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import type { Clock } from "../../core/clock.ts";
import { GroupId } from "../../core/ids.ts";
import { parsePlace } from "../../core/place.ts";
import type { Daemon } from "../../daemon/start-daemon.ts";
import { drawProse } from "../../host/print.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { backlog, type MessageRow, type WatchEvent } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { unlessAborted } from "../../transport/wait.ts";
import { eventLine } from "../../view/event-line.ts";
import { retentionLine } from "../../view/retention-json.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { Conversation } from "./conversation.ts";
import { MemberNames } from "./member-names.ts";
import { Screen } from "./screen.ts";
import { watchFromNow } from "./watch-from-now.ts";

/** Ours. Messages of the moot that are shown to begin with: what a screen holds. */
const LAST_MESSAGES = 20;
/** Everything is shown, whatever it is about. */
const ALL_TOPICS = "#";

export interface TalkParts {
  readonly clock: Clock;
  /** Where what is typed goes to begin with. */
  readonly moot: MootStatus;
  /** What to say of how others get in. */
  readonly invitation: readonly string[];
  readonly ownName: string;
  /** How another command of this program is begun here. */
  readonly program: readonly string[];
}

/** For people: messages go by as lines, and what is typed below them is published. Ends with the daemon or on request. */
export async function talk({ node, ending, settings }: Daemon, parts: TalkParts): Promise<void> {
  const { clock, moot } = parts;
  const left = new AbortController();
  const over = AbortSignal.any([ending, left.signal]);
  const { places, rows } = await lastMessages(node, moot);
  const events = watchFromNow(
    node,
    { topic: ALL_TOPICS, after: places, peers: true, receipts: true, presence: true },
    over,
  );
  const { groups } = await node.call(status, {});
  let conversation: Conversation | undefined;
  await using screen = new Screen({
    clock,
    onLine: (text, pasted) => conversation?.hear(text, pasted),
    onEnd: () => conversation?.leave(),
  });
  using _prose = drawProse((line) => screen.note(terminalText(line)));
  const shown = new ShownUpTo();
  const onMoot = async (to: MootStatus) => {
    const { rows } = await lastMessages(node, to);
    shown.note(rows);
    screen.note(rows.length === 0 ? "no messages there yet" : "the last messages there:");
    for (const row of rows) await put({ kind: "message", ...row });
  };
  const onQuit = () => left.abort();
  const heard = new Conversation({ node, settings, listener: screen, moots: groups, moot, onMoot, onQuit });
  conversation = heard;
  const names = new MemberNames(node, clock, parts.ownName);
  const lineOf = async (event: WatchEvent) => {
    const line = eventLine(event, {
      names: await names.of(event.group_id),
      now: new Date(clock.unix()),
      moot: await heard.nameOn(event.group_id),
      program: parts.program,
    });
    const isNew = event.kind === "peer" && event.self && event.event === "joined";
    return isNew ? line + (await heard.wayTo(event.group_id)) : line;
  };
  const put = async (event: WatchEvent) => void (await unlessAborted(screen.put(await lineOf(event)), over));
  const show = async (event: WatchEvent) => {
    if (event.kind === "peer") names.forget(event.group_id);
    const line = await lineOf(event);
    // Looked at last: somebody may have gone to the moot meanwhile, and been shown it.
    if (!shown.has(event)) await unlessAborted(screen.put(line), over);
  };
  for (const line of greeting(parts, groups.length, screen.isTyped)) screen.note(line);
  for (const row of rows) {
    await put({ kind: "message", ...row });
    if (row.message.author.pilot_node_id === moot.local_node_id) screen.remember(decodeUtf8(row.message.content));
  }
  try {
    for await (const event of events) await show(event);
    await heard.settled();
  } finally {
    for (const text of [...heard.unpublished, screen.takeUnfinished()]) {
      if (text.trim() !== "") screen.note(notPublished(text));
    }
  }
}

/** Whole, however it is ended, and line by line: it can be copied from the terminal. */
function notPublished(text: string): string {
  const lines = text.split("\n").map((line) => terminalText(line, Number.POSITIVE_INFINITY));
  return `not published: ${lines.join("\n")}`;
}

/** Up to where each moot was shown to somebody who went there, so that what comes of it is not shown twice. */
class ShownUpTo {
  readonly #seqs = new Map<GroupId, number>();

  note(rows: readonly MessageRow[]): void {
    for (const { group_id, seq } of rows) this.#seqs.set(group_id, Math.max(seq, this.#seqs.get(group_id) ?? 0));
  }

  has(event: WatchEvent): boolean {
    return event.kind === "message" && event.seq <= (this.#seqs.get(event.group_id) ?? 0);
  }
}

function greeting({ invitation, moot }: TalkParts, moots: number, isTyped: boolean): string[] {
  const title = terminalText(moot.name || GroupId.toBase64(moot.group_id), 80);
  return [
    `moot "${title}" is up, with ${moot.members} ${moot.members === 1 ? "member" : "members"}`,
    ...(moot.local_member ? [] : ["this node is no member of it (any more): only the founder can add it"]),
    `it ${retentionLine(moot)}`,
    ...invitation,
    ...(moots > 1
      ? [`this node is in ${moots} moots: what is typed goes to this one until /moot NAME says another`]
      : []),
    isTyped
      ? "type a line to publish it to topic chat; /help tells more; end with Ctrl-D"
      : "stdin is no terminal: messages are shown, and nothing is published; end with Ctrl-C",
  ];
}

/** The latest messages of a moot, and where all logs stand after them: what comes then falls in between nowhere. */
async function lastMessages(node: Operations, { group_id }: MootStatus) {
  const rows: MessageRow[] = [];
  const here = await node.call(
    backlog,
    { group_id, topic: ALL_TOPICS, last: LAST_MESSAGES },
    { onEvent: (row) => void rows.push(row) },
  );
  const all = await node.call(backlog, { topic: ALL_TOPICS, last: 0 });
  const read = new Map(here.places.map((place) => [parsePlace(place).moot, place]));
  return { rows, places: all.places.map((place) => read.get(parsePlace(place).moot) ?? place) };
}
