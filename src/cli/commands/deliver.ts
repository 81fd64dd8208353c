import { EntmootError } from "../../core/errors.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { openOperations } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { parseVoiceName, voiceFolder, voicesOf } from "../../daemon/voices.ts";
import { printJson, printLine } from "../../host/print.ts";
import { status } from "../../node/operations/daemon.ts";
import { deliver_rule } from "../../node/operations/inbox.ts";
import type { AnswerOf, Operations, RequestOf } from "../../node/operations/operation.ts";
import { WAKE_BOUNDS, wake_limits } from "../../node/operations/wake.ts";
import { DELIVER_MODES, type DeliverMode } from "../../store/agent-store.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseInteger } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { memberToChange } from "../line/member-to-change.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "deliver";
const NAME_SHOWN = 64;
/** Ours. Names of an allow list that are shown to people; -json has all. */
const FROM_SHOWN = 8;
const MODE_TEXTS: Readonly<Record<DeliverMode, string>> = {
  mentions: "what names this node or answers it",
  all: "every message",
  "allow-list": "every message of those named",
  none: "nothing",
};

/** `deliver`: what begins a turn in an agent of this node, and how often. */
export const deliver = defineCommand({
  meta: { name: LABEL, description: "Show or change which messages begin a turn in your agent, how often and when" },
  help: {
    examples: [
      "entmootd deliver",
      "entmootd deliver -group council -rule allow-list -from 2951992769",
      "entmootd deliver -quiet 22:00-07:00 -agent-per-hour 10",
      "entmootd deliver -as claude-my-project -rule all",
    ],
    exits: [0, 1, 3, 5, 6],
    effect: "what was changed stays so",
    notes: [
      "-rule and -from are of one moot, the others of all moots of this node. -rule is mentions (what names this node or",
      "answers it; the default), all, allow-list (all that the members of -from write, and nothing else) or none. With -rule",
      "alone every member may wake; -from alone keeps the rule. A message that does not wake is in the inbox all the same,",
      "and the rule is for what comes from then on. -quiet has times of this machine's day; what comes then waits for their",
      "end. What a limit holds back waits too. All of it is kept, and holds in a running daemon at once.",
    ],
  },
  args: {
    ...globalFlags,
    as: { type: "string", valueHint: "VOICE", description: "of this voice, instead of this node itself" },
    group: {
      type: "string",
      valueHint: "GID",
      defaultHint: "to change: the only group; to show: all",
      description: "of this group",
    },
    rule: { type: "string", valueHint: "mentions|all|allow-list|none", description: "which messages wake" },
    from: {
      type: "string",
      valueHint: "MEMBER[,MEMBER]",
      description: "only words of these: node ids or keys; hostnames on a terminal",
    },
    quiet: { type: "string", valueHint: "HH:MM-HH:MM[,…]|off", description: "when nobody is woken" },
    hops: {
      type: "string",
      valueHint: "N",
      description: "how far from where its talk began a message still wakes (6)",
    },
    "pair-per-minute": {
      type: "string",
      valueHint: "N",
      description: "turns that one author may cause in a moot (10)",
    },
    "agent-per-hour": { type: "string", valueHint: "N", description: "turns that all may cause together (30)" },
    json: { type: "boolean", description: "one JSON object" },
  },
  async run({ args }) {
    const own = parseGlobalOptions(args, process.env);
    requireOwner(own, LABEL);
    const options = args.as === undefined ? own : ofVoice(own, args);
    const rule = args.rule === undefined ? undefined : parseMode(args.rule);
    const from = args.from
      ?.split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
    if (from?.length === 0) throw new EntmootError("invalid_argument", `${LABEL}: -from: expected members, found none`);
    if (args.quiet?.trim() === "") {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -quiet is empty; expected times such as 22:00-07:00, or off`,
      );
    }
    const limits = {
      quiet: args.quiet,
      hops: numberFlag("hops", "hops", args.hops),
      pair_per_minute: numberFlag("pair-per-minute", "pair_per_minute", args["pair-per-minute"]),
      agent_per_hour: numberFlag("agent-per-hour", "agent_per_hour", args["agent-per-hour"]),
    };
    const group_id = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await namedFailure(LABEL, async () => {
      await using node = await openOperations(options, { create: false, change: true });
      const { groups } = await node.call(status, {});
      // The rule first: it is what may be refused.
      if (rule !== undefined || from !== undefined) await changeRule(node, { group_id, groups, rule, from });
      const holding = await node.call(wake_limits, limits);
      const shown = groups.filter((each) => group_id === undefined || each.group_id === group_id);
      const rules = await Promise.all(
        shown.map(async (each) => ({
          name: each.name,
          ...(await node.call(deliver_rule, { group_id: each.group_id })),
        })),
      );
      if (args.json) printJson({ ...limitsJson(holding), rules: rules.map(ruleJson) });
      else printText(holding, rules);
    });
  },
});

type HeldLimits = AnswerOf<typeof wake_limits>;
type Groups = AnswerOf<typeof status>["groups"];
type ShownRule = AnswerOf<typeof deliver_rule> & { readonly name: string };

function ofVoice(own: GlobalOptions, args: { readonly as?: string | undefined }): GlobalOptions {
  const name = parseVoiceName(`${LABEL}: -as`, args.as!);
  if (!voicesOf(own.dataDir).includes(name)) {
    throw new EntmootError("not_found", `${LABEL}: -as ${name}: no such voice here; "entmootd voice list" shows them`);
  }
  const data = voiceFolder(own.dataDir, name);
  return parseGlobalOptions({ ...args, data }, { HOME: process.env.HOME });
}

async function changeRule(
  node: Operations,
  asked: { group_id: GroupId | undefined; groups: Groups; rule: DeliverMode | undefined; from: string[] | undefined },
): Promise<void> {
  const group_id = asked.group_id ?? onlyGroup(asked.groups);
  const mode = asked.rule ?? (await node.call(deliver_rule, { group_id })).deliver;
  const from: string[] = [];
  for (const word of asked.from ?? []) {
    from.push(await memberToChange(`${LABEL}: -from`, word, { node, group_id, question: "may it wake the agent?" }));
  }
  const named = asked.from === undefined ? undefined : from;
  const request: RequestOf<typeof deliver_rule> = { group_id, deliver: mode, from: named };
  await node.call(deliver_rule, request);
}

function onlyGroup(groups: Groups): GroupId {
  const [only, second] = groups;
  if (only !== undefined && second === undefined) return only.group_id;
  throw new EntmootError(
    "invalid_argument",
    `-rule and -from are of one moot: expected -group beside them, as there are ${groups.length}; "entmootd info" lists them`,
  );
}

function parseMode(text: string): DeliverMode {
  const mode = DELIVER_MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  throw new EntmootError(
    "invalid_argument",
    `${LABEL}: -rule: expected ${DELIVER_MODES.join(", ")}, found ${JSON.stringify(text.slice(0, 40))}`,
  );
}

function numberFlag(flag: string, name: keyof typeof WAKE_BOUNDS, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseInteger(`${LABEL}: -${flag}`, text, { min: 1, max: WAKE_BOUNDS[name] });
}

/** Keys ascending. */
function limitsJson({ agent_per_hour, hops, pair_per_minute, quiet }: HeldLimits) {
  return { agent_per_hour, hops, pair_per_minute, quiet };
}

function ruleJson({ deliver: mode, from, group_id, name }: ShownRule) {
  return {
    deliver: mode,
    from: from.map((key) => key.toBase64()),
    group_id: GroupId.toBase64(group_id),
    ...(name === "" ? {} : { name }),
  };
}

function printText({ agent_per_hour, hops, pair_per_minute, quiet }: HeldLimits, rules: readonly ShownRule[]): void {
  for (const { deliver: mode, from, group_id, name } of rules) {
    const moot = name === "" ? GroupId.toBase64(group_id) : terminalText(name, NAME_SHOWN);
    const keys = from.slice(0, FROM_SHOWN).map((key) => PublicKey.toBase64(PublicKey.fromBytes(key)));
    const more = from.length > FROM_SHOWN ? ` and ${from.length - FROM_SHOWN} more` : "";
    printLine(
      `${moot}: ${mode} (${MODE_TEXTS[mode]})${from.length === 0 ? "" : `, from ${keys.join(", ")}${more} alone`}`,
    );
  }
  printLine(`quiet hours: ${quiet}`);
  printLine(
    `at most ${hops} hops from where a talk began, ${pair_per_minute} turns a minute by one author in a moot, ${agent_per_hour} an hour in all`,
  );
}
