import { trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../core/policy/policy.ts";
import { KEEP_DAYS } from "../../core/policy/retention.ts";
import { type Daemon, startDaemon } from "../../daemon/start-daemon.ts";
import { printProse, putJson, putLine } from "../../host/print.ts";
import { programName } from "../../host/program-name.ts";
import { realClock } from "../../host/real-clock.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { type MootStatus, status } from "../../node/operations/daemon.ts";
import { eventsOf } from "../../node/operations/events.ts";
import { link_create } from "../../node/operations/invites.ts";
import { publish, type WatchEvent, watch } from "../../node/operations/messages.ts";
import { group_create, members } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { unlessAborted } from "../../transport/wait.ts";
import { eventJson } from "../../view/event-json.ts";
import { eventLine, mootName } from "../../view/event-line.ts";
import { retentionJson } from "../../view/retention-json.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { daemonFlags, parseDaemonFlags } from "../line/daemon-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "up";
/** Ours. What somebody needs who wants to try it with a few others today. */
const LINK_USES = 10;
const LINK_VALID_MS = 24 * 3_600_000;
/** Ours. What a person types is talk, which needs no topic thought up for it. */
const CHAT_TOPIC = "chat";

/** `up`: from nothing to a running moot with a link to share, in one command. */
export const up = defineCommand({
  meta: { name: "up", description: "Start here: run a node, make a moot and a link to join it, show messages" },
  help: {
    examples: ["entmootd up", 'entmootd up -moot "release council"'],
    exits: [0, 1, 5, 6],
    effect: 'a moot and a link may have been made all the same; "entmootd info" shows them',
    notes: [
      "Opens the joined moots, or creates a private one. On a terminal it shows messages and publishes what you",
      "type to topic chat; elsewhere it prints JSON lines: one with event ready, then message and peer.",
      "SIGINT and SIGTERM end it. While it runs, every other command works too.",
    ],
  },
  args: {
    ...globalFlags,
    moot: {
      type: "string",
      valueHint: "NAME",
      defaultHint: "a friendly one",
      description: "name of the moot to create when there is none",
    },
    ...daemonFlags,
    json: { type: "boolean", description: "JSON lines also on a terminal" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const name = args.moot === undefined ? undefined : trimSpace(args.moot);
    if (name === "") throw new EntmootError("invalid_argument", `${LABEL}: -moot: expected a name`);
    await namedFailure(LABEL, async () => {
      await using daemon = await startDaemon(options, {
        command: LABEL,
        control: true,
        ...parseDaemonFlags(LABEL, args),
      });
      const { moot, link } = await findMoot(daemon.node, name);
      const next = link === undefined ? undefined : shellCommand(["entmootd", "join", link]);
      if (process.stdout.isTTY && !args.json) await talk(daemon, { moot, next, ownName: args.hostname ?? "" });
      else await report(daemon, { moot, link, next });
    });
  },
});

/**
 * Of several the one called `name`, or one of our own: that is where a link can be made. Of two called so also our own:
 * a moot joined by a link is called what its issuer likes.
 */
export function chosenMoot<T extends Pick<MootStatus, "name" | "founder">>(groups: readonly T[], name?: string) {
  const called = groups.filter((group) => group.name === name);
  const own = (some: readonly T[]) => some.find((group) => group.founder) ?? some[0];
  return own(called) ?? own(groups);
}

/** The moot to show first, made when there is none, with a link where this node may let others in. */
async function findMoot(
  node: Operations,
  name: string | undefined,
): Promise<{ moot: MootStatus; link: string | undefined }> {
  const groups = (await node.call(status, {})).groups;
  const known = chosenMoot(groups, name);
  if (known !== undefined && name !== undefined && known.name !== name) {
    const shown = terminalText(known.name || GroupId.toBase64(known.group_id), 80);
    const create = shellCommand([programName(), "group", "create", "-name", name]);
    printProse(`${LABEL}: no moot of that name here; going on with "${shown}" (to make another: ${create})`);
  }
  const moot = known ?? (await createMoot(node, name ?? mootName()));
  return { moot, link: moot.founder ? await makeLink(node, moot.group_id) : undefined };
}

async function createMoot(node: Operations, name: string): Promise<MootStatus> {
  const { group_id } = await node.call(group_create, {
    name,
    visibility: "private",
    join_mode: "invite_only",
    policy_source: "preset:relaxed",
    // People talk here, who forget nothing by surprise and type faster than six lines a minute.
    policy: formatPolicy({ ...POLICY_PRESETS.relaxed, retention_days: KEEP_DAYS }),
  });
  return (await node.call(status, {})).groups.find((group) => group.group_id === group_id)!;
}

/** A link cannot be shown twice, so each start makes a new one; those before it stay good. */
async function makeLink(node: Operations, groupId: GroupId): Promise<string> {
  const { link } = await node.call(link_create, { group_id: groupId, uses: LINK_USES, valid_for_ms: LINK_VALID_MS });
  return link;
}

/** For programs: JSON lines, and stdin is nobody's business. A reader that stops reading stops the lines, not the node. */
async function report(
  daemon: Daemon,
  { moot, link, next }: { moot: MootStatus; link: string | undefined; next: string | undefined },
): Promise<void> {
  // The end does not wait for a reader either.
  const put = (value: unknown) => unlessAborted(putJson(value), daemon.ending);
  const events = watchFromNow(daemon.node, daemon.ending);
  await put({
    event: "ready",
    group_id: GroupId.toBase64(moot.group_id),
    link: link ?? null,
    next_command: next ?? null,
    name: moot.name,
    members: moot.members,
    local_node_id: moot.local_node_id,
    ...retentionJson(moot),
  });
  for await (const event of events) {
    await put(eventJson(event));
  }
}

/** What happens from this call on, whenever it is read: nothing between "ready" and the first read is missed. */
function watchFromNow(node: Operations, signal: AbortSignal): AsyncIterable<WatchEvent> {
  const events = eventsOf(node, watch, { topic: "#", peers: true }, { signal });
  let first: Promise<IteratorResult<WatchEvent>> | undefined = events.next();
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        const next = first ?? events.next();
        first = undefined;
        return next;
      },
    }),
  };
}

/** For people: readable lines, and what they type is published. */
async function talk(
  { node, ending }: Daemon,
  { moot, next, ownName }: { moot: MootStatus; next: string | undefined; ownName: string },
): Promise<void> {
  const events = watchFromNow(node, ending);
  const title = terminalText(moot.name || GroupId.toBase64(moot.group_id), 80);
  await putLine(`moot "${title}" is up, with ${moot.members} ${moot.members === 1 ? "member" : "members"}`);
  await putLine(
    next === undefined
      ? "only its founder can make links; ask there for one to bring in others"
      : `on another machine run (good for ${LINK_USES} joiners and 24 hours):\n  ${next}`,
  );
  await putLine(`type a line to publish it to topic ${CHAT_TOPIC}; end with Ctrl-C`);
  const typing = publishLines(node, moot.group_id, ending);
  for await (const event of events) {
    const known = await node.call(members, { group_id: event.group_id });
    const names = new Map(known.members.map((row) => [row.node_id, row.hostname || (row.self ? ownName : "")]));
    await putLine(eventLine(event, { names, now: new Date(realClock.unix()) }));
  }
  await typing;
}

/** Publishes each line of the terminal until it or the daemon ends. A refused one is told, and typing goes on. */
async function publishLines(node: Operations, groupId: GroupId, ending: AbortSignal): Promise<void> {
  const { createInterface } = await import("node:readline");
  const lines = createInterface({ input: process.stdin, terminal: false });
  ending.addEventListener("abort", () => lines.close(), { once: true });
  for await (const line of lines) {
    if (trimSpace(line) === "") continue;
    try {
      await node.call(publish, { group_id: groupId, topics: [CHAT_TOPIC], content: encodeUtf8(line) });
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      printProse(`${LABEL}: not published: ${error.message}`);
    }
  }
}
