import { ControlClient } from "../../control/control-client.ts";
import { ControlError } from "../../control/control-error.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { verifyPattern } from "../../core/policy/topic.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { ChangeSignal } from "../../node/change-signal.ts";
import { watch } from "../../node/watch.ts";
import { pause } from "../../transport/wait.ts";
import { messageLine } from "../../view/message-line.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { namedGroup } from "../line/named-group.ts";

const LABEL = "tail";
/** Ours. Between two tries to find a daemon that went away. */
const LOOK_AGAIN_MS = 250;

/** `tail`: messages as they arrive, each once, across restarts of the daemon. */
export const tail = defineCommand({
  meta: { name: "tail", description: "Print messages as they arrive" },
  help: {
    examples: ["entmootd tail -topic chat -n 10"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "Every message once, in the order it arrived here. When the daemon restarts, tail waits and goes on where",
      "it stopped. A closed stdin does not end it; SIGINT and SIGTERM do.",
    ],
  },
  args: {
    ...globalFlags,
    topic: {
      type: "string",
      default: "#",
      valueHint: "PATTERN",
      description: "only topics that match; + is one segment, # the rest",
    },
    group: { type: "string", valueHint: "GID", defaultHint: "all groups", description: "only this group" },
    n: { type: "string", default: "0", valueHint: "N", description: "first print the last N; -1 for all held" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const last = parseLast(args.n);
    verifyTopic(args.topic);
    const ending = new AbortController();
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort());
    await namedFailure(LABEL, async () => {
      const start = await backfill(options, { group: args.group, topic: args.topic, last });
      await follow(options, { ...start, topic: args.topic, signal: ending.signal });
    });
  },
});

interface Start {
  /** `undefined`: all groups. */
  readonly groupId: GroupId | undefined;
  /** Where each group's delivery log stood: what came up to there is printed or not wanted. */
  readonly seen: Map<GroupId, number>;
}

/** Prints what is wanted of what is held, and notes where the live part begins, so that nothing falls between. */
async function backfill(
  options: GlobalOptions,
  { group, topic, last }: { group: string | undefined; topic: string; last: number },
): Promise<Start> {
  using root = openForReading(options);
  const groupId = group === undefined ? undefined : namedGroup(LABEL, root, group);
  const ids = groupId === undefined ? root.groupIds() : [groupId];
  const groups = ids.flatMap((id) => {
    const messages = root.openGroup(id)?.messages;
    return messages === undefined ? [] : [{ id, messages }];
  });
  const seen = new Map(groups.map(({ id, messages }) => [id, messages.lastSeq()]));
  if (last === 0) return { groupId, seen };
  const held = watch(
    { groups: () => groups, changed: new ChangeSignal(), onPeerEvent: () => () => {} },
    // Aborted from the start: it gives what is held and does not wait for more.
    { groupId, topic, from: last < 0 ? "all" : last, peers: false, signal: AbortSignal.abort() },
  );
  for await (const event of held) {
    if (event.kind === "message" && event.seq <= (seen.get(event.group_id) ?? 0)) {
      printJson(messageLine(event.group_id, event.message));
    }
  }
  return { groupId, seen };
}

/** Prints what arrives until `signal` aborts. Throws `control_unavailable` when there is no daemon to begin with. */
async function follow(
  options: GlobalOptions,
  { groupId, seen, topic, signal }: Start & { readonly topic: string; readonly signal: AbortSignal },
): Promise<void> {
  let daemon: ControlClient | undefined = await openDaemon(options);
  while (daemon !== undefined) {
    await using current = daemon;
    try {
      for await (const event of current.watch({ groupId, topic, from: "now", after: seen, peers: false, signal })) {
        if (event.kind !== "message") continue;
        printJson(messageLine(event.group_id, event.message));
        // An original daemon names no places.
        if (event.seq > 0) seen.set(event.group_id, event.seq);
      }
    } catch (error) {
      if (!isLost(error)) throw error;
    }
    if (signal.aborted) return;
    printProse(`${LABEL}: the daemon has gone; waiting for it to come back`);
    daemon = await waitForDaemon(options.dataDir, signal);
    if (daemon !== undefined) printProse(`${LABEL}: the daemon is back; going on where it stopped`);
  }
}

async function waitForDaemon(dataDir: string, signal: AbortSignal): Promise<ControlClient | undefined> {
  while (!signal.aborted) {
    const daemon = await ControlClient.connect(dataDir).catch(() => undefined);
    if (daemon !== undefined) return daemon;
    await pause(realClock, LOOK_AGAIN_MS, signal);
  }
  return undefined;
}

/** The connection broke, as opposed to the daemon saying no. */
function isLost(error: unknown): boolean {
  if (error instanceof ControlError) return false;
  return error instanceof EntmootError && (error.code === "unavailable" || error.code === "control_unavailable");
}

function parseLast(text: string): number {
  if (/^-(?!1$)\d+$/.test(text.trim())) throw new EntmootError("invalid_argument", `${LABEL}: -n must be >= -1`);
  return parseInteger(`${LABEL}: -n`, text, { min: -1, max: Number.MAX_SAFE_INTEGER });
}

function verifyTopic(topic: string): void {
  try {
    verifyPattern(topic);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${LABEL}: -topic: ${cause.message}`, { cause });
  }
}
