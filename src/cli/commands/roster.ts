import { openOperations } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { roster_change } from "../../node/operations/moots.ts";
import { rosterChangeJson } from "../../view/roster-change-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseNodeId, parsePublicKey } from "../line/group-argument.ts";
import { parseMoot } from "../line/moot-argument.ts";

/** `roster add`, `roster remove`: who is in a moot; founder only. */
export const roster = defineCommand({
  meta: { name: "roster", description: "Add members to a moot, or remove them (founder only)" },
  help: { examples: ["entmootd roster add -group GID -pubkey KEY"], exits: [0, 1, 2, 3, 5] },
  subCommands: {
    add: rosterCommand("add", "Put a key on the roster"),
    remove: rosterCommand("remove", "Take a member off the roster"),
  },
});

function rosterCommand(op: "add" | "remove", description: string) {
  const label = `roster ${op}`;
  return defineCommand({
    meta: { name: op, description },
    help: {
      examples: [`entmootd roster ${op} -group GID -pubkey KEY`],
      exits: [0, 1, 2, 3, 5, 6],
      effect: 'the roster is changed all the same; "entmootd peers" shows it',
      notes: ["Works with and without a running daemon. Only the founder of a group can change its roster."],
    },
    args: {
      ...globalFlags,
      group: { type: "string", default: "", valueHint: "GID", description: "the group (required)" },
      pubkey: { type: "string", default: "", valueHint: "KEY", description: "the member's key, base64 (required)" },
      node: {
        type: "string",
        valueHint: "N",
        defaultHint: "the id that belongs to the key",
        description: "the member's node id",
      },
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const groupId = await parseMoot(label, args.group, { options });
      const nodeId = args.node === undefined ? undefined : parseNodeId(`${label}: -node`, args.node);
      const key = parsePublicKey(label, args.pubkey);
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: true });
        const changed = await node.call(roster_change, { group_id: groupId, op, node_id: nodeId, entmoot_pubkey: key });
        printJson(rosterChangeJson(op, changed));
      });
    },
  });
}
