import { openReading } from "../../daemon/open-operations.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { HISTORY_MAX, roster_history } from "../../node/operations/membership.ts";
import { members } from "../../node/operations/moots.ts";
import { historyJson, historyLine, memberJson, memberLine } from "../../view/roster-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { oneMoot } from "../line/moot-argument.ts";

const LIST = "roster list";
const HISTORY = "roster history";

const group = { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" } as const;
const json = { type: "boolean", description: "one JSON object a line" } as const;

/** `roster list`: who is in a moot, since when and by whom. */
export const rosterList = defineCommand({
  meta: { name: "list", description: "List the members: names, keys, since when, added by whom" },
  help: {
    examples: ["entmootd roster list", "entmootd roster list -group GID -json"],
    exits: [0, 1, 3, 5, 6],
    notes: ["A name is what a member calls itself; the key is who it is. Who says that it has left is shown as left."],
  },
  args: { ...globalFlags, group, json },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const group_id = await oneMoot(LIST, args.group, { options });
    await namedFailure(LIST, async () => {
      await using node = await openReading(options);
      const { members: rows, more } = await node.call(members, { group_id });
      const names = new Map(rows.map(({ hostname, node_id }) => [node_id, hostname]));
      for (const row of rows) {
        if (args.json) printJson(memberJson(row));
        else printLine(memberLine(row, names));
      }
      if (more) printProse(`${LIST}: there are more than are shown`);
    });
  },
});

/** `roster history`: what was signed for a roster, the latest first. */
export const rosterHistory = defineCommand({
  meta: { name: "history", description: "Show who was added and removed, when and by whom, the latest first" },
  help: {
    examples: ["entmootd roster history", "entmootd roster history -group GID -limit 20 -before 120 -json"],
    exits: [0, 1, 3, 5, 6],
  },
  args: {
    ...globalFlags,
    group,
    limit: { type: "string", default: "100", valueHint: "N", description: "at most so many" },
    before: {
      type: "string",
      valueHint: "N",
      defaultHint: "the latest",
      description: "only those with smaller numbers",
    },
    json,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseInteger(`${HISTORY}: -limit`, args.limit, { min: 1, max: HISTORY_MAX });
    const before =
      args.before === undefined
        ? undefined
        : parseInteger(`${HISTORY}: -before`, args.before, { min: 0, max: Number.MAX_SAFE_INTEGER });
    const group_id = await oneMoot(HISTORY, args.group, { options });
    await namedFailure(HISTORY, async () => {
      await using node = await openReading(options);
      const { entries, next } = await node.call(roster_history, { group_id, before, limit });
      const names = args.json ? [] : (await node.call(members, { group_id })).members;
      const nameById = new Map(names.map(({ hostname, node_id }) => [node_id, hostname]));
      for (const row of entries) {
        if (args.json) printJson(historyJson(row));
        else printLine(historyLine(row, nameById));
      }
      if (next !== undefined) printProse(`${HISTORY}: there are earlier ones: -before ${next}`);
    });
  },
});
