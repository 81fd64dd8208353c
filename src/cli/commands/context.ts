import { openReading } from "../../daemon/open-operations.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { CONTEXT_MAX, context as contextOperation } from "../../node/operations/find.ts";
import { saidText } from "../../view/found-text.ts";
import { messageLine } from "../../view/message-line.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { heldIn } from "../line/held-in.ts";
import { memberNames } from "../line/member-names.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { requirePattern } from "../line/topic-argument.ts";

const LABEL = "context";

/** `context`: what was said before and after a message. */
export const context = defineCommand({
  meta: { name: LABEL, description: "Show what was said before and after a message, oldest first" },
  help: {
    examples: ["entmootd context kYbNysGxsrS1", "entmootd context MESSAGE_ID -older 50 -newer 0 -json"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "By time, as query -order asc; the message named is marked with >. A message id may be cut to its first 8",
      "characters or more. Marks nothing read. thread shows what answers what instead.",
    ],
  },
  args: {
    ...globalFlags,
    message: { type: "positional", required: true, valueHint: "MESSAGE_ID", description: "the message" },
    group: { type: "string", valueHint: "GID", defaultHint: "whichever holds it", description: "the group it is in" },
    older: { type: "string", default: "10", valueHint: "N", description: `messages before it, at most ${CONTEXT_MAX}` },
    newer: { type: "string", default: "10", valueHint: "N", description: `messages after it, at most ${CONTEXT_MAX}` },
    topic: { type: "string", valueHint: "PATTERN", defaultHint: "any topic", description: "only topics that match" },
    json: { type: "boolean", description: "one JSON object a line" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const side = (name: "older" | "newer") =>
      parseInteger(`${LABEL}: -${name}`, args[name], { min: 0, max: CONTEXT_MAX });
    const [older, newer] = [side("older"), side("newer")];
    if (args.topic !== undefined) requirePattern(LABEL, args.topic);
    const asked = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openReading(options);
      const named = await whichMessage(LABEL, args.message, { node, group_id: asked });
      const { group_id, message_id } = await heldIn(node, named);
      const found = await node.call(contextOperation, { group_id, message_id, older, newer, topic: args.topic });
      const names = args.json ? new Map() : await memberNames(node, found.group_id);
      for (const row of found.messages) {
        const mark = row.message.id === message_id ? "> " : "  ";
        if (args.json) printJson(messageLine(row));
        else printLine(saidText(row, names, { mark }));
      }
      if (found.older_page !== undefined)
        printProse(`${LABEL}: there are older ones; -older takes up to ${CONTEXT_MAX}`);
      if (found.newer_page !== undefined)
        printProse(`${LABEL}: there are newer ones; -newer takes up to ${CONTEXT_MAX}`);
    });
  },
});
