import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { link_list } from "../../node/operations/invites.ts";
import { linkRowJson } from "../../view/link-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";

/** `invite list`: the links of a group that this node issued. */
export const inviteList = defineCommand({
  meta: { name: "list", description: "List the links this node issued, with uses and state" },
  help: { examples: ["entmootd invite list -group GID"], exits: [0, 1, 3, 5, 6], words: ["group"] },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const groupId = await oneMoot("invite list", args.group, { options });
    await namedFailure("invite list", async () => {
      await using node = await openOperations(options, { create: false, change: false });
      const { links } = await node.call(link_list, { group_id: groupId });
      printJson({ group_id: GroupId.toBase64(groupId), links: links.map(linkRowJson) });
    });
  },
});
