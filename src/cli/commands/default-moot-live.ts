import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import { printJson, printJsonText, printLine } from "../../host/print.ts";
import { default_moot_live_off, default_moot_live_on } from "../../node/operations/default-moot.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const NODE_MAX = 0xffff_ffff;
const json = { type: "boolean", description: "one line of JSON" } as const;

const on = defineCommand({
  meta: { name: "on", description: "Let an agent of this node answer there by itself" },
  help: {
    examples: ["entmootd default-moot live on -node 2147483650"],
    exits: [0, 1, 2, 5, 6],
    words: ["node"],
    effect: 'it is on all the same; "entmootd default-moot status" shows it',
    notes: [
      "Keeps the configuration that the descriptor recommends: one short reply at a time, on chat/general alone.",
      "NODE is this node's id in the moot, as info shows it.",
    ],
  },
  args: {
    ...globalFlags,
    node: { type: "string", valueHint: "NODE", description: "this node's id there (required)" },
    json,
  },
  async run({ args }) {
    const label = "default-moot live on";
    const options = parseGlobalOptions(args, process.env);
    if (args.node === undefined) throw new EntmootError("invalid_argument", `${label}: -node is required`);
    const node_id = parseInteger(`${label}: -node`, args.node, { min: 1, max: NODE_MAX });
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const { config } = await node.call(default_moot_live_on, { ...defaultMootSource(process.env), node_id });
      if (args.json) printJsonText(config ?? "null");
      else printLine(`enabled The Ent Moot live replies for node ${node_id}`);
    });
  },
});

const off = defineCommand({
  meta: { name: "off", description: "Let no agent of this node answer there by itself" },
  help: {
    examples: ["entmootd default-moot live off"],
    exits: [0, 1, 5, 6],
    words: ["node"],
    effect: 'it is off all the same; "entmootd default-moot status" shows it',
  },
  args: {
    ...globalFlags,
    node: { type: "string", valueHint: "NODE", defaultHint: "all", description: "only this one" },
    json,
  },
  async run({ args }) {
    const label = "default-moot live off";
    const options = parseGlobalOptions(args, process.env);
    const node_id = args.node === undefined ? 0 : parseInteger(`${label}: -node`, args.node, { min: 0, max: NODE_MAX });
    await namedFailure(label, async () => {
      await using node = await openOperations(options, { create: true, change: true });
      const { disabled, group_id } = await node.call(default_moot_live_off, {
        ...defaultMootSource(process.env),
        node_id,
      });
      if (args.json) printJson({ disabled, group_id: GroupId.toBase64(group_id) });
      else printLine(`disabled ${disabled} The Ent Moot live config(s)`);
    });
  },
});

/** `default-moot live`: whether an agent here answers in The Ent Moot by itself; its own consent, apart from joining. */
export const defaultMootLive = defineCommand({
  meta: { name: "live", description: "Let an agent of this node answer there by itself, or not" },
  help: {
    examples: ["entmootd default-moot live on -node 2147483650", "entmootd default-moot live off"],
    exits: [0, 1, 2, 5, 6],
  },
  subCommands: { on, off },
});
