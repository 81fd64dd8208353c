import { GroupId } from "../../core/ids.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { programPath } from "../../host/program-name.ts";
import type { RuntimeReport } from "../../host/runtime-report.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { type LiveAgentConfig, liveAgentConfig } from "../../node/agents/live-configs.ts";
import { commandFor } from "../../view/readiness.ts";
import type { BootstrapDone } from "./carry-out.ts";
import type { BootstrapChoices } from "./choices.ts";

/** What was done and what is to be run next. */
export interface BootstrapReport {
  readonly choices: BootstrapChoices;
  readonly done: BootstrapDone;
  readonly isDry: boolean;
  readonly runtime: RuntimeReport;
  readonly options: GlobalOptions;
}

const JOIN_WARNING =
  "joining a public moot is a step of its own: nothing is joined until the command is run, and its members learn this node's key";

/** Keys in the original's order, then `changed` and `attached`, which are ours. */
export function bootstrapJson(report: BootstrapReport): Readonly<Record<string, unknown>> {
  const { choices, done, isDry, runtime } = report;
  const commands = commandsOf(report);
  const warnings = warningsOf(report);
  const moot = defaultMootOf(report);
  return {
    dry_run: isDry,
    applied: done.isApplied,
    runner: done.runner,
    ...(done.runnerCommand === undefined ? {} : { runner_command: done.runnerCommand }),
    agent_instructions: done.instructions,
    live: liveJson(shownLive(report), choices.live?.group),
    default_moot: {
      choice: moot.choice,
      ...(moot.commands.length === 0 ? {} : { commands: moot.commands }),
      ...(moot.warnings.length === 0 ? {} : { warnings: moot.warnings }),
    },
    ...(commands.length === 0 ? {} : { commands }),
    ...(warnings.length === 0 ? {} : { warnings }),
    runtime,
    ...(done.asked === undefined || isDry ? {} : { applied_live_config: configJson(done.asked) }),
    changed: done.isChanged,
    ...(done.attached === undefined ? {} : { attached: done.attached }),
  };
}

/** The same for people, one `key: value` a line. */
export function bootstrapText(report: BootstrapReport): readonly string[] {
  const { choices, done, isDry } = report;
  const live = shownLive(report);
  const moot = defaultMootOf(report);
  const group = live && (choices.live?.group ?? GroupId.toBase64(live.group_id));
  return [
    `bootstrap agent: ${isDry ? "dry run" : done.isApplied ? "applied" : "ready"}`,
    `runner: ${done.runner}`,
    ...(done.runnerCommand === undefined ? [] : [`runner_command: ${done.runnerCommand}`]),
    `agent_instructions: ${done.instructions}`,
    ...(live === undefined
      ? ["live: disabled"]
      : [
          `live: enabled mode=${live.mode} group=${group} node=${live.node_id}`,
          `live_topics: ${live.topic_filters.join(",")}`,
          ...(live.allowed_actions.length === 0 ? [] : [`live_actions: ${live.allowed_actions.join(",")}`]),
        ]),
    ...warningsOf(report).map((warning) => `warning: ${warning}`),
    `default_moot: ${moot.choice}`,
    ...moot.warnings.map((warning) => `warning: ${warning}`),
    ...attachedLines(done),
    ...commandsOf(report).map((command) => `command: ${command}`),
  ];
}

function attachedLines({ attached }: BootstrapDone): readonly string[] {
  if (attached === undefined) return [];
  const { already, dry_run, host, next, voice } = attached;
  const as = typeof voice === "string" ? `as ${voice}` : "as this node itself";
  const said = dry_run === true ? "would be" : already === true ? "already" : "now";
  return [`attached: ${host} ${as} (${said})`, ...(typeof next === "string" ? [`next: ${next}`] : [])];
}

/** What was asked for, else the only one that is kept. */
function shownLive({ choices, done }: BootstrapReport): LiveAgentConfig | undefined {
  if (done.asked !== undefined) return done.asked;
  return choices.live === undefined && done.live.length === 1 ? done.live[0] : undefined;
}

function liveJson(live: LiveAgentConfig | undefined, group: string | undefined) {
  if (live === undefined) return { enabled: false };
  const group_id = GroupId.toBase64(live.group_id);
  return {
    enabled: true,
    group: group ?? group_id,
    group_id,
    node_id: live.node_id,
    mode: live.mode,
    topic_filters: live.topic_filters,
    ...(live.allowed_actions.length === 0 ? {} : { allowed_actions: live.allowed_actions }),
    ...(live.max_actions_per_scan === 0n ? {} : { max_actions_per_scan: Number(live.max_actions_per_scan) }),
    ...(live.max_action_bytes === 0n ? {} : { max_action_bytes: Number(live.max_action_bytes) }),
  };
}

function configJson(config: LiveAgentConfig): unknown {
  return JSON.parse(new TextDecoder().decode(encodeWire(liveAgentConfig, config)));
}

function defaultMootOf(report: BootstrapReport) {
  const { choices, isDry } = report;
  const choice = choices.defaultMoot === "decline" ? "declined" : choices.defaultMoot;
  const isToRun = choices.defaultMoot === "join" || (choices.defaultMoot === "decline" && isDry);
  return {
    choice,
    commands: isToRun ? [commandOf(report, ["default-moot", choices.defaultMoot])] : [],
    warnings: choices.defaultMoot === "join" ? [JOIN_WARNING] : [],
  };
}

/** What is to be run next, in this order. */
function commandsOf(report: BootstrapReport): readonly string[] {
  const { choices, done, isDry, runtime } = report;
  const attach = choices.attach;
  return [
    ...defaultMootOf(report).commands,
    ...(isRunning(runtime) ? [] : [`${switches(done)}${commandOf(report, ["serve"])}`]),
    ...(attach === undefined || !isDry
      ? []
      : [
          commandOf(report, [
            "attach",
            attach.host,
            ...(attach.as === undefined ? [] : ["-as", attach.as]),
            ...(attach.group === undefined ? [] : ["-group", attach.group]),
          ]),
        ]),
  ];
}

function isRunning({ runtime_status }: RuntimeReport): boolean {
  return runtime_status === "healthy";
}

function switches({ instructions }: BootstrapDone): string {
  return instructions ? "ENTMOOT_AGENT_INSTRUCTIONS=1 ENTMOOT_ENABLE_FLEET=1 ENTMOOT_ENABLE_TASKS=1 " : "";
}

/** A container's own wrapper knows its data root. */
function commandOf({ options, runtime }: BootstrapReport, words: readonly string[]): string {
  const isWrapped = runtime.agent_wrapper !== undefined && options.dataDir === runtime.recommended.agent_data_dir;
  if (isWrapped) return shellCommand([runtime.agent_wrapper!, ...words]);
  if (options.agentSocket !== undefined) return shellCommand([programPath(), ...words]);
  return commandFor({ data_dir: options.dataDir, identity_path: options.identityPath }, words);
}

function warningsOf(report: BootstrapReport): readonly string[] {
  const { choices, done, runtime } = report;
  const isLive = shownLive(report) !== undefined;
  const isIdle = done.runner === "none";
  const found: (string | false)[] = [
    isRunning(runtime) && "a daemon runs on this data root already: serve is not needed",
    done.instructions &&
      "instruction commands are kept as switched on, and not run: agent-commands is not built in this version",
    done.instructions &&
      isRunning(runtime) &&
      "instruction commands need the daemon to be started again with ENTMOOT_AGENT_INSTRUCTIONS=1",
    done.instructions && isIdle && "instruction commands have no runner; -runner names one",
    isLive &&
      "the live configuration is kept, and nothing acts on it: agent-live is not built in this version; attach lets an agent hear",
    isLive && isIdle && "the live configuration has no runner; -runner names one",
    choices.live === undefined &&
      done.live.length > 1 &&
      `${done.live.length} live configurations are kept: entmootd call live_agents '{}' shows them`,
    choices.live?.mode === "off" &&
      choices.live.group === undefined &&
      done.live.length > 0 &&
      `${done.live.length} live configuration(s) stay as they are; -live-mode off -group GROUP ends those of one moot`,
  ];
  return found.filter((warning) => warning !== false);
}
