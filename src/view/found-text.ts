import { instantText } from "../core/amounts.ts";
import { decodeUtf8 } from "../core/bytes/utf8.ts";
import { MessageId } from "../core/ids.ts";
import type { IndexingTold, SearchResult } from "../node/operations/find.ts";
import type { MessageRow } from "../node/operations/messages.ts";
import { SHORT_ID } from "./inbox-line.ts";
import { messageLine } from "./message-line.ts";
import { terminalLines, terminalText } from "./terminal-text.ts";

/** Ours. A name as people read it. */
const NAME_SHOWN = 64;

/** What members of a moot call themselves, by node id; one that is missing calls itself nothing. */
export type NamesOfMembers = ReadonlyMap<number, string>;

/** A message that was found as programs read it: that of `query`, and what of it was found. */
export function foundJson(result: SearchResult) {
  return { ...messageLine({ ...result, place: "" }), seq: result.seq, snippet: result.snippet };
}

/** A message for people: which, when, who and under what on one line, and below it what was said, or `words` of it. */
export function saidText(
  row: Omit<MessageRow, "place">,
  names: NamesOfMembers,
  { mark = "", words }: SaidHow = {},
): string {
  const { author, content, id, timestamp, topics } = row.message;
  const name = names.get(author.pilot_node_id) ?? "";
  const who =
    name === "" ? `node ${author.pilot_node_id}` : `${terminalText(name, NAME_SHOWN)} (node ${author.pilot_node_id})`;
  const under = topics.map((topic) => terminalText(topic, NAME_SHOWN)).join(", ");
  const date = instantText(Number(row.arrived_ms ?? timestamp));
  const apart = row.apart === undefined ? "" : ` [author was ${row.apart}]`;
  const { isWhole, shown } = terminalLines(words ?? decodeUtf8(content));
  const heading = `${mark}${MessageId.toBase64(id).slice(0, SHORT_ID)}  ${date}  ${who}${under === "" ? "" : ` under ${under}`}${apart}`;
  return `${heading}\n    ${shown}${isWhole ? "" : ` … (${content.length} bytes: entmootd read)`}`;
}

interface SaidHow {
  /** Ahead of the line. */
  readonly mark?: string;
  /** Instead of all that was said. */
  readonly words?: string;
}

/** That not all messages are in an answer yet. */
export function indexingText({ done, of }: IndexingTold): string {
  return `the index is being built, ${done} of ${of} messages; older ones may be missing until it is done`;
}
