import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { decodeJson, encodeWire, list, omitted, omittedList, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, text, u32 } from "../../core/json/json-scalars.ts";
import type { NodeStore } from "../../store/node-store.ts";

/** How a live agent of one node takes part in one moot. Wire: the original's keys, as its commands print them. */
export interface LiveAgentConfig {
  readonly group_id: GroupId;
  readonly node_id: number;
  readonly enabled: boolean;
  readonly mode: string;
  readonly topic_filters: readonly string[];
  readonly allowed_actions: readonly string[];
  /** 0: no limit. */
  readonly max_actions_per_scan: bigint;
  readonly max_action_bytes: bigint;
  /** Unix milliseconds; what is older is not answered. */
  readonly updated_at_ms: bigint;
}

export const liveAgentConfig = struct<LiveAgentConfig>("live agent", {
  group_id: groupId,
  node_id: u32,
  enabled: bool,
  mode: text,
  topic_filters: omittedList(text),
  allowed_actions: omittedList(text),
  max_actions_per_scan: omitted(i64),
  max_action_bytes: omitted(i64),
  updated_at_ms: i64,
});

export const liveAgentConfigs = list(liveAgentConfig);

/** What they are kept under among the settings of the node. */
const SETTING = "live_agents";
/** Ours. One for each of a person's agents in each of their moots, many times over. */
const CONFIGS_MAX = 1024;

type LiveSettings = Pick<NodeStore, "getSetting" | "setSetting">;

/** Those of one moot, or of all. What cannot be read is none. */
export function liveConfigsOf(settings: Pick<NodeStore, "getSetting">, id?: GroupId): readonly LiveAgentConfig[] {
  return all(settings).filter(({ group_id }) => id === undefined || group_id === id);
}

/**
 * Keeps one, in place of what there was for its node and moot, and gives what is kept: where that says the same already it
 * stays with its time, before which nothing is answered. Throws `conflict` when there are too many.
 */
export function keepLiveConfig(settings: LiveSettings, config: LiveAgentConfig): LiveAgentConfig {
  const before = sameConfig(settings, config);
  if (before !== undefined) return before;
  const others = all(settings).filter(
    ({ group_id, node_id }) => group_id !== config.group_id || node_id !== config.node_id,
  );
  if (others.length >= CONFIGS_MAX) {
    throw new EntmootError("conflict", `live agents: at most ${CONFIGS_MAX}; disable one that is not needed`);
  }
  put(settings, [...others, config]);
  return config;
}

/** What is kept, where it says what `config` does. */
export function sameConfig(
  settings: Pick<NodeStore, "getSetting">,
  config: LiveAgentConfig,
): LiveAgentConfig | undefined {
  return all(settings).find(
    (each) => formOf({ ...each, updated_at_ms: 0n }) === formOf({ ...config, updated_at_ms: 0n }),
  );
}

function formOf(config: LiveAgentConfig): string {
  return decodeUtf8(encodeWire(liveAgentConfig, config));
}

/** Forgets those of a moot, of one node or (0) of all; gives how many. */
export function dropLiveConfigs(settings: LiveSettings, id: GroupId, nodeId: number): number {
  const before = all(settings);
  const after = before.filter(({ group_id, node_id }) => group_id !== id || (nodeId !== 0 && node_id !== nodeId));
  if (after.length < before.length) put(settings, after);
  return before.length - after.length;
}

function all(settings: Pick<NodeStore, "getSetting">): readonly LiveAgentConfig[] {
  try {
    return decodeJson(liveAgentConfigs, settings.getSetting(SETTING) ?? "[]") ?? [];
  } catch (error) {
    if (error instanceof EntmootError) return [];
    throw error;
  }
}

function put(settings: LiveSettings, kept: readonly LiveAgentConfig[]): void {
  settings.setSetting(SETTING, kept.length === 0 ? undefined : decodeUtf8(encodeWire(liveAgentConfigs, kept)));
}
