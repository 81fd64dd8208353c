import { countText, instantText } from "../../core/amounts.ts";
import { openReading } from "../../daemon/open-operations.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { TOPICS_MAX, topics as topicsOperation } from "../../node/operations/moots.ts";
import { jsonInteger } from "../../view/message-line.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { oneMoot } from "../line/moot-argument.ts";

const LABEL = "topics";
/** Ours. A topic as people read it; `-json` has all of it. */
const TOPIC_SHOWN = 120;

/** `topics`: which topics a moot's messages have. */
export const topics = defineCommand({
  meta: { name: LABEL, description: "List the topics of a moot, most used first" },
  help: {
    examples: ["entmootd topics", "entmootd topics -group council -limit 10 -json"],
    exits: [0, 1, 3, 5, 6],
    notes: [
      "One line a topic: messages, the date of the latest, the topic. Topics under _entmoot show with -reserved.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    limit: { type: "string", default: "100", valueHint: "N", description: `at most so many, up to ${TOPICS_MAX}` },
    reserved: { type: "boolean", description: "also what nodes say to each other, under _entmoot" },
    json: { type: "boolean", description: "one JSON object a line" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const limit = parseInteger(`${LABEL}: -limit`, args.limit, { min: 1, max: TOPICS_MAX });
    const group_id = await oneMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openReading(options);
      const found = await node.call(topicsOperation, { group_id, limit, reserved: args.reserved });
      const width = Math.max(0, ...found.topics.map(({ messages }) => countText(messages).length));
      for (const { latest_ms, messages, topic } of found.topics) {
        if (args.json) printJson({ latest_ms: jsonInteger(latest_ms), messages, topic });
        else {
          const count = countText(messages).padStart(width);
          printLine(`${count}  ${instantText(Number(latest_ms))}  ${terminalText(topic, TOPIC_SHOWN)}`);
        }
      }
      if (found.more)
        printProse(`${LABEL}: there are more than ${found.topics.length}; -limit takes up to ${TOPICS_MAX}`);
    });
  },
});
