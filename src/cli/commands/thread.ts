import { openReading } from "../../daemon/open-operations.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { thread as threadOperation } from "../../node/operations/inbox.ts";
import { inboxJson, inboxText } from "../../view/inbox-line.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MootNames } from "../line/inbox-names.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "thread";

/** `thread`: what a message answers, and what answers it. */
export const thread = defineCommand({
  meta: { name: LABEL, description: "Show what a message answers and what answers it, oldest first" },
  help: {
    examples: ["entmootd thread kYbNysGxsrS1", "entmootd thread MESSAGE_ID -json"],
    exits: [0, 1, 3, 5, 6],
    notes: ["Marks nothing read. A message id may be cut to its first 8 characters or more."],
  },
  args: {
    ...globalFlags,
    message: { type: "positional", required: true, valueHint: "MESSAGE_ID", description: "any message of it" },
    group: { type: "string", valueHint: "GID", defaultHint: "whichever holds it", description: "the group it is in" },
    json: { type: "boolean", description: "one JSON object a line" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const asked = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openReading(options);
      const named = await whichMessage(LABEL, args.message, { node, group_id: asked });
      const { more, rows } = await node.call(threadOperation, named);
      const names = new MootNames(options);
      for (const row of rows) {
        if (args.json) printJson(inboxJson(row));
        else printLine(inboxText(row, await names.of(row.group_id), realClock.unix()));
      }
      if (more) printProse(`${LABEL}: there are more than ${rows.length}; name one further down for what follows it`);
    });
  },
});
