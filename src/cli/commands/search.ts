import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { parseSearchQuery } from "../../core/search/search-query.ts";
import { openReading } from "../../daemon/open-operations.ts";
import { printJson, printJsonNote, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { SEARCH_RESULTS_MAX, type SearchAnswer, search as searchOperation } from "../../node/operations/find.ts";
import type { Operations, RequestOf } from "../../node/operations/operation.ts";
import { foundJson, indexingText, type NamesOfMembers, saidText } from "../../view/found-text.ts";
import { authorFlag, authorId, authorNamed } from "../line/author-argument.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { memberNames } from "../line/member-names.ts";
import { listingMoots, parseMoot } from "../line/moot-argument.ts";
import { parseTimeBound, TIME_HINT } from "../line/time-bound.ts";

const LABEL = "search";

/** `search`: messages by the words in them, whether or not a daemon runs. */
export const search = defineCommand({
  meta: { name: LABEL, description: "Find messages by the words in them, newest first" },
  help: {
    examples: ["entmootd search policy limits", "entmootd search release -topic news -since 3d -json"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "A message is found when it has all the words, in any order, whatever their case and accents. There are no",
      "wildcards and no operators. Chinese, Japanese, Thai and their like are found by any part of a sentence.",
      "What matched stands in [brackets]. Where nothing is found stdout stays empty, and a note says what to try. -json",
      "prints what query does, with snippet. Only the first 65,536 characters of a message are searched.",
    ],
  },
  args: {
    ...globalFlags,
    words: { type: "positional", required: true, variadic: true, valueHint: "WORD", description: "what to look for" },
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    topic: { type: "string", valueHint: "T", description: "only messages that have exactly this topic" },
    ...authorFlag,
    since: { type: "string", valueHint: "TIME", description: `from this time on: ${TIME_HINT}` },
    until: { type: "string", valueHint: "TIME", description: "before this time" },
    reserved: { type: "boolean", description: "also what nodes say to each other, under _entmoot" },
    limit: { type: "string", default: "50", valueHint: "N", description: "at most so many; 0 for all" },
    json: { type: "boolean", description: "one JSON object a line" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const query = args._.join(" ");
    const limit = parseInteger(`${LABEL}: -limit`, args.limit, { min: 0, max: Number.MAX_SAFE_INTEGER });
    if (args.topic !== undefined && trimSpace(args.topic) === "") {
      throw new EntmootError("invalid_argument", `${LABEL}: -topic is empty; expected a topic, or no -topic`);
    }
    const now = realClock.unix();
    const bound = (flag: string, text: string | undefined) =>
      text === undefined ? undefined : parseTimeBound(`${LABEL}: ${flag}`, text, now);
    const request: SearchRequest = {
      query,
      topic: args.topic,
      author: authorId(`${LABEL}: -author`, args.author),
      since: bound("-since", args.since),
      until: bound("-until", args.until),
      reserved: args.reserved,
    };
    await namedFailure(LABEL, async () => {
      parseSearchQuery(query);
      const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
      await using node = await openReading(options);
      const author = await authorNamed(`${LABEL}: -author`, args.author, { node, options, group_id });
      const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
      const printer = new Printer(node, args.json ?? false);
      const end = await listingMoots(LABEL, { options }, () =>
        findAll(node, { ...request, author, group_id }, most, printer),
      );
      if (end.indexing !== undefined) printProse(`${LABEL}: ${indexingText(end.indexing)}`);
      if (printer.printed === 0 && !args.json) printProse(`${LABEL}: ${nothingText(request, args.author)}`);
      if (end.more) tellMore(printer.printed, options.jsonErrors);
    });
  },
});

type SearchRequest = RequestOf<typeof searchOperation>;

async function findAll(
  node: Operations,
  request: SearchRequest,
  limit: number,
  printer: Printer,
): Promise<SearchAnswer> {
  let { page } = request;
  for (;;) {
    const answer = await node.call(searchOperation, {
      ...request,
      page,
      limit: Math.min(SEARCH_RESULTS_MAX, limit - printer.printed),
    });
    await printer.print(answer);
    if (!answer.more || printer.printed >= limit) return answer;
    if (answer.next === undefined) throw new EntmootError("internal", "more was promised, and no way to it");
    page = answer.next;
  }
}

class Printer {
  printed = 0;
  readonly #node: Operations;
  readonly #json: boolean;
  #names: NamesOfMembers | undefined;

  constructor(node: Operations, json: boolean) {
    this.#node = node;
    this.#json = json;
  }

  async print({ group_id, results }: SearchAnswer): Promise<void> {
    for (const result of results) {
      if (this.#json) printJson(foundJson(result));
      else printLine(saidText(result, await this.#namesIn(group_id), { words: result.snippet }));
      this.printed += 1;
    }
  }

  async #namesIn(id: GroupId): Promise<NamesOfMembers> {
    this.#names ??= await memberNames(this.#node, id);
    return this.#names;
  }
}

/** That there is none, and what may find some. */
function nothingText({ reserved = false, since, topic, until }: SearchRequest, author: string | undefined): string {
  const bounds = [
    ...(topic === undefined ? [] : ["-topic"]),
    ...(author === undefined ? [] : ["-author"]),
    ...(since === undefined ? [] : ["-since"]),
    ...(until === undefined ? [] : ["-until"]),
  ];
  if (bounds.length > 0) return `nothing found; try it without ${bounds.join(", ")}, or with fewer words`;
  const topics = reserved ? "" : ", or -reserved for what nodes say to each other";
  return `nothing found; try fewer or other words${topics}; "entmootd topics" lists what is talked about`;
}

function tellMore(printed: number, asJson: boolean): void {
  const note = `${LABEL}: older messages may match beyond the ${printed} printed; -limit 0 prints all, -since and -until narrow it`;
  if (asJson) printJsonNote(note, { more: true });
  else printProse(note);
}
