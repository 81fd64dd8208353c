import { GroupId } from "../../core/ids.ts";
import { openOperations, openReading } from "../../daemon/open-operations.ts";
import { printJson } from "../../host/print.ts";
import {
  type MuteRow,
  mute as muteOperation,
  mutes as mutesOperation,
  unmute as unmuteOperation,
} from "../../node/operations/inbox.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";
import { memberToChange } from "../line/member-to-change.ts";
import { parseMoot } from "../line/moot-argument.ts";
import { parseValidFor } from "../line/valid-for.ts";

const member = {
  type: "positional",
  required: true,
  valueHint: "MEMBER",
  description: "its node id or key; its hostname on a terminal",
} as const;
const group = {
  type: "string",
  valueHint: "GID",
  defaultHint: "all groups",
  description: "in this group alone",
} as const;

/** `mute`: a member's words are kept from this node's agent. */
export const mute = defineCommand({
  meta: { name: "mute", description: "Keep a member's words from the inbox and the agent, here alone" },
  help: {
    examples: ["entmootd mute 2951992769 -group GID", "entmootd mute oak -for 2h"],
    exits: [0, 1, 3, 5, 6],
    effect: "the member is muted all the same",
    notes: [
      "Nobody is told, and its messages are kept and passed on as ever. What it writes meanwhile is done, also when the",
      "mute has ended. A name is what a member calls itself: on a terminal its key is shown first; a script gives the id.",
    ],
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    member,
    for: { type: "string", valueHint: "D", defaultHint: "until unmute", description: "for so long: 30m, 2h, 7d" },
    group,
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const for_ms = args.for === undefined ? undefined : parseValidFor("mute: -for", args.for);
    const group_id = args.group === undefined ? undefined : await parseMoot("mute", args.group, { options });
    await namedFailure("mute", async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const member = await memberToChange("mute", args.member, { node, group_id, question: "mute it?" });
      printJson({ event: "muted", ...muteJson(await node.call(muteOperation, { member, for_ms, group_id })) });
    });
  },
});

/** `unmute`: a member is heard again. */
export const unmute = defineCommand({
  meta: { name: "unmute", description: "Hear a muted member again" },
  help: {
    examples: ["entmootd unmute 2951992769"],
    exits: [0, 1, 3, 5, 6],
    effect: "the member is heard again all the same",
  },
  args: {
    ...globalFlags,
    ...jsonAlready,
    member,
    group: { ...group, defaultHint: "every mute of it", description: "the group it was muted in alone" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const group_id = args.group === undefined ? undefined : await parseMoot("unmute", args.group, { options });
    await namedFailure("unmute", async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const member = await memberToChange("unmute", args.member, { node, group_id, question: "hear it again?" });
      const { unmuted } = await node.call(unmuteOperation, { member, group_id });
      printJson({ event: "unmuted", mutes_ended: unmuted });
    });
  },
});

/** `mutes`: whose words are kept from this node's agent. */
export const mutes = defineCommand({
  meta: { name: "mutes", description: "List the members that are muted here" },
  help: { examples: ["entmootd mutes"], exits: [0, 1, 5, 6], notes: ["One JSON object a line."] },
  args: { ...globalFlags, ...jsonAlready },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    await namedFailure("mutes", async () => {
      await using node = await openReading(options);
      for (const row of (await node.call(mutesOperation, {})).mutes) printJson(muteJson(row));
    });
  },
});

function muteJson({ from_ms, group_id, hostname, member: key, until_ms }: MuteRow) {
  return {
    from: new Date(from_ms).toISOString(),
    group_id: group_id === undefined ? null : GroupId.toBase64(group_id),
    hostname,
    member: key.toBase64(),
    until: until_ms === undefined ? null : new Date(until_ms).toISOString(),
  };
}
