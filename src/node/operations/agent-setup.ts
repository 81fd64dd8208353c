import { LIVE_ACTIONS, LIVE_MODES, RUNNERS } from "../../core/agents/live-modes.ts";
import { documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rawJson, u32 } from "../../core/json/json-scalars.ts";
import { PATTERN_BYTES_MAX } from "../../core/policy/topic.ts";
import { boundedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";

/** Ours. PATH_MAX on Linux; a program is one path. */
const COMMAND_BYTES_MAX = 4096;
/** Ours. As many filters as a person keeps apart. */
export const LIVE_TOPICS_MAX = 64;

const runner = documented("what is started for what a moot asks of the agent", oneOf("runner", RUNNERS));
const runnerCommand = documented("the executable of a custom one", boundedText("runner command", COMMAND_BYTES_MAX));
const instructions = documented("instructions of a fleet's coordinator may be queued for it", bool);

/** What is absent stays. Throws `invalid_argument` for a command where none is taken, or none where one is. */
export const agent_runner = operation({
  name: "agent_runner",
  summary: "What is to run this node's agent, told or changed; configuration alone",
  scope: "owner",
  request: struct("runner asked for", {
    runner: optional(runner),
    runner_command: optional(runnerCommand),
    agent_instructions: optional(instructions),
    dry_run: documented("only tell what would hold", optional(bool)),
  }),
  answer: struct(
    "runner",
    {
      runner,
      runner_command: optional(runnerCommand),
      agent_instructions: instructions,
      changed: documented("it was something else before", bool),
    },
    { required: ["runner", "agent_instructions", "changed"] },
  ),
});

const nodeId = documented("node id of the member that takes part: this node's own there", u32);
const config = documented("what is kept, as a JSON object", rawJson);

/** Configuration alone. Throws `not_member` where the node id is not this node's in that moot, `invalid_argument`. */
export const live_agent_set = operation({
  name: "live_agent_set",
  summary: "Keep how an agent here is to take part in a moot by itself; the same again changes nothing",
  scope: "owner",
  request: struct(
    "live agent to keep",
    {
      group_id: groupId,
      node_id: nodeId,
      mode: oneOf("mode", LIVE_MODES),
      topic_filters: documented(
        "absent: every topic",
        optional(plainList(boundedText("topic filter", PATTERN_BYTES_MAX), LIVE_TOPICS_MAX)),
      ),
      allowed_actions: documented(
        "absent: what the mode allows by itself",
        optional(plainList(oneOf("action", LIVE_ACTIONS), LIVE_ACTIONS.length)),
      ),
      max_actions_per_scan: documented("absent or 0: no limit", optional(count)),
      max_action_bytes: documented("absent or 0: no limit", optional(count)),
      dry_run: documented("only tell what would be kept", optional(bool)),
    },
    { required: ["group_id", "node_id", "mode"] },
  ),
  answer: struct("live agent kept", { config, changed: bool }),
});

export const live_agent_off = operation({
  name: "live_agent_off",
  summary: "Forget how an agent here is to take part in a moot by itself",
  scope: "owner",
  request: struct(
    "live agent to end",
    { group_id: groupId, node_id: documented("absent or 0: all", optional(u32)), dry_run: optional(bool) },
    { required: ["group_id"] },
  ),
  answer: struct("live agents ended", { disabled: count }, { required: ["disabled"] }),
});

export const live_agents = operation({
  name: "live_agents",
  summary: "How agents here are to take part in moots by themselves, as it is kept",
  onlyLooks: true,
  scope: "owner",
  request: struct("live agents asked for", { group_id: documented("absent: all moots", optional(groupId)) }),
  answer: struct("live agents", { configs: documented("a JSON array", rawJson) }),
});

export const AGENT_SETUP_OPERATIONS = { agent_runner, live_agent_set, live_agent_off, live_agents };
