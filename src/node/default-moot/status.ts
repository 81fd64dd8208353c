import { liveConfigText } from "../../core/admission/default-moot.ts";
import { type DefaultMootState, formatStateLine } from "../../core/admission/default-moot-state.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { formatPolicy, policySummary } from "../../core/policy/policy.ts";
import { liveConfigsOf } from "../agents/live-configs.ts";
import type { NodeContext } from "../node-context.ts";
import type { DefaultMootStatus, default_moot_status } from "../operations/default-moot.ts";
import type { Call } from "../operations/implementation.ts";
import type { RequestOf } from "../operations/operation.ts";
import { fetchDescriptor, readSource, type VerifiedDescriptor } from "./descriptor.ts";

/** What is kept here and what the descriptor says now; what cannot be fetched is told with the rest. */
export async function defaultMootStatus(
  node: NodeContext,
  request: RequestOf<typeof default_moot_status>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<DefaultMootStatus> {
  const state = node.root.defaultMoot.read();
  const found = await fetchDescriptor(node, request, signal).catch((error) => {
    if (error instanceof EntmootError && !signal.aborted) return error;
    throw error;
  });
  const isFound = !(found instanceof EntmootError);
  const url = urlOf(request);
  // Without a configuration nothing is said of any moot.
  const group_id = url === "" ? undefined : (state.group_id ?? (isFound ? found.descriptor.group_id : undefined));
  return {
    descriptor_url: url,
    descriptor_verified: isFound,
    descriptor_error: isFound ? undefined : found.message,
    ...localPart(node, state, group_id),
    ...descriptorPart(isFound ? found : undefined),
  };
}

/** Empty for what is none: the failure beside says why. */
function urlOf(request: RequestOf<typeof default_moot_status>): string {
  try {
    return readSource(request).url.href;
  } catch (error) {
    if (error instanceof EntmootError) return "";
    throw error;
  }
}

function localPart(node: NodeContext, state: DefaultMootState, id: GroupId | undefined) {
  const group = id === undefined ? undefined : node.group(id);
  const enabled = id === undefined ? [] : liveConfigsOf(node.root.node, id).filter((config) => config.enabled);
  const actions = [...new Set(enabled.flatMap(({ allowed_actions }) => allowed_actions))].sort();
  return {
    consent: state.consent,
    group_id: id,
    joined: group?.self !== undefined,
    live_enabled: enabled.length > 0,
    allowed_live_actions: actions.length === 0 ? undefined : actions,
    last_local_message_at_ms: group?.store.messages.newest().at(-1)?.timestamp,
    local_state: formatStateLine(state),
  };
}

function descriptorPart(found: VerifiedDescriptor | undefined) {
  if (found === undefined) return { policy: undefined, policy_summary: undefined, recommended_live_config: undefined };
  const { policy, recommended_live_config } = found.descriptor;
  return {
    policy: formatPolicy(policy),
    policy_summary: policySummary(policy),
    recommended_live_config: liveConfigText(recommended_live_config),
  };
}
