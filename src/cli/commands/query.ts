import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { verifyPattern } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import { openForReading } from "../../daemon/read-root.ts";
import { printJson } from "../../host/print.ts";
import type { MessageQuery, MessageStore } from "../../store/group-store.ts";
import { messageLine } from "../../view/message-line.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseNodeId } from "../line/group-argument.ts";
import { pickGroup } from "../line/named-group.ts";
import { parseTimeBound } from "../line/time-bound.ts";

const LABEL = "query";
/** Ours. Messages read at a time, so that a query for all of a large group stays small. */
const PAGE = 512;

/** `query`: messages held here, newest first, whether or not a daemon runs. */
export const query = defineCommand({
  meta: { name: "query", description: "Print messages held on this node" },
  help: {
    examples: ["entmootd query -topic chat/# -since 2026-01-01T00:00:00Z -limit 20"],
    exits: [0, 1, 3, 5],
    notes: [
      "Order is by timestamp, then author, then id; desc is exactly asc reversed. One JSON object a line;",
      "content_b64 has the bytes where content is not UTF-8. Without a match nothing is printed.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    author: { type: "string", valueHint: "N", description: "only messages of this node id" },
    topic: {
      type: "string",
      valueHint: "PATTERN",
      description: "only topics that match; + is one segment, # the rest",
    },
    since: { type: "string", valueHint: "TIME", description: "from this time on (RFC 3339 or Unix ms)" },
    until: { type: "string", valueHint: "TIME", description: "before this time" },
    limit: { type: "string", default: "50", valueHint: "N", description: "at most so many; 0 for all" },
    order: { type: "string", default: "desc", valueHint: "asc|desc", description: "oldest or newest first" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseLimit(args.limit);
    const filter = parseFilter(args);
    await namedFailure(LABEL, async () => {
      using root = openForReading(options);
      const groupId = pickGroup(LABEL, root, args.group);
      const messages = root.openGroup(groupId)?.messages;
      if (messages !== undefined) print(groupId, messages, filter, limit);
    });
  },
});

type Filter = Omit<MessageQuery, "limit" | "from">;

function parseLimit(text: string): number {
  if (/^-\d+$/.test(text.trim())) throw new EntmootError("invalid_argument", `${LABEL}: -limit must be non-negative`);
  return parseInteger(`${LABEL}: -limit`, text, { min: 0, max: Number.MAX_SAFE_INTEGER });
}

interface FilterArgs {
  readonly author?: string | undefined;
  readonly topic?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly order: string;
}

function parseFilter({ author, topic, since, until, order }: FilterArgs): Filter {
  if (order !== "asc" && order !== "desc") {
    throw new EntmootError("invalid_argument", `${LABEL}: -order must be asc or desc`);
  }
  if (topic !== undefined) verifyTopic(topic);
  const from = since === undefined ? 0n : parseTimeBound(`${LABEL}: -since`, since);
  const to = until === undefined ? 0n : parseTimeBound(`${LABEL}: -until`, until);
  return {
    order,
    ...(author === undefined ? {} : { author_node_id: parseNodeId(`${LABEL}: -author`, author) }),
    ...(topic === undefined ? {} : { topic }),
    // Wire. 0 is no bound.
    ...(from === 0n ? {} : { since: from }),
    ...(to === 0n ? {} : { until: to }),
  };
}

function verifyTopic(topic: string): void {
  try {
    verifyPattern(topic);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${LABEL}: -topic: ${cause.message}`, { cause });
  }
}

/** Prints page by page; `limit` 0 is all. */
function print(groupId: GroupId, messages: MessageStore, filter: Filter, limit: number): void {
  let from: TimePlace | undefined;
  for (let left = limit === 0 ? Number.POSITIVE_INFINITY : limit; left > 0; ) {
    const size = Math.min(PAGE, left);
    const page = messages.query({ ...filter, limit: size, ...(from === undefined ? {} : { from }) });
    for (const { canonical } of page) {
      const message = decodeMessage(canonical);
      printJson(messageLine(groupId, message));
      from = { timestamp: message.timestamp, author_node_id: message.author.pilot_node_id, id: message.id };
    }
    if (page.length < size) return;
    left -= page.length;
  }
}
