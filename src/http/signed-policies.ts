import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { documented, optional, struct } from "../core/json/json-codec.ts";
import { bool, groupId, rawJson, text } from "../core/json/json-scalars.ts";
import { formatPolicy, parsePolicy, parsePolicySource, policyPreset } from "../core/policy/policy.ts";
import { type PolicyChanged, policy_change } from "../node/operations/policy.ts";
import { public_moot_publish } from "../node/operations/public.ts";
import { badRequest, HttpFailure } from "./http-failure.ts";
import { type CarriedOut, type ClaimedRequest, jsonOf, payloadOf, type SigningContext } from "./signed-payload.ts";

/** Wire. Exactly one is to be there. */
export const policyPayload = struct("policy to set", {
  preset: optional(text),
  policy_source: documented("preset:standard, preset:relaxed or none", optional(text)),
  policy: documented("a whole policy", optional(rawJson)),
});

/** What is told of a moot's policy. */
export const policyReport = struct(
  "policy report",
  {
    group_id: groupId,
    source: optional(text),
    configured: bool,
    policy: documented("null: nothing is limited", rawJson),
    summary: text,
  },
  { required: ["group_id", "configured", "policy", "summary"] },
);

/** The report of a policy in force. */
export function reportOf({ group_id, policy, summary }: Pick<PolicyChanged, "group_id" | "policy" | "summary">) {
  return { group_id, configured: policy !== undefined, policy: policy ?? "null", summary: summary ?? "" };
}

/** Sets the policy of a moot for all its members. */
export async function update(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const asked = payloadOf(policyPayload, request);
  const { json, source } = chosen(asked);
  const node = await context.node.writes();
  const wanted = json === undefined ? { clear: true } : { policy: json };
  const changed = await node.call(policy_change, { group_id: request.group!, ...wanted });
  return withoutMetadata(jsonOf(policyReport, { ...reportOf(changed), source }));
}

/** Ends all limits of a moot. */
export async function clear(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const node = await context.node.writes();
  const changed = await node.call(policy_change, { group_id: request.group!, clear: true });
  return withoutMetadata(jsonOf(policyReport, { ...reportOf(changed), source: "clear" }));
}

function chosen({ policy, policy_source = "", preset = "" }: ReturnType<(typeof policyPayload)["zero"]>) {
  const named = [trimSpace(preset), trimSpace(policy_source), policy ?? ""].filter((one) => one !== "");
  if (named.length > 1) throw badRequest("choose either preset, policy_source, or policy");
  if (named.length === 0) throw badRequest("choose preset, policy_source, or policy");
  try {
    if (policy !== undefined) return { source: "policy", json: formatPolicy(parsePolicy(policy)) };
    if (trimSpace(preset) !== "") {
      const found = policyPreset(preset);
      return { source: `preset:${trimSpace(preset).toLowerCase()}`, json: found && formatPolicy(found) };
    }
    const parsed = parsePolicySource(policy_source);
    if (parsed.kind === "file") throw badRequest("policy_source: a file is nothing that a device can name");
    return { source: parsed.source, json: parsed.policy && formatPolicy(parsed.policy) };
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new HttpFailure(400, "bad_request", `policy: ${cause.message}`, { cause });
  }
}

const publishPayload = struct("directory", { esp_url: optional(text) });

const publishedMoot = struct(
  "published moot",
  { status: text, group_id: groupId, esp_url: text, descriptor: rawJson, response: optional(rawJson) },
  { required: ["status", "group_id", "esp_url", "descriptor"] },
);

/** Tells a directory of a public moot. */
export async function publish(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const esp_url = trimSpace(payloadOf(publishPayload, request).esp_url ?? "");
  if (esp_url === "") throw badRequest("esp_url is required");
  const node = await context.node.writes();
  try {
    const told = await node.call(public_moot_publish, { group_id: request.group!, esp_url });
    return withoutMetadata(jsonOf(publishedMoot, told));
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    if (cause.code === "not_member") throw new HttpFailure(403, "forbidden", cause.message, { cause });
    if (cause.code !== "unavailable" && cause.code !== "timeout") throw cause;
    throw new HttpFailure(502, "directory_publish_failed", cause.message, { cause });
  }
}

const withoutMetadata = (result: string): CarriedOut => ({ publishResult: undefined, result, metadata: undefined });
