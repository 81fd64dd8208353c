import { instantText } from "../core/amounts.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import type { MootPolicy, PolicyChanged, PolicyExplained } from "../node/operations/policy.ts";
import { terminalText } from "./terminal-text.ts";

/** What `group policy` prints: the original's keys in its order, then ours. `source`: how a command was told the policy. */
export function policyJson(state: MootPolicy | PolicyChanged, source?: string) {
  const isConfigured = state.policy !== undefined;
  const said = source ?? (state.source === "update" || isConfigured ? state.source : undefined);
  return {
    group_id: GroupId.toBase64(state.group_id),
    policy_configured: isConfigured,
    ...(state.policy === undefined ? {} : { policy: JSON.parse(state.policy) }),
    ...(state.summary === undefined ? {} : { policy_summary: state.summary }),
    effective_mode: isConfigured ? "stored_policy" : "legacy",
    ...(said === undefined ? {} : { source: said }),
    ...("published" in state ? { published: state.published } : {}),
    ...(state.sequence === undefined ? {} : { sequence: Number(state.sequence) }),
    ...(state.since_ms === undefined ? {} : { updated_at_ms: Number(state.since_ms) }),
    // Whoever answers holds messages to it: a daemon at once, and each one after a start.
    runtime_applied_known: true,
    runtime_applied: true,
    policy_name: state.name,
    ...(state.message_id === undefined ? {} : { message_id: MessageId.toBase64(state.message_id) }),
    founder: state.founder,
  };
}

/** The same for people, a line each. */
export function policyLines(state: MootPolicy | PolicyChanged, source?: string): string[] {
  const { effective_mode, policy_configured, source: said, ...json } = policyJson(state, source);
  return [
    `group_id: ${json.group_id}`,
    `policy_configured: ${policy_configured}`,
    `effective_mode: ${effective_mode}`,
    ...(said === undefined ? [] : [`source: ${terminalText(said, 400)}`]),
    ...("published" in state ? [`published: ${state.published}`] : []),
    ...(json.sequence === undefined ? [] : [`sequence: ${json.sequence}`]),
    ...(state.since_ms === undefined ? [] : [`since: ${instantText(Number(state.since_ms))}`]),
    `name: ${state.name}`,
    ...(state.summary === undefined ? [] : [`policy: ${state.summary}`]),
    `runtime_applied: ${json.runtime_applied}`,
  ];
}

/** What `policy explain` prints with `-json`. */
export function explainedJson(explained: PolicyExplained) {
  const { checks, message_id, reason, refused_by, removed_at_ms, retry, retry_at_ms, state } = explained;
  return {
    group_id: GroupId.toBase64(explained.group_id),
    ...(message_id === undefined ? {} : { message_id: MessageId.toBase64(message_id) }),
    state,
    ...(refused_by === undefined ? {} : { refused_by, reason }),
    retry,
    ...(retry_at_ms === undefined ? {} : { retry_at_ms: Number(retry_at_ms) }),
    ...(removed_at_ms === undefined ? {} : { removed_at_ms: Number(removed_at_ms) }),
    checks: checks.map(({ found, limit, ok, rule }) => ({ rule, limit, found, ok })),
  };
}

const RETRY = {
  now: undefined,
  at: undefined,
  policy: "try again once the founder has set a policy that allows it, or say it shorter",
  member: "try again once the founder has added this node",
  never: "try again never: no member keeps it as it is; send a reference instead",
} as const;

/** The same for people. */
export function explainedLines(explained: PolicyExplained): string[] {
  const { checks, reason, refused_by, removed_at_ms, retry, retry_at_ms, state } = explained;
  const again =
    retry_at_ms === undefined
      ? RETRY[retry]
      : `try again at ${instantText(Math.ceil(Number(retry_at_ms) / 1000) * 1000)}`;
  const verdict = refused_by === undefined ? state : `${state} by ${refused_by}: ${reason}`;
  return [
    refused_by === undefined && state === "allowed" ? "allowed: it would be taken now" : verdict,
    ...(refused_by === undefined || again === undefined ? [] : [again]),
    ...(removed_at_ms === undefined ? [] : [`kept until ${instantText(Number(removed_at_ms))}`]),
    ...checks.map(({ found, limit, ok, rule }) => `  ${ok ? "ok" : "no"}  ${rule}: ${limit}; found ${found}`),
  ];
}
