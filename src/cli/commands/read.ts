import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printLine } from "../../host/print.ts";
import { inbox_read } from "../../node/operations/inbox.ts";
import type { AnswerOf } from "../../node/operations/operation.ts";
import { headingOf, inboxJson } from "../../view/inbox-line.ts";
import { textOrBytes } from "../../view/message-line.ts";
import { whichMessage } from "../../view/which-message.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { MootNames } from "../line/inbox-names.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "read";

/** `read`: one message whole. */
export const read = defineCommand({
  meta: { name: LABEL, description: "Show one message whole, with who signed it; it is read then" },
  help: {
    examples: ["entmootd read kYbNysGxsrS1", "entmootd read MESSAGE_ID -json -peek"],
    exits: [0, 1, 3, 5, 6],
    effect: "the message is marked read all the same",
    notes: ["A message id may be cut to its first 8 characters or more."],
  },
  args: {
    ...globalFlags,
    message: { type: "positional", required: true, valueHint: "MESSAGE_ID", description: "which message" },
    group: { type: "string", valueHint: "GID", defaultHint: "whichever holds it", description: "the group it is in" },
    peek: { type: "boolean", description: "leave it unread" },
    json: { type: "boolean", description: "print one JSON object" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const asked = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      let found: AnswerOf<typeof inbox_read>;
      {
        await using node = await openOperations(options, { create: false, change: true });
        const named = await whichMessage(LABEL, args.message, { node, group_id: asked });
        found = await node.call(inbox_read, { ...named, ...(args.peek ? { peek: true } : {}) });
      }
      if (args.json) printJson(readJson(found));
      else printLine(await readText(found, new MootNames(options)));
    });
  },
});

function readJson({ apart, member, message, row, verified }: AnswerOf<typeof inbox_read>) {
  return {
    ...inboxJson(row),
    ...(apart === undefined ? {} : { apart }),
    ...textOrBytes(message.content),
    member,
    topic: message.topics,
    verified,
  };
}

async function readText(found: AnswerOf<typeof inbox_read>, names: MootNames): Promise<string> {
  const { apart, member, message, row } = found;
  const key = row.author_key.toBase64();
  const who = member ? "a member" : apart === undefined ? "no member any more" : "removed when it came";
  return [
    headingOf(row, await names.of(row.group_id)),
    `signed by ${key}, ${who} of ${GroupId.toBase64(row.group_id)}`,
    "",
    new TextDecoder().decode(message.content),
  ].join("\n");
}
