import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { roster_change } from "../../node/operations/moots.ts";
import { rosterChangeJson } from "../../view/roster-change-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseNodeId, parsePublicKey } from "../line/group-argument.ts";
import { oneMoot } from "../line/moot-argument.ts";

const REVOKE_LINKS = {
  "revoke-links": {
    type: "boolean",
    description: "also end every link by which whoever has that key could join under another one",
  },
} as const;

/** `roster add`, `roster remove`: who is in a moot; founder only. */
export const roster = defineCommand({
  meta: { name: "roster", description: "Add members to a moot, or remove them (founder only)" },
  help: { examples: ["entmootd roster add -group GID -pubkey KEY"], exits: [0, 1, 2, 3, 5] },
  subCommands: {
    add: rosterCommand("add", "Put a key on the roster"),
    remove: rosterCommand("remove", "Take a member off the roster"),
  },
});

/** Ours. As many as fit a line or two; `invite list` has them all. */
const NAMED_MAX = 8;

function warning(groupId: GroupId, links: readonly string[]): string {
  const more = links.length > NAMED_MAX ? ` and ${links.length - NAMED_MAX} more` : "";
  const named = `${links.slice(0, NAMED_MAX).join(", ")}${more}`;
  const which = links.length === 1 ? `link ${named} is` : `links ${named} are`;
  return `warning: ${which} still good: whoever has one, the removed member too, can join under a new key; end them with "entmootd invite revoke -group ${GroupId.toBase64(groupId)} -id ID", or with -revoke-links the next time`;
}

function rosterCommand(op: "add" | "remove", description: string) {
  const label = `roster ${op}`;
  return defineCommand({
    meta: { name: op, description },
    help: {
      examples: [`entmootd roster ${op} -group GID -pubkey KEY`],
      exits: [0, 1, 2, 3, 5, 6],
      words: ["pubkey"],
      effect: 'the roster is changed all the same; "entmootd peers" shows it',
      notes: ["Works with and without a running daemon. Only the founder of a group can change its roster."],
    },
    args: {
      ...globalFlags,
      group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
      pubkey: { type: "string", default: "", valueHint: "KEY", description: "the member's key, base64 (required)" },
      node: {
        type: "string",
        valueHint: "N",
        defaultHint: "the id that belongs to the key",
        description: "the member's node id",
      },
      ...(op === "remove" ? REVOKE_LINKS : {}),
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const groupId = await oneMoot(label, args.group, { options });
      const nodeId = args.node === undefined ? undefined : parseNodeId(`${label}: -node`, args.node);
      const key = parsePublicKey(label, args.pubkey);
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: true });
        const revoke_links = "revoke-links" in args && args["revoke-links"] === true;
        const asked = { group_id: groupId, op, node_id: nodeId, entmoot_pubkey: key };
        const changed = await node.call(roster_change, revoke_links ? { ...asked, revoke_links } : asked);
        printJson(rosterChangeJson(op, changed));
        const open = (changed.links ?? []).filter(({ status }) => status === "active").map(({ id }) => id);
        if (open.length > 0) printProse(`${label}: ${warning(groupId, open)}`);
      });
    },
  });
}
