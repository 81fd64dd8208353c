import { USES_MAX } from "../../core/admission/redemption.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { status } from "../../node/operations/daemon.ts";
import { link_create } from "../../node/operations/invites.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { open_invite_create } from "../../node/operations/public.ts";
import { linkJson, openInviteJson } from "../../view/link-json.ts";
import { rosterStateLines } from "../../view/roster-state-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";
import { parseUrl } from "../line/url-argument.ts";
import { parseValidFor } from "../line/valid-for.ts";

const LABEL = "invite link";

/** `invite link`: one line that lets whoever has it join. */
export const inviteLink = defineCommand({
  meta: { name: "link", description: "Make a link: whoever has it can join" },
  help: {
    examples: ["entmootd invite link", "entmootd invite link -group GID -uses 1 -valid-for 2h"],
    exits: [0, 1, 2, 3, 5, 6],
    words: ["group"],
    effect:
      'a link was made that nobody has seen; "entmootd invite list" shows its id, and "entmootd invite revoke -id ID" ends it',
    notes: [
      "The link is shown once; only its hash is kept. A joiner needs this node to be running.",
      "With -esp-url the link begins with entmoot://open-invite, and that address must lead to a service of this node;",
      "of a public moot it is the one that group public tells directories from then on.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    uses: {
      type: "string",
      default: "10",
      valueHint: "N",
      description: "how many nodes may join by it; 0 for any number",
    },
    "valid-for": {
      type: "string",
      default: "24h",
      valueHint: "D|never",
      description: "how long it is good for, such as 24h or 7d",
    },
    "esp-url": {
      type: "string",
      valueHint: "URL",
      description: "make an open invite that is redeemed over HTTPS at this address instead",
    },
    alone: {
      type: "boolean",
      description:
        "let in who has it although this copy may be an old one, which parts the moot for good if there is a later roster",
    },
  },
  async run({ args }) {
    if (args.alone && args["esp-url"] !== undefined) {
      throw new EntmootError("invalid_argument", `${LABEL}: -alone does not go with -esp-url; say it first, without`);
    }
    const options = parseGlobalOptions(args, process.env);
    const groupId = await oneMoot(LABEL, args.group, { options });
    const uses = parseInteger(`${LABEL}: -uses`, args.uses, { min: 0, max: USES_MAX });
    const validFor = args["valid-for"];
    const validForMs = trimSpace(validFor) === "never" ? 0 : parseValidFor(`${LABEL}: -valid-for`, validFor);
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      if (args["esp-url"] !== undefined) {
        const issued = await node.call(open_invite_create, {
          group_id: groupId,
          issuer_url: parseUrl(`${LABEL}: -esp-url`, args["esp-url"]),
          uses,
          valid_for_ms: validForMs,
        });
        const next_command = shellCommand(["entmootd", "join", issued.link]);
        printJson({ ...openInviteJson(issued), group_id: GroupId.toBase64(groupId), next_command });
        return;
      }
      const asked = { group_id: groupId, uses, valid_for_ms: validForMs };
      const created = await node.call(link_create, { ...asked, ...(args.alone ? { alone: true } : {}) });
      const doubt = args.alone ? undefined : await doubtOf(node, groupId);
      if (doubt !== undefined) printProse(`${LABEL}: warning: nobody is let in by it yet: ${doubt}`);
      const { id, ...link } = linkJson(created);
      printJson({ ...link, next_command: shellCommand(["entmootd", "join", created.link]), id });
    });
  },
});

/** Why a founder signs nothing for its roster yet, with what ends that. */
async function doubtOf(node: Operations, groupId: GroupId): Promise<string | undefined> {
  const moot = (await node.call(status, {})).groups.find(({ group_id }) => group_id === groupId);
  return moot?.doubt === undefined ? undefined : rosterStateLines(moot).at(-1);
}
