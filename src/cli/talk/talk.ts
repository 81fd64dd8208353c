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
}

/** For people: messages go by as lines, and what is typed below them is published. Ends with the daemon or on request. */
export async function talk({ node, ending, settings }: Daemon, parts: TalkParts): Promise<void> {
  const { clock, moot } = parts;
  const left = new AbortController();
  const over = AbortSignal.any([ending, left.signal]);
  const { places, rows } = await lastMessages(node, moot);
  const events = watchFromNow(node, { topic: ALL_TOPICS, after: places, peers: true }, over);
  const { groups } = await node.call(status, {});
  let conversation: Conversation | undefined;
  await using screen = new Screen({
    clock,
    onLine: (text, pasted) => conversation?.hear(text, pasted),
    onEnd: () => conversation?.leave(),
  });
  using _prose = drawProse((line) => screen.note(terminalText(line)));
  const heard = new Conversation({ node, settings, listener: screen, moots: groups, moot, onQuit: () => left.abort() });
  conversation = heard;
  const names = new MemberNames(node, clock, parts.ownName);
  const show = async (event: WatchEvent) => {
    if (event.kind === "peer") names.forget(event.group_id);
    const line = eventLine(event, {
      names: await names.of(event.group_id),
      now: new Date(clock.unix()),
      moot: await heard.nameOn(event.group_id),
    });
    await unlessAborted(screen.put(line), over);
  };
  for (const line of greeting(parts, groups.length, screen.isTyped)) screen.note(line);
  for (const row of rows) {
    await show({ kind: "message", ...row });
    if (row.message.author.pilot_node_id === moot.local_node_id) screen.remember(decodeUtf8(row.message.content));
  }
  for await (const event of events) await show(event);
  await heard.settled();
}

function greeting({ invitation, moot }: TalkParts, moots: number, isTyped: boolean): string[] {
  const title = terminalText(moot.name || GroupId.toBase64(moot.group_id), 80);
  return [
    `moot "${title}" is up, with ${moot.members} ${moot.members === 1 ? "member" : "members"}`,
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
