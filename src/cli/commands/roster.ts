import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, PublicKey, RosterEntryId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { roster_change, roster_heal } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { rosterChangeJson, rosterHealJson } from "../../view/roster-change-json.ts";
import { whichMember } from "../../view/which-member.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseNodeId, parsePublicKey } from "../line/group-argument.ts";
import { jsonAlready } from "../line/json-already.ts";
import { memberToChange } from "../line/member-to-change.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { requireYes, yesFlag } from "../line/yes.ts";

const REVOKE_LINKS = {
  "revoke-links": {
    type: "boolean",
    description: "also end every link by which whoever has that key could join under another one",
  },
} as const;

const MEMBER = {
  member: {
    type: "string",
    valueHint: "MEMBER",
    description: "in place of -pubkey: its node id; on a terminal also its name, once its key was shown",
  },
} as const;

const KEY_TEXTS = {
  add: "the member's key, base64 (required)",
  remove: "the member's key, base64; this or -member is required",
} as const;

const REQUIRED = {
  add: "-pubkey is required",
  remove: "-pubkey or -member is required; -member takes a node id",
} as const;

/** `roster list`, `roster add`, `roster remove`: who is in a moot. */
export const roster = defineCommand({
  meta: { name: "roster", description: "List, add and remove the members of a moot, end a fork" },
  help: { examples: ["entmootd roster list", "entmootd roster add -group GID -pubkey KEY"], exits: [0, 1, 2, 3, 5] },
  subCommands: {
    list: async () => (await import("./roster-show.ts")).rosterList,
    history: async () => (await import("./roster-show.ts")).rosterHistory,
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
      examples: [
        `entmootd roster ${op} -group GID -pubkey KEY`,
        ...(op === "remove" ? ["entmootd roster remove -member oak"] : []),
      ],
      exits: [0, 1, 2, 3, 5, 6],
      words: ["pubkey"],
      effect: 'the roster is changed all the same; "entmootd peers" shows it',
      notes: ["Works with and without a running daemon. Only the founder of a group can change its roster."],
    },
    args: {
      ...globalFlags,
      ...jsonAlready,
      group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
      pubkey: { type: "string", default: "", valueHint: "KEY", description: KEY_TEXTS[op] },
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
      ...(op === "remove" ? { ...REVOKE_LINKS, ...MEMBER } : {}),
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const groupId = await oneMoot(label, args.group, { options });
      const nodeId = args.node === undefined ? undefined : parseNodeId(`${label}: -node`, args.node);
      const word = "member" in args && typeof args.member === "string" ? args.member : undefined;
      if (word !== undefined && args.pubkey !== "") refuse(label, "expected -pubkey or -member, not both");
      const written = word === undefined ? parsePublicKey(label, args.pubkey, REQUIRED[op]) : undefined;
      await namedFailure(label, async () => {
        await using node = await openOperations(options, { create: false, change: true });
        const key = written ?? (await memberKey(node, label, { word: word!, group_id: groupId }));
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

/** The key of the member that is named, once its name was said yes to. */
async function memberKey(
  node: Operations,
  label: string,
  { group_id, word }: { readonly word: string; readonly group_id: GroupId },
): Promise<PublicKey> {
  const named = await memberToChange(label, word, { node, group_id, question: "remove it?" });
  const words = {
    lists: `"entmootd roster list -group ${GroupId.toBase64(group_id)}" lists them`,
    moot: "with -group",
  };
  const { member } = await whichMember(named, { node, moots: [group_id], words });
  return PublicKey.fromBytes(member.entmoot_pubkey);
}

function refuse(label: string, why: string): never {
  throw new EntmootError("invalid_argument", `${label}: ${why}`);
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
      ...jsonAlready,
      group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
      keep: {
        type: "string",
        default: "",
        valueHint: "HEAD",
        description: "an entry of the history that goes on (required)",
      },
      "dry-run": { type: "boolean", description: "only show what would be done" },
      ...yesFlag,
    },
    async run({ args }) {
      const options = parseGlobalOptions(args, process.env);
      const groupId = await oneMoot(HEAL, args.group, { options });
      const keep = parseEntry(args.keep);
      const isDry = args["dry-run"] ?? false;
      await namedFailure(HEAL, async () => {
        if (!isDry && !(args.yes ?? false)) {
          requireYes(HEAL, HEAL_RISK, {
            question: "heal it?",
            refused: "not healed; say -yes to go on, or -dry-run to see what would be done",
          });
        }
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
