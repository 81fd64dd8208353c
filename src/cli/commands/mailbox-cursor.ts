import { printJson } from "../../host/print.ts";
import { mailbox_cursor } from "../../node/operations/mailbox.ts";
import { standingJson } from "../../view/mailbox-json.ts";
import { defineCommand } from "../line/command.ts";
import { parseGlobalOptions } from "../line/global-flags.ts";
import { mailboxFlags, parseClient, tellNote, withMailbox } from "../line/mailbox-client.ts";

const LABEL = "mailbox cursor";

/** `mailbox cursor`: where a client is. */
export const mailboxCursor = defineCommand({
  meta: { name: "cursor", description: "Show where a client is, and how many messages are behind that" },
  help: { examples: ["entmootd mailbox cursor -client bot"], exits: [0, 1, 3, 5, 6] },
  args: mailboxFlags,
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const client_id = parseClient(LABEL, args.client);
    await withMailbox({ label: LABEL, options, group: args.group }, async (node, group_id) => {
      const answer = await node.call(mailbox_cursor, { group_id, client_id });
      tellNote(LABEL, client_id, answer.note);
      printJson(standingJson(answer));
    });
  },
});
