import { LIVE_ACTIONS, RUNNERS } from "../../core/agents/live-modes.ts";
import { EntmootError } from "../../core/errors.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson, printLine } from "../../host/print.ts";
import { DEFAULT_MOOT_WORDS, LABEL, LIVE_MODE_WORDS, parseChoices } from "../bootstrap/choices.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseFeatureFlags } from "../line/feature-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const agent = defineCommand({
  meta: { name: "agent", description: "Set up this node for an agent: runner, live mode, default moot, attach" },
  help: {
    examples: [
      "entmootd bootstrap agent -interactive",
      "entmootd bootstrap agent -yes -dry-run -json",
      "entmootd bootstrap agent -default-moot decline -attach claude",
      "entmootd bootstrap agent -runner custom -runner-command ./agent.sh",
    ],
    exits: [0, 1, 2, 3, 5, 6, 8],
    effect: "what was asked is kept all the same; the same command again goes on from there",
    notes: [
      "Without -interactive nothing is asked. Flags are looked at before anything is changed; the same command again",
      "does what is not done yet, and changes nothing once all is. What is not said stays as it is kept. It joins nothing and",
      "starts no daemon: it prints the commands to run next.",
      "-live-mode keeps how an agent is to take part in the moot of -group as -node, which is this node's own id there (info",
      "shows it); off with -group ends that. Nothing acts on it in this version: agent-live is not built yet. An operator without",
      "-action may do all there is.",
      "-attach does what attach does, at the end, once: for the voice of -as, or with -group and without -as for this node itself.",
      "It needs a daemon that runs.",
    ],
  },
  args: {
    ...globalFlags,
    yes: { type: "boolean", description: "ask nothing, which is the default" },
    interactive: { type: "boolean", description: "ask on this terminal for what flags leave open" },
    "dry-run": { type: "boolean", description: "only show what would be done" },
    json: { type: "boolean", description: "one line of JSON" },
    runner: {
      type: "string",
      valueHint: RUNNERS.join("|"),
      defaultHint: "what is kept; none at first",
      description: "what is started for what a moot asks",
    },
    "runner-command": { type: "string", valueHint: "FILE", description: "the executable of -runner custom" },
    "agent-instructions": {
      type: "boolean",
      description: "let instructions of a fleet be queued; needs both feature variables",
    },
    "default-moot": {
      type: "string",
      valueHint: DEFAULT_MOOT_WORDS.join("|"),
      defaultHint: "skip",
      description: "The Ent Moot: join only shows its command",
    },
    "live-mode": {
      type: "string",
      valueHint: LIVE_MODE_WORDS.join("|"),
      defaultHint: "as it is kept",
      description: "how it takes part live",
    },
    group: { type: "string", valueHint: "ID|NAME", description: "the moot of -live-mode or -attach" },
    node: { type: "string", valueHint: "NODE", description: "this node's id there" },
    topic: {
      type: "string",
      repeatable: true,
      valueHint: "PATTERN",
      defaultHint: "#",
      description: "what it hears live",
    },
    action: {
      type: "string",
      repeatable: true,
      valueHint: "ACTION",
      description: `what it may do live: ${LIVE_ACTIONS.join(", ")}`,
    },
    "max-actions": { type: "string", valueHint: "N", defaultHint: "0", description: "at once; 0: no limit" },
    "max-action-bytes": { type: "string", valueHint: "N", defaultHint: "0", description: "of one; 0: no limit" },
    attach: { type: "string", valueHint: "HOST", description: "let the agent in this folder hear, as attach does" },
    as: { type: "string", valueHint: "NAME", description: "the voice of -attach" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const features = parseFeatureFlags(process.env);
    requireOwner(options, LABEL);
    if (args.yes && args.interactive) {
      throw new EntmootError("invalid_argument", `${LABEL}: use either --yes or --interactive, not both`);
    }
    const isDry = args["dry-run"] === true;
    await namedFailure(LABEL, async () => {
      const flags = args.interactive
        ? await (await import("../bootstrap/interview.ts")).interview(options, args, features)
        : args;
      const choices = parseChoices(flags, features);
      const { carryOut } = await import("../bootstrap/carry-out.ts");
      const done = await carryOut(options, choices, { isDry });
      const [{ runtimeOf }, { bootstrapJson, bootstrapText }] = await Promise.all([
        import("../doctor/runtime.ts"),
        import("../bootstrap/report.ts"),
      ]);
      const report = { choices, done, isDry, options, runtime: await runtimeOf(options) };
      if (args.json) printJson(bootstrapJson(report));
      else for (const line of bootstrapText(report)) printLine(line);
    });
  },
});

/** `bootstrap agent`: from nothing to a node that an agent is at home in. */
export const bootstrap = defineCommand({
  meta: { name: "bootstrap", description: "Set up this node for an agent, asked or unattended" },
  help: {
    examples: ["entmootd bootstrap agent -interactive", "entmootd bootstrap agent -yes -dry-run -json"],
    exits: [0, 1, 2, 3, 5, 6, 8],
    ops: {
      missing: "bootstrap: missing op (want: agent)",
      unknown: (op) => `bootstrap: unknown op ${op} (want: agent)`,
    },
  },
  subCommands: { agent },
});
