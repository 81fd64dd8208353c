import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import {
  isLiveAction,
  LIVE_ACTIONS,
  LIVE_MODES,
  type LiveAction,
  type LiveMode,
  needsTasks,
  operatorActions,
  RUNNERS,
  type Runner,
} from "../../core/agents/live-modes.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { repeated } from "../line/command.ts";
import type { FeatureFlags } from "../line/feature-flags.ts";
import { parseInteger } from "../line/flag-values.ts";
import { parseHost } from "../line/host-argument.ts";
import { requirePattern, splitList } from "../line/topic-argument.ts";

export const LABEL = "bootstrap agent";
export const DEFAULT_MOOT_WORDS = ["skip", "join", "decline"] as const;
export const LIVE_MODE_WORDS = ["off", ...LIVE_MODES] as const;
const NODE_MAX = 0xffff_ffff;
const CAP_MAX = Number.MAX_SAFE_INTEGER;

/** How an agent is to take part in a moot by itself, as far as it was said. */
export interface LiveChoice {
  readonly mode: LiveMode | "off";
  /** As it was typed: an id or a name. */
  readonly group: string | undefined;
  readonly node: number | undefined;
  readonly topics: readonly string[];
  /** Empty: what the mode allows by itself. */
  readonly actions: readonly LiveAction[];
  readonly maxActions: number;
  readonly maxActionBytes: number;
}

/** What the owner wants, checked; what is `undefined` stays as it is kept. */
export interface BootstrapChoices {
  readonly runner: Runner | undefined;
  readonly runnerCommand: string | undefined;
  readonly instructions: boolean | undefined;
  readonly defaultMoot: (typeof DEFAULT_MOOT_WORDS)[number];
  readonly live: LiveChoice | undefined;
  readonly attach:
    | { readonly host: string; readonly as: string | undefined; readonly group: string | undefined }
    | undefined;
}

/** The flags as they were typed, or as they were answered. */
export interface BootstrapFlags {
  readonly runner?: string | undefined;
  readonly "runner-command"?: string | undefined;
  readonly "agent-instructions"?: boolean | undefined;
  readonly "default-moot"?: string | undefined;
  readonly "live-mode"?: string | undefined;
  readonly group?: string | undefined;
  readonly node?: string | undefined;
  readonly topic?: string | undefined;
  readonly action?: string | undefined;
  readonly "max-actions"?: string | undefined;
  readonly "max-action-bytes"?: string | undefined;
  readonly attach?: string | undefined;
  readonly as?: string | undefined;
}

/** Throws `invalid_argument` or `disabled` before anything is done. */
export function parseChoices(flags: BootstrapFlags, features: FeatureFlags): BootstrapChoices {
  const runner = flags.runner === undefined ? undefined : wordOf("-runner", flags.runner, RUNNERS);
  const command = flags["runner-command"];
  if (runner === "custom" && command === undefined) throw refused("-runner-command is required with -runner custom");
  if (runner !== "custom" && command !== undefined) throw refused("-runner-command is only for -runner custom");
  if (flags["agent-instructions"] === true && !features.tasks) {
    throw new EntmootError(
      "disabled",
      `${LABEL}: agent instruction commands require ENTMOOT_ENABLE_FLEET=1 and ENTMOOT_ENABLE_TASKS=1`,
    );
  }
  const host = flags.attach === undefined ? undefined : parseHost(`${LABEL}: -attach`, flags.attach).host;
  if (host === undefined && flags.as !== undefined) throw refused("-as is for -attach");
  const live = parseLive(flags, features);
  if (live === undefined && host === undefined && flags.group !== undefined) {
    throw refused("-group is for -live-mode and -attach; give one of them");
  }
  return {
    runner,
    runnerCommand: command === undefined ? undefined : runnerCommand(command),
    instructions: flags["agent-instructions"],
    defaultMoot: defaultMootChoice(flags["default-moot"] ?? "skip"),
    live,
    attach: host === undefined ? undefined : { host, as: flags.as, group: flags.group },
  };
}

function parseLive(flags: BootstrapFlags, features: FeatureFlags): LiveChoice | undefined {
  const mode = flags["live-mode"] === undefined ? undefined : wordOf("-live-mode", flags["live-mode"], LIVE_MODE_WORDS);
  const beside = (["node", "topic", "action", "max-actions", "max-action-bytes"] as const).filter(
    (name) => flags[name] !== undefined,
  );
  if (mode === undefined) {
    if (beside.length > 0) throw refused(`-${beside[0]} is for -live-mode; give one of ${LIVE_MODE_WORDS.join(", ")}`);
    return undefined;
  }
  const cap = (name: "max-actions" | "max-action-bytes") =>
    parseInteger(`${LABEL}: -${name}`, flags[name] ?? "0", { min: 0, max: CAP_MAX });
  const node =
    flags.node === undefined ? undefined : parseInteger(`${LABEL}: -node`, flags.node, { min: 1, max: NODE_MAX });
  const topics = listOf(flags.topic);
  for (const topic of topics) requirePattern(LABEL, topic);
  const actions = actionsOf(flags.action, features);
  const maxActions = cap("max-actions");
  const maxActionBytes = cap("max-action-bytes");
  if (mode !== "off" && flags.group === undefined) {
    throw refused(`-group is required with -live-mode ${mode}; "entmootd group list" shows the moots here`);
  }
  if (mode !== "off" && node === undefined) {
    throw refused(`-node is required with -live-mode ${mode}: this node's id there, as "entmootd info" shows it`);
  }
  return {
    mode,
    group: flags.group,
    node,
    topics: topics.length === 0 ? ["#"] : topics,
    actions: actions.length === 0 && mode === "operator" ? operatorActions(features.tasks) : actions,
    maxActions,
    maxActionBytes,
  };
}

function actionsOf(text: string | undefined, features: FeatureFlags): readonly LiveAction[] {
  if (text === undefined) return [];
  const words = listOf(text).map((word) => word.toLowerCase());
  if (words.length === 0) throw refused("live action list cannot be empty");
  const unknown = words.filter((word) => !isLiveAction(word));
  if (unknown.length > 0) {
    const found = unknown.map((word) => JSON.stringify(word.slice(0, 80))).join(", ");
    throw refused(`unknown -action value(s): ${found}; expected of ${LIVE_ACTIONS.join(", ")}`);
  }
  const actions = words.filter(isLiveAction);
  const gated = actions.filter((action) => needsTasks(action) && !features.tasks).toSorted();
  if (gated.length === 0) return actions;
  const needed = "require ENTMOOT_ENABLE_FLEET=1 and ENTMOOT_ENABLE_TASKS=1";
  throw new EntmootError("disabled", `${LABEL}: live action(s) ${needed}: ${[...new Set(gated)].join(", ")}`);
}

/** One executable, without arguments: a path, or a name on PATH. Throws `invalid_argument`. */
export function runnerCommand(text: string): string {
  const word = trimSpace(text);
  if (word === "") throw refused("-runner-command: expected an executable, found nothing");
  if (!/[/\\]/.test(word)) {
    if (/\s/.test(word))
      throw refused("-runner-command: expected one executable without arguments; put them in a script");
    if (Bun.which(word) !== null) return word;
    throw refused(`-runner-command: ${JSON.stringify(word.slice(0, 80))} is not found on PATH; give its path`);
  }
  const path = resolve(word);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw refused(`-runner-command: nothing is at ${path}; give the path of an executable`);
  if (found.isDirectory()) throw refused(`-runner-command: ${path} is a folder; give the path of an executable`);
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw refused(`-runner-command: ${path} is not executable; chmod +x makes it so`);
  }
  return path;
}

function defaultMootChoice(text: string): (typeof DEFAULT_MOOT_WORDS)[number] {
  const word = trimSpace(text).toLowerCase();
  const choice = DEFAULT_MOOT_WORDS.find((each) => each === word || (each === "decline" && word === "declined"));
  if (choice === undefined) throw refused("--default-moot must be skip, join, or decline");
  return choice;
}

function wordOf<const Word extends string>(flag: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === trimSpace(text).toLowerCase());
  if (found !== undefined) return found;
  throw refused(`${flag}: expected one of ${words.join(", ")}, found ${JSON.stringify(text.slice(0, 80))}`);
}

function listOf(text: string | undefined): string[] {
  return repeated(text).flatMap(splitList);
}

function refused(why: string): EntmootError {
  return new EntmootError("invalid_argument", `${LABEL}: ${why}`);
}
