import { EntmootError } from "../../core/errors.ts";
import { connectToLook } from "../../daemon/open-operations.ts";
import { openUnfounded } from "../../daemon/open-unfounded.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { agent_runner } from "../../node/operations/agent-setup.ts";
import { status } from "../../node/operations/daemon.ts";
import type { FeatureFlags } from "../line/feature-flags.ts";
import { askChoices } from "./ask-choices.ts";
import { type BootstrapFlags, LABEL, parseChoices } from "./choices.ts";

/** The flags as the person at this terminal completes them. Throws `invalid_argument` where nobody is there. */
export async function interview(
  options: GlobalOptions,
  flags: BootstrapFlags,
  features: FeatureFlags,
): Promise<BootstrapFlags> {
  // The answers come on stdin, the questions go to stderr; stdout is for the result, and may be a file.
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) {
    throw new EntmootError(
      "invalid_argument",
      `${LABEL}: --interactive requires a terminal; pass flags or use --yes for defaults`,
    );
  }
  // What is wrong with a flag is said before anything is asked; what goes with it may be an answer yet.
  parseChoices(answerable(flags), features);
  const known = await (async () => {
    await using node = await openUnfounded(options);
    const [kept, told] = await Promise.all([node.call(agent_runner, {}), node.call(status, {})]);
    return { kept, moots: told.groups.filter(({ local_member }) => local_member) };
  })();
  const daemon = await connectToLook(options);
  await daemon?.[Symbol.asyncDispose]();
  const { agent_instructions: instructions, runner, runner_command: runnerCommand } = known.kept;
  return askChoices({
    flags,
    features,
    kept: { runner, runnerCommand, instructions },
    moots: known.moots,
    // Only a daemon that runs lets an agent hear.
    canAttach: daemon !== undefined,
  });
}

function answerable(flags: BootstrapFlags): BootstrapFlags {
  const isCommandAsked = flags.runner === "custom" && flags["runner-command"] === undefined;
  const isLive = flags["live-mode"] !== undefined && flags["live-mode"] !== "off";
  return {
    ...flags,
    ...(isCommandAsked ? { runner: undefined } : {}),
    group: undefined,
    ...(isLive ? { group: flags.group ?? "asked", node: flags.node ?? "1" } : {}),
  };
}
