import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { canonicalJson } from "../core/json/canonical-json.ts";
import { type Decoded, documented, optional, struct } from "../core/json/json-codec.ts";
import { bool, groupId, rawJson, text } from "../core/json/json-scalars.ts";
import { withoutBlanks } from "../core/json/json-text.ts";
import { formatPolicy, parsePolicy, parsePolicySource, policySummary } from "../core/policy/policy.ts";
import { nodeInfo } from "../core/record/record-codecs.ts";
import { moot_summaries } from "../node/operations/membership.ts";
import { group_create } from "../node/operations/moots.ts";
import { count, plainList } from "../wire/frame/bounded.ts";
import { badRequest, HttpFailure } from "./http-failure.ts";
import {
  type CarriedOut,
  type ClaimedRequest,
  grant,
  jsonOf,
  payloadOf,
  type SigningContext,
} from "./signed-payload.ts";
import { foundedGroupId } from "./signed-texts.ts";

/** Ours. More than a moot may have. */
const TAGS_MAX = 4096;

/** Wire. What a moot is founded with. */
export const foundingPayload = struct("moot to found", {
  name: optional(text),
  description: optional(text),
  tags: optional(plainList(text, TAGS_MAX)),
  metadata: documented("for display, a JSON object", optional(rawJson)),
  visibility: optional(text),
  join_mode: optional(text),
  policy_source: documented("preset:standard (the default), preset:relaxed or none", optional(text)),
  policy: documented("a policy as a JSON object, instead of policy_source", optional(rawJson)),
});

const founded = struct(
  "founded moot",
  {
    founder: nodeInfo,
    group_id: groupId,
    members: count,
    metadata: rawJson,
    policy_configured: bool,
    policy_source: optional(text),
    policy_summary: optional(text),
    status: text,
  },
  { required: ["founder", "group_id", "members", "metadata", "status"] },
);

/** Founds a moot whose id follows from the request, with this node as its founder, and lets the device manage it. */
export async function found(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const asked = payloadOf(foundingPayload, request);
  const metadata = metadataOf(asked);
  const policy = policyOf(asked);
  const id = foundedGroupId(request.id, request.digest);
  const node = await context.node.writes();
  const name = trimSpace(asked.name ?? "") || `moot ${GroupId.toBase64(id).slice(0, 8)}`;
  const made = await node.call(group_create, {
    group_id: id,
    name,
    description: trimSpace(asked.description ?? ""),
    tags: tagsOf(asked),
    visibility: wordOf("visibility", asked.visibility, ["private", "unlisted", "public"]),
    join_mode: wordOf("join_mode", asked.join_mode, ["invite_only", "open_invite"]),
    policy_source: policy.source,
    policy: policy.json,
  });
  grant(context, request, id, { isAdmin: true });
  const { summaries } = await node.call(moot_summaries, { group_id: id });
  const result = jsonOf(founded, {
    founder: made.founder,
    group_id: id,
    members: summaries[0]?.members ?? 1,
    metadata,
    policy_configured: policy.json !== undefined,
    policy_source: policy.source,
    policy_summary: policy.summary,
    status: "joined",
  });
  return { publishResult: undefined, result, metadata: { group: id, text: metadata } };
}

type Founding = Decoded<typeof foundingPayload>;

function tagsOf({ tags = [] }: Founding): string[] {
  return [...new Set(tags.map(trimSpace))].filter((tag) => tag !== "");
}

/** The metadata with name, description and tags in it; numbers stay as they are written. */
function metadataOf(asked: Founding): string {
  const given = trimSpace(asked.metadata ?? "{}");
  if (!given.startsWith("{")) throw badRequest("esphttp: group metadata must be a JSON object");
  const inner = trimSpace(withoutBlanks(given).slice(1, -1));
  const tags = tagsOf(asked);
  const named = Object.entries({
    name: trimSpace(asked.name ?? "") || undefined,
    description: trimSpace(asked.description ?? "") || undefined,
    tags: tags.length === 0 ? undefined : tags,
  }).flatMap(([key, value]) => (value === undefined ? [] : [`"${key}":${JSON.stringify(value)}`]));
  // Of a key that is there twice the last counts.
  return canonicalJson(`{${[...(inner === "" ? [] : [inner]), ...named].join()}}`);
}

function policyOf({ policy, policy_source: named = "" }: Founding) {
  const isNamed = trimSpace(named) !== "";
  if (policy !== undefined && isNamed) throw badRequest("choose either policy_source or policy, not both");
  try {
    if (policy !== undefined) {
      const parsed = parsePolicy(policy);
      return { source: "policy", json: formatPolicy(parsed), summary: policySummary(parsed) };
    }
    const parsed = parsePolicySource(named);
    if (parsed.kind === "file") throw badRequest("policy_source: a file is nothing that a device can name");
    const { source } = parsed;
    if (parsed.policy === undefined) return { source, json: undefined, summary: "" };
    return { source, json: formatPolicy(parsed.policy), summary: policySummary(parsed.policy) };
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new HttpFailure(400, "bad_request", `policy: ${cause.message}`, { cause });
  }
}

function wordOf<const T extends string>(name: string, given: string | undefined, words: readonly [T, ...T[]]): T {
  const word = trimSpace(given ?? "");
  if (word === "") return words[0];
  const found = words.find((one) => one === word);
  if (found !== undefined) return found;
  throw badRequest(`${name}: expected ${words.join(", ")}, found ${JSON.stringify(word.slice(0, 40))}`);
}

const described = struct(
  "described moot",
  { group_id: groupId, metadata: rawJson, status: text },
  { required: ["group_id", "metadata", "status"] },
);

/** Puts a moot's metadata in place of what is kept here. */
export async function describe(
  _: SigningContext,
  { request: { group, payload } }: ClaimedRequest,
): Promise<CarriedOut> {
  if (!trimSpace(payload).startsWith("{")) throw badRequest("esphttp: group metadata must be a JSON object");
  const result = jsonOf(described, { group_id: group!, metadata: payload, status: "updated" });
  return { publishResult: undefined, result, metadata: { group: group!, text: withoutBlanks(payload) } };
}
