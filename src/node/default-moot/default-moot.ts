import { DEFAULT_MOOT_NAME } from "../../core/admission/default-moot.ts";
import { type DefaultMootState, formatStateLine } from "../../core/admission/default-moot-state.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { decodeUtf8, encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { encodeWire } from "../../core/json/json-codec.ts";
import { dropLiveConfigs, keepLiveConfig, type LiveAgentConfig, liveAgentConfig } from "../agents/live-configs.ts";
import { METADATA_FACT } from "../group/group-name.ts";
import type { Joiner } from "../join/join.ts";
import type { NodeContext } from "../node-context.ts";
import type {
  DefaultMootJoined,
  default_moot_decline,
  default_moot_join,
  default_moot_leave,
  default_moot_live_off,
  default_moot_live_on,
} from "../operations/default-moot.ts";
import type { Call } from "../operations/implementation.ts";
import type { JoinProgress } from "../operations/invites.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import type { Publisher } from "../publish.ts";
import { type DescriptorSource, fetchDescriptor } from "./descriptor.ts";

/** Wire. Where the original publishes an introduction, and what its live agents hear. */
const INTRO_TOPIC = "introductions";
const LIVE_TOPIC = "chat/general";

/** What it takes to join. */
export type DefaultMootServices = NodeContext & { readonly joiner: Joiner; readonly publisher: Publisher };

type WithSignal = Pick<Call<never>, "signal">;

/** By the owner's word alone, which is kept once it is done. */
export async function joinDefaultMoot(
  node: DefaultMootServices,
  request: RequestOf<typeof default_moot_join>,
  call: Call<JoinProgress>,
): Promise<DefaultMootJoined> {
  const found = await fetchDescriptor(node, request, call.signal, request.timeout_ms || undefined);
  const { descriptor, url } = found;
  const about = { group_id: descriptor.group_id, name: DEFAULT_MOOT_NAME, descriptor_url: url };
  const none = { intro_error: undefined, intro_published: undefined };
  if (request.dry_run) return { ...about, ...none, status: "verified" };
  await node.joiner.joinDefaultMoot(found, request.timeout_ms, call);
  keep(node, {
    consent: "joined",
    group_id: descriptor.group_id,
    descriptor_url: url,
    descriptor_issued_at_ms: descriptor.issued_at_ms,
  });
  return { ...about, ...none, status: "joined", ...(await introduce(node, descriptor.group_id, request.intro ?? "")) };
}

async function introduce({ publisher }: DefaultMootServices, group_id: GroupId, intro: string) {
  const text = trimSpace(intro);
  if (text === "") return {};
  try {
    await publisher.publish({ group_id, topics: [INTRO_TOPIC], content: encodeUtf8(text) }, "owner");
    return { intro_published: true };
  } catch (error) {
    if (error instanceof EntmootError) return { intro_error: error.message };
    throw error;
  }
}

/** Keeps the no, which is the owner's own: where nobody can be asked which moot it is about, without that. */
export async function declineDefaultMoot(
  node: NodeContext,
  request: RequestOf<typeof default_moot_decline>,
  { signal }: WithSignal,
): Promise<AnswerOf<typeof default_moot_decline>> {
  const before = node.root.defaultMoot.read();
  const group_id = before.group_id ?? (await resolvedForDecline(node, request, signal));
  const state = keep(node, { ...before, consent: "declined", group_id });
  if (group_id !== undefined) await node.setAside(group_id);
  return { local_state: formatStateLine(state), restart_required: false };
}

async function resolvedForDecline(
  node: NodeContext,
  source: DescriptorSource,
  signal: AbortSignal | undefined,
): Promise<GroupId | undefined> {
  const known = knownHere(node);
  if (known !== undefined) return known;
  try {
    return (await fetchDescriptor(node, source, signal)).descriptor.group_id;
  } catch (cause) {
    signal?.throwIfAborted();
    if (!(cause instanceof EntmootError)) throw cause;
    return undefined;
  }
}

/** The roster stays as it is: of that the founder is asked. */
export async function leaveDefaultMoot(
  node: NodeContext,
  request: RequestOf<typeof default_moot_leave>,
  { signal }: WithSignal,
): Promise<AnswerOf<typeof default_moot_leave>> {
  const group_id = await resolved(node, request, signal);
  const live_configs_disabled = dropLiveConfigs(node.root.node, group_id, 0);
  keep(node, { consent: "declined", group_id, descriptor_url: "", descriptor_issued_at_ms: 0n });
  await node.setAside(group_id);
  return { group_id, live_configs_disabled, restart_required: false };
}

/** Configuration alone: whatever runs live agents reads it. */
export async function enableLive(
  node: NodeContext,
  request: RequestOf<typeof default_moot_live_on>,
  { signal }: WithSignal,
): Promise<AnswerOf<typeof default_moot_live_on>> {
  const { node_id } = request;
  if (node_id === 0) throw new EntmootError("invalid_argument", "node_id: expected 1 to 4294967295, found 0");
  const { descriptor } = await fetchDescriptor(node, request, signal);
  if (node.root.defaultMoot.read().consent === "declined") {
    throw new EntmootError("not_member", 'The Ent Moot is declined here; join it first: "entmootd default-moot join"');
  }
  const self = node.group(descriptor.group_id)?.self;
  if (self?.pilot_node_id !== node_id) {
    throw new EntmootError(
      "not_member",
      self === undefined
        ? 'this node is not a member of The Ent Moot; join it first: "entmootd default-moot join"'
        : `this key is node ${self.pilot_node_id} in The Ent Moot, not ${node_id}`,
    );
  }
  const { allowed_actions, max_action_bytes, max_actions, mode } = descriptor.recommended_live_config;
  const config: LiveAgentConfig = {
    group_id: descriptor.group_id,
    node_id,
    enabled: true,
    mode,
    topic_filters: [LIVE_TOPIC],
    allowed_actions: allowed_actions ?? [],
    max_actions_per_scan: max_actions,
    max_action_bytes,
    updated_at_ms: BigInt(Math.floor(node.clock.unix())),
  };
  return { config: decodeUtf8(encodeWire(liveAgentConfig, keepLiveConfig(node.root.node, config))) };
}

export async function disableLive(
  node: NodeContext,
  request: RequestOf<typeof default_moot_live_off>,
  { signal }: WithSignal,
): Promise<AnswerOf<typeof default_moot_live_off>> {
  const group_id = await resolved(node, request, signal);
  return { group_id, disabled: dropLiveConfigs(node.root.node, group_id, request.node_id ?? 0) };
}

/** Which moot it is: what is kept here says so, else the descriptor. */
async function resolved(
  node: NodeContext,
  source: DescriptorSource,
  signal: AbortSignal | undefined,
): Promise<GroupId> {
  const known = node.root.defaultMoot.read().group_id ?? knownHere(node);
  return known ?? (await fetchDescriptor(node, source, signal)).descriptor.group_id;
}

/** The moot that was joined as the default one by `join` alone, as its metadata says. */
function knownHere(node: NodeContext): GroupId | undefined {
  return node.groups().find(({ store }) => {
    try {
      return JSON.parse(store.getFact(METADATA_FACT) ?? "null")?.default_moot === true;
    } catch {
      return false;
    }
  })?.id;
}

/** What says the same already stays as it is. */
function keep(node: NodeContext, state: Omit<DefaultMootState, "updated_at_ms">): DefaultMootState {
  const before = node.root.defaultMoot.read();
  const says = (one: Omit<DefaultMootState, "updated_at_ms">) =>
    JSON.stringify([one.consent, one.group_id, one.descriptor_url, `${one.descriptor_issued_at_ms}`]);
  if (says(before) === says(state)) return before;
  const kept = { ...state, updated_at_ms: BigInt(Math.floor(node.clock.unix())) };
  node.root.defaultMoot.write(kept);
  return kept;
}
