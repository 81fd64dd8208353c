import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, RosterEntryId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { roster_change, roster_heal } from "../../node/operations/moots.ts";
import { rosterChangeJson, rosterHealJson } from "../../view/roster-change-json.ts";
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
  meta: { name: "roster", description: "Add members to a moot, remove them, end a fork (founder only)" },
  help: { examples: ["entmootd roster add -group GID -pubkey KEY"], exits: [0, 1, 2, 3, 5] },
  subCommands: {
    add: rosterCommand("add", "Put a key on the roster"),
    remove: rosterCommand("remove", "Take a member off the roster"),
    heal: healCommand(),
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
      alone: {
        type: "boolean",
        description:
          "go on although this copy may be an old one, which parts the moot for good if there is a later roster; or although members say that the clock here runs ahead",
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
        const more = { ...(revoke_links ? { revoke_links } : {}), ...(args.alone ? { alone: true } : {}) };
        const changed = await node.call(roster_change, { ...asked, ...more });
        printJson(rosterChangeJson(op, changed));
        const open = (changed.links ?? []).filter(({ status }) => status === "active").map(({ id }) => id);
        if (open.length > 0) printProse(`${label}: ${warning(groupId, open)}`);
      });
    },
  });
}

const HEAL = "roster heal";
/** What is said before a heal. */
const HEAL_RISK =
  "members that run the original program cannot follow a heal: those on the given up history stay there and have to join anew; agree with them first";

function healCommand() {
  return defineCommand({
    meta: { name: "heal", description: "End a fork of the roster by keeping one of its histories" },
    help: {
      examples: [
        "entmootd roster heal -group GID -keep HEAD -dry-run",
        "entmootd roster heal -group GID -keep HEAD -yes",
      ],
      exits: [0, 1, 2, 3, 5, 6],
      effect: 'the fork is healed all the same; "entmootd info" shows it',
      notes: [
        '"entmootd info" names the heads. Whom the given up history had added is added again; what they wrote stays.',
        "Members that run the original program cannot follow; without -yes the command says so, and asks on a terminal.",
      ],
    },
    args: {
      ...globalFlags,
      group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
      keep: {
        type: "string",
        default: "",
        valueHint: "HEAD",
        description: "an entry of the history that goes on (required)",
      },
      "dry-run": { type: "boolean", description: "only show what would be done" },
      yes: { type: "boolean", description: "do not ask" },
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const groupId = await oneMoot(HEAL, args.group, { options });
      const keep = parseEntry(args.keep);
      const isDry = args["dry-run"] ?? false;
      await namedFailure(HEAL, async () => {
        if (!isDry && !(args.yes ?? false)) requireYes();
        await using node = await openOperations(options, { create: false, change: true });
        printJson(rosterHealJson(await node.call(roster_heal, { group_id: groupId, keep, dry_run: isDry })));
      });
    },
  });
}

function parseEntry(text: string): RosterEntryId {
  try {
    return RosterEntryId.fromBytes(Uint8Array.fromBase64(trimSpace(text)));
  } catch {
    throw new EntmootError(
      "invalid_argument",
      `${HEAL}: -keep: expected a roster entry in base64, as "entmootd info" names heads`,
    );
  }
}

/** Asks on a terminal. Throws `invalid_argument` without a yes. */
function requireYes(): void {
  printProse(`${HEAL}: ${HEAL_RISK}`);
  const answer = process.stdin.isTTY ? prompt(`${HEAL}: heal it? [y/N]`) : null;
  if (/^y(es)?$/i.test(trimSpace(answer ?? ""))) return;
  throw new EntmootError("invalid_argument", "not healed; say -yes to go on, or -dry-run to see what would be done");
}
