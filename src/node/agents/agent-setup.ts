import { RUNNERS, type Runner } from "../../core/agents/live-modes.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { verifyPattern } from "../../core/policy/topic.ts";
import type { NodeStore } from "../../store/node-store.ts";
import type { NodeContext } from "../node-context.ts";
import type { agent_runner, live_agent_off, live_agent_set, live_agents } from "../operations/agent-setup.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import {
  dropLiveConfigs,
  keepLiveConfig,
  type LiveAgentConfig,
  liveAgentConfig,
  liveAgentConfigs,
  liveConfigsOf,
  sameConfig,
} from "./live-configs.ts";

/** What it is kept under among the settings of the node. */
const SETTING = "agent_runner";

interface AgentRunner {
  readonly runner: Runner;
  readonly runner_command: string | undefined;
  readonly agent_instructions: boolean;
}

const NO_RUNNER: AgentRunner = { runner: "none", runner_command: undefined, agent_instructions: false };

/** Tells what is to run the agent, changed first where that is said. */
export function agentRunner(
  { root }: Pick<NodeContext, "root">,
  asked: RequestOf<typeof agent_runner>,
): AnswerOf<typeof agent_runner> {
  const before = readRunner(root.node);
  const runner = asked.runner ?? before.runner;
  const said = asked.runner_command || undefined;
  const kept: AgentRunner = {
    runner,
    runner_command: said ?? (runner === "custom" ? before.runner_command : undefined),
    agent_instructions: asked.agent_instructions ?? before.agent_instructions,
  };
  if ((runner === "custom") !== (kept.runner_command !== undefined)) {
    const expected = runner === "custom" ? "expected a command for runner custom" : `runner ${runner} takes no command`;
    throw new EntmootError("invalid_argument", `runner_command: ${expected}`);
  }
  const changed = JSON.stringify(kept) !== JSON.stringify(before);
  if (changed && !asked.dry_run) root.node.setSetting(SETTING, JSON.stringify(kept));
  return { ...kept, changed };
}

/** What cannot be read is none. */
function readRunner(store: Pick<NodeStore, "getSetting">): AgentRunner {
  try {
    const { runner, runner_command, agent_instructions } = JSON.parse(store.getSetting(SETTING) ?? "{}");
    const isCustom = runner === "custom";
    if (!RUNNERS.includes(runner) || isCustom !== (typeof runner_command === "string")) return NO_RUNNER;
    return {
      runner,
      runner_command: isCustom ? runner_command : undefined,
      agent_instructions: agent_instructions === true,
    };
  } catch {
    return NO_RUNNER;
  }
}

/** Configuration alone: whatever runs live agents reads it. */
export function setLiveAgent(
  node: NodeContext,
  request: RequestOf<typeof live_agent_set>,
): AnswerOf<typeof live_agent_set> {
  const { dry_run, group_id, mode, node_id } = request;
  const { self } = node.requireGroup(group_id);
  if (self === undefined) throw new EntmootError("not_member", "this node is not a member of that moot");
  if (self.pilot_node_id !== node_id) {
    // What another node writes would be taken for somebody else's words, and answered without end.
    throw new EntmootError("not_member", `this node is ${self.pilot_node_id} in that moot, not ${node_id}`);
  }
  const topic_filters = distinct(request.topic_filters ?? ["#"]);
  for (const filter of topic_filters) verifyPattern(filter);
  const config: LiveAgentConfig = {
    group_id,
    node_id,
    enabled: true,
    mode,
    topic_filters,
    allowed_actions: distinct(request.allowed_actions ?? []),
    max_actions_per_scan: BigInt(request.max_actions_per_scan ?? 0),
    max_action_bytes: BigInt(request.max_action_bytes ?? 0),
    updated_at_ms: BigInt(Math.floor(node.clock.unix())),
  };
  const settings = node.root.node;
  const before = sameConfig(settings, config);
  const kept = before ?? (dry_run ? config : keepLiveConfig(settings, config));
  return { config: decodeUtf8(encodeWire(liveAgentConfig, kept)), changed: before === undefined };
}

export function endLiveAgent(
  { root }: Pick<NodeContext, "root">,
  { dry_run, group_id, node_id = 0 }: RequestOf<typeof live_agent_off>,
): AnswerOf<typeof live_agent_off> {
  if (!dry_run) return { disabled: dropLiveConfigs(root.node, group_id, node_id) };
  const those = liveConfigsOf(root.node, group_id).filter((each) => node_id === 0 || each.node_id === node_id);
  return { disabled: those.length };
}

export function liveAgents(
  { root }: Pick<NodeContext, "root">,
  { group_id }: RequestOf<typeof live_agents>,
): AnswerOf<typeof live_agents> {
  return { configs: decodeUtf8(encodeWire(liveAgentConfigs, liveConfigsOf(root.node, group_id))) };
}

function distinct(words: readonly string[]): readonly string[] {
  return [...new Set(words)].toSorted();
}
