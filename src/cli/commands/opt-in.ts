import { EntmootError } from "../../core/errors.ts";
import { defineCommand, type EntmootCommand } from "../line/command.ts";
import { parseFeatureFlags, requireFeature } from "../line/feature-flags.ts";
import { globalFlags } from "../line/global-flags.ts";

/**
 * A command of coordination that is off until variables turn it on, and that this version does not have yet:
 * it says which of the two it is, whatever follows it. `needs` by the words that follow.
 */
function optIn(
  name: string,
  description: string,
  needs: (words: readonly string[]) => "fleet" | "tasks",
): EntmootCommand {
  return defineCommand({
    meta: { name, description },
    help: {
      examples: [`entmootd ${name}`],
      exits: [0, 1, 5],
      anyFlags: true,
      notes: ["Off unless ENTMOOT_ENABLE_FLEET and, for tasks and commands, ENTMOOT_ENABLE_TASKS are set."],
    },
    args: {
      ...globalFlags,
      words: { type: "positional", required: false, variadic: true, valueHint: "OP", description: "operation" },
    },
    run({ args }) {
      const [op] = args._;
      const gate = needs(args._);
      const label = gate === "tasks" && name === "fleet" ? `${name} ${op}` : name;
      requireFeature(label, parseFeatureFlags(process.env), gate);
      throw new EntmootError("unavailable", `${label}: not built in this version; messaging does not need it`);
    },
  });
}

/** `fleet …`. */
export const fleet = optIn("fleet", "Coordinate a fleet of agents (opt-in)", ([op]) =>
  op === "tasks" || op === "commands" ? "tasks" : "fleet",
);

/** `agent-commands …`. */
export const agentCommands = optIn("agent-commands", "Run queued agent commands (opt-in)", () => "tasks");

/** `tasks …`. */
export const tasks = optIn("tasks", "Share tasks in a fleet (opt-in)", () => "tasks");
