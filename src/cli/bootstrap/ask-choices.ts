import { confirm, isCancel, multiselect, note, select, text } from "@clack/prompts";
import { HOST_SETUPS } from "../../agent/setup/host-setups.ts";
import { LIVE_ACTIONS, needsTasks, RUNNERS } from "../../core/agents/live-modes.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { MootStatus } from "../../node/operations/daemon.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { REPEAT_SEPARATOR, repeated } from "../line/command.ts";
import type { FeatureFlags } from "../line/feature-flags.ts";
import { requirePattern, splitList } from "../line/topic-argument.ts";
import { type BootstrapFlags, DEFAULT_MOOT_WORDS, LABEL, LIVE_MODE_WORDS, runnerCommand } from "./choices.ts";

/** What is known before anything is asked. */
export interface AskedOver {
  readonly flags: BootstrapFlags;
  readonly features: FeatureFlags;
  /** What is kept, which an empty answer keeps. */
  readonly kept: {
    readonly runner: string;
    readonly runnerCommand: string | undefined;
    readonly instructions: boolean;
  };
  /** Those that this node is a member of. */
  readonly moots: readonly MootStatus[];
  readonly canAttach: boolean;
}

const NO_HOST = "none";
/** Ours. What a terminal has that does not say; where it says nothing, or 0, each word would stand on lines of one letter. */
const COLUMNS = 80;
const ROWS = 24;
/** Prompts are no result: stdout is for that. */
const io = { input: process.stdin, output: sized(process.stderr) } as const;

function sized(output: typeof process.stderr): typeof process.stderr {
  if (output.columns > 0 && output.rows > 0) return output;
  return new Proxy(output, {
    get(target, name) {
      if (name === "columns") return COLUMNS;
      if (name === "rows") return ROWS;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/**
 * Asks on the terminal for what the flags leave open, each with what holds as its default; an answer that will not do is asked
 * again. Changes nothing. Throws `invalid_argument` where the person ends it.
 */
export async function askChoices({ canAttach, features, flags, kept, moots }: AskedOver): Promise<BootstrapFlags> {
  const runner = answer(
    await select({
      ...io,
      message: "runner: what is started for what a moot asks of the agent",
      options: RUNNERS.map((value) => ({ value })),
      initialValue: RUNNERS.find((word) => word === (flags.runner ?? kept.runner)) ?? "none",
    }),
  );
  const command = runner === "custom" ? await askCommand(flags["runner-command"] ?? kept.runnerCommand) : undefined;
  const instructions = features.tasks
    ? answer(
        await confirm({
          ...io,
          message: "enable instruction commands",
          initialValue: flags["agent-instructions"] ?? kept.instructions,
        }),
      )
    : flags["agent-instructions"];
  const defaultMoot = answer(
    await select({
      ...io,
      message: "The Ent Moot, the public moot every node is offered",
      options: [
        { value: "skip", hint: "nothing is said of it" },
        { value: "join", hint: "shows the command; joins nothing by itself" },
        { value: "decline", hint: "kept out of it, also later" },
      ],
      initialValue: DEFAULT_MOOT_WORDS.find((word) => word === flags["default-moot"]) ?? "skip",
    }),
  );
  const live = await askLive(flags, moots, features);
  const attach = canAttach ? await askHost(flags.attach) : undefined;
  const isGroupNeeded = attach !== undefined || live["live-mode"] !== undefined;
  return {
    ...flags,
    runner,
    "runner-command": command,
    "agent-instructions": instructions,
    "default-moot": defaultMoot,
    ...live,
    group: live.group ?? (isGroupNeeded ? flags.group : undefined),
    attach,
    as: attach === undefined ? undefined : flags.as,
  };
}

async function askCommand(before: string | undefined): Promise<string> {
  return answer(
    await text({
      ...io,
      message: "custom runner command: one executable, without arguments",
      initialValue: before ?? "",
      validate: (value) => whyNot(() => runnerCommand(value ?? "")),
    }),
  );
}

type LiveFlags = Pick<BootstrapFlags, "live-mode" | "group" | "node" | "topic" | "action">;

async function askLive(
  flags: BootstrapFlags,
  moots: readonly MootStatus[],
  features: FeatureFlags,
): Promise<LiveFlags> {
  if (moots.length === 0) {
    note(
      "there is no moot here yet, so no agent takes part in one: group create makes one, join takes a link",
      "live mode",
      io,
    );
    return {
      "live-mode": flags["live-mode"],
      group: flags.group,
      node: flags.node,
      topic: flags.topic,
      action: flags.action,
    };
  }
  const mode = answer(
    await select({
      ...io,
      message: "live mode: how the agent is to take part in a moot by itself",
      options: LIVE_MODE_WORDS.map((value) => ({ value })),
      initialValue: LIVE_MODE_WORDS.find((word) => word === flags["live-mode"]) ?? "off",
    }),
  );
  const none = { group: undefined, node: undefined, topic: undefined, action: undefined };
  // What was never on is not switched off.
  if (mode === "off") return { ...none, "live-mode": flags["live-mode"] === undefined ? undefined : mode };
  const isNamed = ({ group_id, name }: MootStatus) =>
    flags.group === name || flags.group === GroupId.toBase64(group_id);
  const group = answer(
    await select({
      ...io,
      message: "live group",
      options: moots.map(({ group_id, name }) => ({
        value: GroupId.toBase64(group_id),
        label: name === "" ? GroupId.toBase64(group_id) : terminalText(name, 60),
      })),
      initialValue: GroupId.toBase64((moots.find(isNamed) ?? moots[0]!).group_id),
    }),
  );
  const topics = answer(
    await text({
      ...io,
      message: "live topics, comma separated",
      initialValue: repeated(flags.topic).join(",") || "#",
      validate: (value) =>
        whyNot(() => {
          for (const topic of splitList(value ?? "")) requirePattern(LABEL, topic);
        }),
    }),
  );
  const actions = mode === "operator" ? await askActions(flags, features) : repeated(flags.action);
  return {
    "live-mode": mode,
    group,
    // No other is allowed.
    node: `${moots.find(({ group_id }) => GroupId.toBase64(group_id) === group)!.local_node_id}`,
    topic: topics,
    action: actions.length === 0 ? undefined : actions.join(REPEAT_SEPARATOR),
  };
}

async function askActions(flags: BootstrapFlags, features: FeatureFlags): Promise<readonly string[]> {
  return answer(
    await multiselect({
      ...io,
      message: "operator actions; none marked means all",
      options: LIVE_ACTIONS.filter((action) => features.tasks || !needsTasks(action)).map((value) => ({ value })),
      initialValues: LIVE_ACTIONS.filter((action) => repeated(flags.action).includes(action)),
      required: false,
    }),
  );
}

async function askHost(before: string | undefined): Promise<string | undefined> {
  const host = answer(
    await select({
      ...io,
      message: "attach the agent that runs in this folder",
      options: [
        { value: NO_HOST, label: "none" },
        ...HOST_SETUPS.map(({ host: value, title }) => ({ value, label: title })),
      ],
      initialValue: before ?? NO_HOST,
    }),
  );
  return host === NO_HOST ? undefined : host;
}

function answer<Value>(given: Value): Exclude<Value, symbol> {
  if (!isCancel(given)) return given as Exclude<Value, symbol>;
  throw new EntmootError("invalid_argument", `${LABEL}: ended before the last answer; nothing was changed`);
}

/** What the person reads under an answer that will not do. */
function whyNot(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return textOf(error).replace(`${LABEL}: `, "");
  }
}
