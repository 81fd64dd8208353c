import { linkInJson } from "../../core/admission/link-in-json.ts";
import { isMootLink, parseMootLink } from "../../core/admission/moot-link.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import { link_revoke } from "../../node/operations/invites.ts";
import { linkRowJson } from "../../view/link-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { oneMoot } from "../line/moot-argument.ts";

/** `invite revoke`: a link stops working; who joined by it stays. */
export const inviteRevoke = defineCommand({
  meta: { name: "revoke", description: "End a link; members who joined by it stay" },
  help: {
    examples: ["entmootd invite revoke -group GID -id 0123456789abcdef"],
    exits: [0, 1, 3, 5, 6],
    words: ["link"],
    effect: "the link is revoked all the same",
    notes: ["Name the link by its text or by the id that invite link and invite list show."],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    group: { type: "string", valueHint: "GID", defaultHint: "the only group", description: "the group" },
    link: { type: "string", default: "", valueHint: "LINK", description: "the link, as it was handed out" },
    id: { type: "string", default: "", valueHint: "ID", description: "the link's id" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const link = oneName(trimSpace(args.link), trimSpace(args.id));
    const groupId = groupOf(args) ?? (await oneMoot("invite revoke", args.group, { options }));
    await namedFailure("invite revoke", async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const revoked = node.call(link_revoke, { group_id: groupId, link }).catch((cause) => {
        if (!(cause instanceof EntmootError) || cause.code !== "not_found") throw cause;
        throw new EntmootError(cause.code, `${args.link === "" ? "-id" : "-link"}: ${cause.message}`, { cause });
      });
      printJson(linkRowJson(await revoked));
    });
  },
});

/** A link names its group itself. */
function groupOf({ group, link }: { readonly group?: string | undefined; readonly link: string }): GroupId | undefined {
  const text = linkInJson(link) ?? link;
  return group === undefined && isMootLink(text) ? parseMootLink(text).groupId : undefined;
}

/** Throws `invalid_argument` unless exactly one is given. */
function oneName(link: string, id: string): string {
  if ((link === "") === (id === "")) {
    throw new EntmootError("invalid_argument", "invite revoke: exactly one of -link or -id is required");
  }
  return link === "" ? id : link;
}
