import { resolve } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";
import { openReading } from "../../daemon/open-operations.ts";
import { replaceFile } from "../../files/guarded-files.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { STATS_ROWS_MAX, type StatsAnswer, stats as statsOperation } from "../../node/operations/find.ts";
import { indexingText } from "../../view/found-text.ts";
import { statsSvg } from "../../view/stats-svg.ts";
import { statsJson, statsLines } from "../../view/stats-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs, parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MootNames } from "../line/inbox-names.ts";
import { memberNames } from "../line/member-names.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { parseTimeBound, TIME_HINT } from "../line/time-bound.ts";

const LABEL = "stats";
const HOUR_MS = 3_600_000;

/** `stats`: how much is said in a moot, by whom, under what and when. */
export const stats = defineCommand({
  meta: { name: LABEL, description: "Count a moot's messages by author, topic and time" },
  help: {
    examples: ["entmootd stats", "entmootd stats -since 7d -step 24h", "entmootd stats -json -svg council.svg"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "Counted by full hours, in UTC: what -since and -until say is widened to them. Bytes are those of the messages as",
      "they are signed. Every message counts, a policy of the founder too, and in each of its topics. -svg writes a picture too; where a link stands at FILE it",
      "is replaced, not followed.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    since: { type: "string", valueHint: "TIME", description: `from the hour on that this is in: ${TIME_HINT}` },
    until: { type: "string", valueHint: "TIME", description: "up to the end of the hour before this" },
    step: {
      type: "string",
      valueHint: "D",
      defaultHint: "as fits",
      description: "count so long together: whole hours",
    },
    limit: {
      type: "string",
      default: "20",
      valueHint: "N",
      description: `authors and topics, up to ${STATS_ROWS_MAX} each`,
    },
    reserved: { type: "boolean", description: "also topics under _entmoot" },
    svg: { type: "string", valueHint: "FILE", description: "also write a picture there" },
    json: { type: "boolean", description: "print one JSON object" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseInteger(`${LABEL}: -limit`, args.limit, { min: 1, max: STATS_ROWS_MAX });
    const now = realClock.unix();
    const [since, until] = (["since", "until"] as const).map((name) => {
      const text = args[name];
      return text === undefined ? undefined : parseTimeBound(`${LABEL}: -${name}`, text, now);
    });
    const step_ms = args.step === undefined ? undefined : parseStep(args.step);
    if (args.svg === "") throw new EntmootError("invalid_argument", `${LABEL}: -svg: expected a file, found nothing`);
    const group_id = await oneMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openReading(options);
      const found = await node.call(statsOperation, {
        group_id,
        since,
        until,
        step_ms,
        limit,
        reserved: args.reserved,
      });
      const names = await memberNames(node, group_id);
      const moot = await new MootNames(options).of(group_id);
      if (args.svg !== undefined) writePicture(args.svg, statsSvg(found, names, moot));
      if (args.json) printJson(statsJson(found, names));
      else for (const line of statsLines(found, names, moot)) printLine(line);
      tellRest(found);
    });
  },
});

function parseStep(text: string): number {
  const days = /^\s*(\d{1,4})d\s*$/.exec(text)?.[1];
  const ms = days === undefined ? parseDurationMs(`${LABEL}: -step`, text) : Number(days) * 24 * HOUR_MS;
  if (ms > 0 && ms % HOUR_MS === 0) return ms;
  throw new EntmootError(
    "invalid_argument",
    `${LABEL}: -step: expected whole hours such as 1h, 24h or 7d, found ${text}`,
  );
}

/** Whole or not at all. */
function writePicture(file: string, svg: string): void {
  try {
    replaceFile(resolve(file), svg, { mode: 0o644 });
  } catch (error) {
    if (error instanceof EntmootError) throw error;
    if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") {
      throw new EntmootError("disk_full", `${LABEL}: -svg: ${file}: no room left to write; free space, then try again`);
    }
    const why = codeOf(error) ?? String(error);
    throw new EntmootError(
      "output_failed",
      `${LABEL}: -svg: ${file} could not be written (${why}); name a file in a folder of yours`,
    );
  }
}

function tellRest({ indexing, more }: StatsAnswer): void {
  if (more) printProse(`${LABEL}: there are more authors or topics; -limit takes up to ${STATS_ROWS_MAX}`);
  if (indexing !== undefined) printProse(`${LABEL}: ${indexingText(indexing)}`);
}
