import { defineCommand } from "./command.ts";
import { namedFailure } from "./command-error.ts";
import { globalFlags, parseGlobalOptions } from "./global-flags.ts";
import { parseGroupId } from "./group-argument.ts";
import { linkRowJson } from "./link-json.ts";
import { openOperations } from "./open-operations.ts";
import { printJson } from "./print.ts";

/** `invite revoke`: a link stops working; who joined by it stays. */
export const inviteRevoke = defineCommand({
  meta: { name: "revoke", description: "End a link; members who joined by it stay" },
  help: {
    examples: ["entmootd invite revoke -group GID 0123456789abcdef"],
    exits: [0, 1, 3, 5, 6],
    notes: ["LINK is the id that invite list shows, or the link itself."],
  },
  args: {
    ...globalFlags,
    group: { type: "string", default: "", valueHint: "GID", description: "the group (required)" },
    link: { type: "positional", required: true, valueHint: "LINK", description: "id or text of the link" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const groupId = parseGroupId("invite revoke", args.group);
    await namedFailure("invite revoke", async () => {
      await using node = await openOperations(options, { create: false, change: true });
      printJson(linkRowJson(await node.revokeLink({ groupId, link: args.link.trim() })));
    });
  },
});
