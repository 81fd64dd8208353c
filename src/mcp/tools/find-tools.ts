import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import { context, search } from "../../node/operations/find.ts";
import { type InboxRow, inbox_read, mutes } from "../../node/operations/inbox.ts";
import { indexingText } from "../../view/found-text.ts";
import { ROW_SCHEMA, rowData, rowsText } from "../shown-messages.ts";
import {
  ID_ARGUMENT,
  messageArgument,
  objectOf,
  type Tool,
  type ToolCall,
  textArgument,
  textOf,
  wholeOf,
} from "../tool.ts";
import { whichMoot } from "../which-moot.ts";
import { requireText } from "./inbox-tools.ts";
import { GROUP_ARGUMENT } from "./moot-tools.ts";

/** Ours. Messages of one answer, and either side of one: what a model reads at once. */
const FOUND_MAX = 20;
const SIDE_MAX = 10;
const SIDE_DEFAULT = 5;
/** Ours. Characters of what is searched for and of where a page goes on. */
const QUERY_MAX = 256;
const PAGE_MAX = 8192;

const OUTPUT = {
  messages: { type: "array", items: ROW_SCHEMA, maxItems: FOUND_MAX + 1 },
  muted: { type: "integer" },
  more: { type: "boolean" },
  // Hosts show their models the data alone where there is any.
  envelope: { type: "string" },
} as const;

const searchTool: Tool = {
  name: "entmoot_search",
  title: "Search messages",
  description:
    "Finds messages of a moot that have all the words given, in any order and case, newest first, also those read long ago; shows the part that matches in [brackets]. No operators. entmoot_read shows one whole, entmoot_context what was said around it.",
  input: objectOf(
    {
      query: textOf("The words, all of which a message must have.", QUERY_MAX),
      group: GROUP_ARGUMENT,
      topic: textOf("Only messages that have exactly this topic.", 1024),
      limit: wholeOf("How many at most.", 1, FOUND_MAX),
      page: textOf("Where an earlier answer said next.", PAGE_MAX),
    },
    ["query"],
  ),
  output: objectOf({ ...OUTPUT, next: { type: "string" } }),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const query = requireText(args, "query");
    const moot = await whichMoot(call, textArgument(args, "group"));
    const limit = typeof args.limit === "number" ? args.limit : FOUND_MAX;
    const asked = {
      group_id: moot.group_id,
      query,
      topic: textArgument(args, "topic"),
      page: textArgument(args, "page"),
      limit,
    };
    const found = await call.node.call(search, asked, { signal: call.signal });
    const heard = await heardRows(
      call,
      found.group_id,
      found.results.map(({ message }) => message.id),
    );
    const snippets = new Map(found.results.map(({ message, snippet }) => [message.id, snippet]));
    const rows = heard.rows.map((row) => ({ ...row, content: encodeUtf8(snippets.get(row.message_id) ?? "") }));
    const notes = [
      ...(rows.length === 0 ? [`Nothing is found${found.more ? " among the newest messages" : ""}.`] : []),
      ...(found.next === undefined ? [] : [`Older ones: entmoot_search with the same query and page="${found.next}".`]),
      ...(found.indexing === undefined ? [] : [`Mind that ${indexingText(found.indexing)}.`]),
    ];
    return answerOf(call, rows, {
      muted: heard.muted,
      more: found.more,
      notes,
      rest: found.next === undefined ? {} : { next: found.next },
    });
  },
};

const contextTool: Tool = {
  name: "entmoot_context",
  title: "What was said around a message",
  description:
    "Shows the messages before and after one by time, oldest first, and that one among them. Marks nothing read.",
  input: objectOf(
    {
      id: ID_ARGUMENT,
      older: wholeOf("How many before it.", 0, SIDE_MAX),
      newer: wholeOf("How many after it.", 0, SIDE_MAX),
    },
    ["id"],
  ),
  output: objectOf(OUTPUT),
  onlyLooks: true,
  isIdempotent: true,
  speaks: false,
  async run(call, args) {
    const side = (name: "older" | "newer") => (typeof args[name] === "number" ? args[name] : SIDE_DEFAULT);
    const named = await messageArgument(call, args);
    const held = await call.node.call(inbox_read, { ...named, peek: true }, { signal: call.signal });
    const asked = {
      group_id: held.row.group_id,
      message_id: named.message_id,
      older: side("older"),
      newer: side("newer"),
    };
    const found = await call.node.call(context, asked, { signal: call.signal });
    const heard = await heardRows(
      call,
      found.group_id,
      found.messages.map(({ message }) => message.id),
    );
    const more = found.older_page !== undefined || found.newer_page !== undefined;
    return answerOf(call, heard.rows, { muted: heard.muted, more, notes: [], rest: {} });
  },
};

/** Rows of these messages, but for those of members who are muted. */
async function heardRows(
  { node, signal }: ToolCall,
  group_id: GroupId,
  ids: readonly MessageId[],
): Promise<{ readonly rows: readonly InboxRow[]; readonly muted: number }> {
  const all = await node.call(mutes, {}, { signal });
  const silent = all.mutes.filter((mute) => mute.group_id === undefined || mute.group_id === group_id);
  const rows: InboxRow[] = [];
  for (const message_id of ids) {
    const { row } = await node.call(inbox_read, { group_id, message_id, peek: true }, { signal });
    if (!silent.some(({ member }) => sameBytes(member, row.author_key))) rows.push(row);
  }
  return { rows, muted: ids.length - rows.length };
}

interface ToldOfFound {
  readonly muted: number;
  readonly more: boolean;
  readonly notes: readonly string[];
  readonly rest: Readonly<Record<string, unknown>>;
}

function answerOf({ nonce }: ToolCall, rows: readonly InboxRow[], { more, muted, notes, rest }: ToldOfFound) {
  const left = muted === 0 ? [] : [`${muted} by members who are muted here are left out.`];
  const envelope = [...(rows.length === 0 ? [] : [rowsText(rows, nonce)]), ...left, ...notes].join("\n");
  return { text: envelope, data: { messages: rows.map(rowData), muted, more, ...rest, envelope } };
}

export const FIND_TOOLS: readonly Tool[] = [searchTool, contextTool];
