import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { openReading } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printJsonNote, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { messages, PAGE_MESSAGES_MAX } from "../../node/operations/messages.ts";
import type { Operations, RequestOf } from "../../node/operations/operation.ts";
import { messageLine } from "../../view/message-line.ts";
import { authorFlag, authorId, authorNamed } from "../line/author-argument.ts";
import { defineCommand, repeated } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { listingMoots, parseMoot } from "../line/moot-argument.ts";
import { isAfter, parseAfter } from "../line/place-argument.ts";
import { placesAsked, tellLeftOut, tellPassedOver } from "../line/places-asked.ts";
import { parseTimeBound, TIME_HINT } from "../line/time-bound.ts";
import { requirePattern } from "../line/topic-argument.ts";

const LABEL = "query";

/** `query`: messages held here, newest first, whether or not a daemon runs. */
export const query = defineCommand({
  meta: { name: "query", description: "Print messages held on this node" },
  help: {
    examples: [
      "entmootd query -topic chat/# -since 2h -limit 20",
      "entmootd query -since 2026-01-01 -until yesterday",
      "entmootd query -after PLACE -limit 0",
    ],
    exits: [0, 1, 3, 5, 6],
    words: ["topic"],
    notes: [
      "Order is by timestamp, then author, then id; desc is exactly asc reversed. One JSON object a line;",
      "content_b64 has the bytes where content is not UTF-8. Without a match nothing is printed.",
      "With -after: what arrived after the message that was printed with this place, in the order it arrived.",
      "Where -limit leaves some out, stderr says so and how to go on; with -json-errors as an object with more true.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    ...authorFlag,
    topic: {
      type: "string",
      valueHint: "PATTERN",
      defaultHint: "any topic",
      description: "only topics that match; + is one segment, # the rest",
    },
    since: { type: "string", valueHint: "TIME", description: `from this time on: ${TIME_HINT}` },
    until: { type: "string", valueHint: "TIME", description: "before this time" },
    after: {
      type: "string",
      repeatable: true,
      valueHint: "PLACE",
      description: "only what arrived after; a seq with -group too; GID:0 for all of a moot, all:0 of those not named",
    },
    limit: { type: "string", default: "50", valueHint: "N", description: "at most so many; 0 for all" },
    order: {
      type: "string",
      defaultHint: "desc; asc with -after",
      valueHint: "asc|desc",
      description: "oldest or newest first",
    },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseLimit(args.limit);
    const parsed = parseFilter(args);
    const group_id = await parseGroup(args.group, options);
    const after = parseAfter(LABEL, repeated(args.after), args.group !== undefined);
    if (isAfter(after) && args.order === "desc") {
      throw new EntmootError("invalid_argument", `${LABEL}: -order desc: with -after messages come as they arrived`);
    }
    await namedFailure(LABEL, async () => {
      await using node = await openReading(options);
      const author = await authorNamed(`${LABEL}: -author`, args.author, { node, options, group_id });
      const filter = { ...parsed, author, group_id };
      const asked = await placesAsked(node, after, { label: LABEL, options, groupId: filter.group_id });
      for (const moot of asked.unread) tellLeftOut(LABEL, moot);
      const ways: Way[] = isAfter(after)
        ? asked.places.map((place) => ({ by: "arrival", after: place }))
        : [{ by: "time", order: orderOf(args.order) }];
      let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
      const ends: PrintedUpTo[] = [];
      for (const way of ways) {
        const end = await listingMoots(LABEL, { options }, () => print(node, { ...filter, ...way }, left));
        left -= end.printed;
        ends.push(end);
      }
      await tellPassedOver(asked, { label: LABEL, options });
      if (ends.some(({ more }) => more)) tellMore(ends, { limit, asJson: options.jsonErrors });
    });
  },
});

type QueryRequest = RequestOf<typeof messages>;
type QueryFilter = Pick<QueryRequest, "author" | "topic" | "since" | "until">;
type Way = Pick<QueryRequest, "by" | "order" | "after">;

function parseLimit(text: string): number {
  if (/^-\d+$/.test(trimSpace(text)))
    throw new EntmootError("invalid_argument", `${LABEL}: -limit must be non-negative`);
  return parseInteger(`${LABEL}: -limit`, text, { min: 0, max: Number.MAX_SAFE_INTEGER });
}

interface FilterArgs {
  readonly author?: string | undefined;
  readonly topic?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly order?: string | undefined;
}

async function parseGroup(text: string | undefined, options: GlobalOptions): Promise<GroupId | undefined> {
  return text === undefined ? undefined : await parseMoot(LABEL, text, { options });
}

function parseFilter({ author, topic, since, until, order }: FilterArgs): QueryFilter {
  orderOf(order);
  if (topic !== undefined) requirePattern(LABEL, topic);
  const from = since === undefined ? 0n : parseTimeBound(`${LABEL}: -since`, since, realClock.unix());
  const to = until === undefined ? 0n : parseTimeBound(`${LABEL}: -until`, until, realClock.unix());
  return {
    author: authorId(`${LABEL}: -author`, author),
    topic,
    // Wire. The original takes 0 for no bound.
    since: from === 0n ? undefined : from,
    until: to === 0n ? undefined : to,
  };
}

function orderOf(text = "desc"): "asc" | "desc" {
  if (text === "asc" || text === "desc") return text;
  throw new EntmootError("invalid_argument", `${LABEL}: -order must be asc or desc`);
}

/** How far a question was answered. */
interface PrintedUpTo {
  readonly printed: number;
  /** Whether more is held that is asked for. */
  readonly more: boolean;
  /** By arrival: from where the question goes on. */
  readonly place: string | undefined;
}

/** Prints page by page, at most `limit`. */
async function print(node: Operations, request: QueryRequest, limit: number): Promise<PrintedUpTo> {
  let printed = 0;
  let at: Pick<QueryRequest, "page" | "after"> = { after: request.after };
  for (;;) {
    const isFull = printed === limit;
    // One more that is not printed tells whether there is more: by arrival a page may only say that some may match.
    const wanted = isFull ? 1 : Math.min(PAGE_MESSAGES_MAX, limit - printed);
    const page = await node.call(messages, { ...request, ...at, limit: wanted });
    if (isFull && page.messages.length > 0) return { printed, more: true, place: at.after };
    for (const row of page.messages) printJson(messageLine(row));
    printed += page.messages.length;
    if (!page.more) return { printed, more: false, place: page.place };
    at = request.by === "arrival" ? { after: page.place } : { page: page.next };
  }
}

/** On stderr, so that a line of stdout is a message. */
function tellMore(ends: readonly PrintedUpTo[], { asJson, limit }: { asJson: boolean; limit: number }): void {
  const places = ends.flatMap(({ place }) => (place === undefined ? [] : [place]));
  const next =
    places.length === 0
      ? "-limit 0 prints all, -since and -until narrow it"
      : `go on with ${places.map((place) => `-after ${place}`).join(" ")}`;
  const note = `${LABEL}: more is there than the ${limit} printed; ${next}`;
  if (asJson) printJsonNote(note, { more: true, ...(places.length === 0 ? {} : { after: places }) });
  else printProse(note);
}
