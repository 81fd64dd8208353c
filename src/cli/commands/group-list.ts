import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { moots } from "../../node/operations/membership.ts";
import { closedMootJson, mootJson, mootLines } from "../../view/moots-text.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { NO_MOOT } from "../../view/which-moot.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "group list";

/** `group list`: the moots of this node. */
export const groupList = defineCommand({
  meta: { name: "list", description: "List your moots: members, what is unread, what they keep" },
  help: {
    examples: ["entmootd group list", "entmootd group list -json"],
    exits: [0, 1, 3, 5, 6],
    notes: ["What is unread is told where somebody reads an inbox here. With -json one object a line."],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "all groups", description: "only this group" },
    json: { type: "boolean", description: "one JSON object a line" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: false });
      const { more, moots: rows, unopened } = await node.call(moots, { group_id });
      for (const row of rows) {
        if (args.json) printJson(mootJson(row));
        else for (const line of mootLines(row)) printLine(line);
      }
      for (const closed of unopened) {
        if (args.json) printJson(closedMootJson(closed));
        else
          printProse(`${LABEL}: a moot cannot be opened: ${terminalText(closed.name)} ${terminalText(closed.reason)}`);
      }
      if (more) printProse(`${LABEL}: there are more than are shown; name one with -group`);
      if (rows.length + unopened.length === 0) printProse(`${LABEL}: ${NO_MOOT}`);
    });
  },
});
