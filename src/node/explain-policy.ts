import { latestDate } from "../core/ahead.ts";
import { durationText, instantText, sizeText } from "../core/amounts.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { MessageId } from "../core/ids.ts";
import { MESSAGE_MAX_BYTES } from "../core/kept.ts";
import type { ForeseenWait } from "../core/policy/content-limiter.ts";
import type { Policy } from "../core/policy/policy.ts";
import { POLICY_UPDATE_BYTES_MAX } from "../core/policy/policy-update.ts";
import { keepsEverything, nextDay } from "../core/policy/retention.ts";
import { publishTopics } from "../core/policy/topic.ts";
import { decodeMessage, messageSigningForm } from "../core/record/message.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import { admittedAt } from "./group/ingest.ts";
import type { NodeContext } from "./node-context.ts";
import type { RequestOf } from "./operations/operation.ts";
import type { PolicyCheck, PolicyExplained, policy_explain } from "./operations/policy.ts";
import { isUpdate, SIGNATURE_TEXT_BYTES } from "./publish.ts";
import { onlyOf } from "./read/moots.ts";

const DAY_MS = 86_400_000;

/** For who did not say which moot. */
const WORDS = {
  none: "no joined groups; pass -group",
  several: (found: number) => `${found} groups joined; pass -group to disambiguate`,
};

type Explanation = Omit<PolicyExplained, "group_id" | "message_id">;

/** Which rule keeps a message or a draft out, and until when. Charges nobody. */
export async function explainPolicy(
  node: NodeContext,
  request: RequestOf<typeof policy_explain>,
): Promise<PolicyExplained> {
  const { draft, group_id, message_id } = request;
  if ((draft === undefined) === (message_id === undefined)) {
    throw new EntmootError("invalid_argument", "policy: expected exactly one of message_id and draft");
  }
  const now = node.clock.unix();
  if (message_id !== undefined) {
    const groups = group_id === undefined ? node.groups() : [node.requireGroup(group_id)];
    for (const group of groups) {
      const explained = explainMessage(group, message_id, now);
      if (explained !== undefined) return { group_id: group.id, message_id, ...explained };
    }
    throw new EntmootError(
      "not_found",
      `message ${MessageId.toBase64(message_id)} is not here: it never came, or the policy refused it longer ago than is remembered`,
    );
  }
  const group = group_id === undefined ? onlyOf(node.groups(), node.unopened(), WORDS) : node.requireGroup(group_id);
  await group.ordered("parents");
  return { group_id: group.id, message_id: undefined, ...explainDraft(group, draft!, now) };
}

interface Sizes {
  readonly contentBytes: number;
  /** Of the full canonical form. */
  readonly bytes: number;
  readonly isUpdate: boolean;
}

const NOTHING = { refused_by: undefined, reason: "", retry_at_ms: undefined, removed_at_ms: undefined } as const;

function explainDraft(
  group: Group,
  { content, topics }: NonNullable<RequestOf<typeof policy_explain>["draft"]>,
  now: UnixMs,
): Explanation {
  const author = group.self;
  if (author === undefined) {
    const reason = "this node is no member of the moot; nothing of it is taken";
    const found = { rule: "member", limit: "members of the moot", found: "no member", ok: false } as const;
    return { ...NOTHING, state: "refused", refused_by: "member", reason, retry: "member", checks: [found] };
  }
  const fields = {
    group_id: group.id,
    author,
    timestamp: BigInt(now),
    topics: publishTopics(topics),
    parents: group.store.messages.nextParents(latestDate(now)),
    content,
    references: [],
  };
  const bytes = messageSigningForm(fields).length + SIGNATURE_TEXT_BYTES;
  const sizes = { contentBytes: content.length, bytes, isUpdate: isUpdate(group, fields) };
  const wait = foresee(group, author, { ...sizes, timestamp: fields.timestamp, now });
  const policy = group.policy.current;
  const checks = [...sizeChecks(sizes, policy), ...rateChecks(sizes, policy, wait, now)];
  const broken = checks.find(({ ok }) => !ok);
  if (broken === undefined) return { ...NOTHING, state: "allowed", retry: "now", checks };
  const refused = { ...NOTHING, state: "refused", refused_by: broken.rule, checks } as const;
  const reason = `${broken.rule}: allowed are ${broken.limit}, found ${broken.found}`;
  if (broken.rule === "message_bytes") return { ...refused, reason, retry: "never" };
  if (broken.rule === "max_message_bytes") return { ...refused, reason, retry: "policy" };
  return { ...refused, reason, retry: "at", retry_at_ms: BigInt(wait!.retryAtMs) };
}

/** `undefined` where nothing is known of it. */
function explainMessage(group: Group, id: MessageId, now: UnixMs): Explanation | undefined {
  const { messages } = group.store;
  const stored = messages.get(id);
  if (stored !== undefined) {
    const message = decodeMessage(stored.canonical);
    const policy = group.policy.history.at(message.timestamp);
    const isFounders = isUpdate(group, message);
    const sizes = { contentBytes: message.content.length, bytes: stored.canonical.length, isUpdate: isFounders };
    const days = isFounders ? undefined : group.policy.current?.retention_days;
    const removed_at_ms =
      days === undefined || keepsEverything(days)
        ? undefined
        : BigInt(nextDay(Number(message.timestamp))) + days * BigInt(DAY_MS);
    return { ...NOTHING, state: "held", retry: "now", removed_at_ms, checks: sizeChecks(sizes, policy) };
  }
  const waitMs = group.owedWaitOf(id);
  if (waitMs !== undefined) {
    const reason = `its author wrote more than its rates allow; it is fetched and stored in ${durationText(waitMs)}`;
    const at = { retry: "at", retry_at_ms: BigInt(Math.ceil(now + waitMs)) } as const;
    return { ...NOTHING, state: "waits", refused_by: "author_rate", reason, ...at, checks: rateLimits(group) };
  }
  const refusal = group.refusalOf(id);
  if (refusal !== undefined) {
    const { reason, rule } = refusal;
    return { ...NOTHING, state: "refused", refused_by: rule, reason, retry: "policy", checks: [] };
  }
  if (messages.knows(id)) {
    const reason = "it was held, and removed once it was past the days that the moot keeps";
    return { ...NOTHING, state: "removed", refused_by: "retention_days", reason, retry: "policy", checks: [] };
  }
  if (messages.numberOf(id) !== undefined) {
    const reason = "it was held, and left when a policy came by which its content is too long for its date";
    return { ...NOTHING, state: "refused", refused_by: "max_message_bytes", reason, retry: "policy", checks: [] };
  }
  return undefined;
}

function foresee(
  group: Group,
  { pilot_node_id: author }: NodeInfo,
  { bytes, isUpdate: isFounders, now, timestamp }: Sizes & { readonly timestamp: bigint; readonly now: UnixMs },
): ForeseenWait | undefined {
  const admitted = admittedAt(group.roster.log, author, now);
  return group.policy.foresee({ author, isUpdate: isFounders, timestamp, bytes, admitted, isOwn: true });
}

function sizeChecks({ bytes, contentBytes, isUpdate: isFounders }: Sizes, policy: Policy | undefined): PolicyCheck[] {
  const whole: PolicyCheck = {
    rule: "message_bytes",
    limit: `${sizeText(MESSAGE_MAX_BYTES)} with all it carries`,
    found: sizeText(bytes),
    ok: bytes <= MESSAGE_MAX_BYTES,
  };
  if (policy === undefined) return [whole];
  const most = isFounders ? BigInt(POLICY_UPDATE_BYTES_MAX) : policy.max_message_bytes;
  const content: PolicyCheck = {
    rule: "max_message_bytes",
    limit: `${sizeText(Number(most))} of content`,
    found: sizeText(contentBytes),
    ok: BigInt(contentBytes) <= most,
  };
  return [whole, content];
}

function rateChecks(
  { bytes, isUpdate: isFounders }: Sizes,
  policy: Policy | undefined,
  wait: ForeseenWait | undefined,
  now: UnixMs,
): PolicyCheck[] {
  if (policy === undefined || isFounders) return [];
  return rateRows(policy).map((row) => {
    const isShort = wait?.rule === row.rule;
    const until = isShort ? `; there is room again in ${durationText(Math.max(0, wait.retryAtMs - now))}` : "";
    const at = isShort ? `, at ${instantText(Math.ceil(wait.retryAtMs / 1000) * 1000)}` : "";
    const what = row.rule === "byte_rate_per_author" ? `${sizeText(bytes)} more` : "one more";
    return { ...row, found: `${what}${until}${at}`, ok: !isShort };
  });
}

function rateRows(policy: Policy): Omit<PolicyCheck, "found" | "ok">[] {
  return [
    {
      rule: "message_rate_per_author",
      limit: `${policy.message_rate_per_author}, ${policy.message_burst_per_author} at once`,
    },
    {
      rule: "byte_rate_per_author",
      limit: `${policy.byte_rate_per_author}, ${sizeText(Number(policy.byte_burst_per_author))} at once`,
    },
  ];
}

function rateLimits(group: Group): PolicyCheck[] {
  const { current } = group.policy;
  return current === undefined ? [] : rateRows(current).map((row) => ({ ...row, found: "more", ok: false }));
}
