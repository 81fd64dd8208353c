import { trimSpace } from "../../core/bytes/text.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { type Codec, struct } from "../../core/json/json-codec.ts";
import { publicKey, rawJson, text } from "../../core/json/json-scalars.ts";
import type { SignRequest } from "../../store/esp-store.ts";
import { plainList } from "../../wire/frame/bounded.ts";
import { badRequest } from "../http-failure.ts";
import type { Principal } from "../principal.ts";
import { type HttpRoute, ok, type RouteBody, route, type ServiceContext } from "../route.ts";
import { signRequest } from "../shapes.ts";
import {
  askForOperation,
  complete,
  isExpired,
  type NewRequest,
  reject,
  requireVisible,
  visibleRequests,
} from "../sign-requests.ts";
import { foundingPayload } from "../signed-founding.ts";
import { invitePayload, openInvitePayload } from "../signed-members.ts";
import { policyPayload } from "../signed-policies.ts";

/** Ours. What a device has signed at most, but for a message. */
const PAYLOAD_MAX = 1024 * 1024;
/** Ours. More than one answer has room for. */
const ROWS_MAX = 1024;

/** Wire. A request that waits for a signature. */
export const askedToSign = struct("request to sign", { sign_request: signRequest }, { required: ["sign_request"] });

/** The answer of a route that has something signed. */
export function asked(request: SignRequest, context: ServiceContext) {
  return { status: 202, value: { sign_request: shown(request, context) } };
}

/** A request as it is told. */
export function shown(request: SignRequest, { clock }: Pick<ServiceContext, "clock">) {
  const { createdMs, expiresMs, group, status, updatedMs } = request;
  return {
    id: request.id,
    device_id: request.deviceId,
    kind: request.kind,
    status: status === "pending" && isExpired(request, clock.unix()) ? "expired" : status,
    group_id: group ?? GroupId.zero,
    payload: request.payload,
    canonical_type: request.canonicalType,
    signature_algorithm: request.algorithm,
    signing_payload: request.signingPayload,
    signing_payload_sha256: request.digest,
    signature: request.signature,
    publish_result: request.publishResult,
    result: request.result,
    created_at_ms: BigInt(createdMs),
    updated_at_ms: BigInt(updatedMs),
    expires_at_ms: BigInt(expiresMs),
  };
}

/** Whose requests a device's are. */
export const deviceIdOf = (principal: Principal | undefined) =>
  principal?.kind === "device" ? principal.device.id : "";

/** A payload that is looked at when it is carried out, and documented here. */
function payload(codec: Pick<Codec<unknown>, "label" | "schema">): RouteBody<string | undefined> {
  const { label } = codec;
  const unread = { ...rawJson, label, schema: () => codec.schema?.() ?? {} };
  return { codec: unread, maxBytes: PAYLOAD_MAX, isStrict: false, mayBeEmpty: true };
}

type AskingRoute = Pick<HttpRoute, "method" | "path" | "name" | "summary"> & {
  readonly kind: NewRequest["kind"];
  readonly codec: Pick<Codec<unknown>, "label" | "schema">;
};

/** A route whose body is what a device is asked to sign. */
function asking({ codec, kind, method, name, path, summary }: AskingRoute): HttpRoute {
  const ofMoot = path.includes("{group}");
  return route({
    method,
    path,
    name,
    summary,
    needs: ofMoot ? ["device", "manage"] : ["device"],
    body: payload(codec),
    idempotency: ({ group }) => (ofMoot ? `${kind}:${GroupId.toBase64(group)}` : kind),
    answers: { 202: askedToSign },
    async handle(context, { body, group, principal }) {
      const deviceId = deviceIdOf(principal);
      const about = ofMoot ? { group } : {};
      return asked(await askForOperation(context, { kind, deviceId, payload: body ?? "{}", ...about }), context);
    },
  });
}

const anyObject = struct("metadata", {});
const noPayload = struct("nothing", {});
const directory = struct("directory to tell", { esp_url: text }, { required: ["esp_url"] });

const removeMember = route({
  method: "DELETE",
  path: "/v1/groups/{group}/members/{node}",
  name: "removeMember",
  summary: "Have the removal of a member signed",
  needs: ["device", "manage"],
  body: {
    codec: struct("member to remove", { entmoot_pubkey: publicKey }, { required: ["entmoot_pubkey"] }),
    maxBytes: PAYLOAD_MAX,
    isStrict: true,
    mayBeEmpty: false,
  },
  idempotency: ({ group, params }) => `member_remove:${GroupId.toBase64(group)}:${encodeURIComponent(params.node!)}`,
  answers: { 202: askedToSign },
  async handle(context, { body, group, params, principal }) {
    const node = /^\+?\d{1,10}$/.test(params.node!) ? Number(params.node) : 0;
    if (node < 1 || node > 0xffff_ffff) throw badRequest("member node_id must be a positive integer");
    const key = PublicKey.toBase64(body.entmoot_pubkey);
    const target = `{"target":{"entmoot_pubkey":"${key}","pilot_node_id":${node}}}`;
    const wanted = { kind: "member_remove", deviceId: deviceIdOf(principal), group, payload: target } as const;
    return asked(await askForOperation(context, wanted), context);
  },
});

const list = route({
  method: "GET",
  path: "/v1/sign-requests",
  name: "listSignRequests",
  summary: "What waits for a signature and what became of it, newest first",
  answers: {
    200: struct("sign requests", { sign_requests: plainList(signRequest, ROWS_MAX) }, { required: ["sign_requests"] }),
  },
  handle: (context, { principal }) =>
    ok({ sign_requests: visibleRequests(context, principal!).map((one) => shown(one, context)) }),
});

const refusals = {
  403: ["forbidden"],
  404: ["sign_request_not_found", "feature_disabled"],
} as const;

const get = route({
  method: "GET",
  path: "/v1/sign-requests/{id}",
  name: "getSignRequest",
  summary: "One request",
  answers: { 200: signRequest },
  refusals,
  handle: (context, { params, principal }) => ok(shown(requireVisible(context, params.id!, principal!), context)),
});

const completeRoute = route({
  method: "POST",
  path: "/v1/sign-requests/{id}/complete",
  name: "completeSignRequest",
  summary: "Give the signature of a request, which is carried out then",
  body: {
    codec: struct("signature", { signature: text, signing_payload_sha256: text }),
    maxBytes: 1024 * 1024,
    isStrict: true,
    mayBeEmpty: true,
  },
  idempotency: ({ params }) => `sign_request_complete:${params.id}`,
  answers: { 200: signRequest },
  refusals: {
    ...refusals,
    400: ["invalid_signature", "signing_payload_mismatch", "target_required", "unsupported_operation"],
    403: ["forbidden", "device_signature_required", "not_member"],
    409: ["sign_request_not_pending", "sign_request_expired", "member_identity_conflict"],
    502: ["directory_publish_failed"],
    503: ["join_unavailable"],
    507: ["disk_full"],
  },
  async handle(context, { body, params, principal }) {
    if (trimSpace(body.signature) === "") throw badRequest("signature is required");
    const request = requireVisible(context, params.id!, principal!);
    return ok(shown(await complete(context, request, body), context));
  },
});

const rejectRoute = route({
  method: "POST",
  path: "/v1/sign-requests/{id}/reject",
  name: "rejectSignRequest",
  summary: "Say no to a request",
  answers: { 200: signRequest },
  refusals: { ...refusals, 409: ["sign_request_not_pending", "sign_request_expired"] },
  handle: async (context, { params, principal }) =>
    ok(shown(await reject(context, requireVisible(context, params.id!, principal!)), context)),
});

export const SIGN_ROUTES: readonly HttpRoute[] = [
  asking({
    method: "POST",
    path: "/v1/groups",
    name: "createGroup",
    summary: "Have the founding of a moot signed; this node is its founder",
    kind: "group_create",
    codec: foundingPayload,
  }),
  asking({
    method: "PATCH",
    path: "/v1/groups/{group}",
    name: "updateGroup",
    summary: "Have signed what a moot is shown with from then on, in place of what it is shown with now",
    kind: "group_update",
    codec: anyObject,
  }),
  removeMember,
  asking({
    method: "POST",
    path: "/v1/groups/{group}/invites",
    name: "createInvite",
    summary: "Have an invite signed, whose target becomes a member",
    kind: "invite_create",
    codec: invitePayload,
  }),
  asking({
    method: "POST",
    path: "/v1/invites/accept",
    name: "acceptInvite",
    summary: "Have signed that this node joins by an invite",
    kind: "invite_accept",
    codec: struct("invite", { invite: rawJson }),
  }),
  asking({
    method: "POST",
    path: "/v1/open-invites/accept",
    name: "acceptOpenInvite",
    summary: "Have signed that this node joins by an open invite",
    kind: "open_invite_accept",
    codec: openInvitePayload,
  }),
  asking({
    method: "PUT",
    path: "/v1/groups/{group}/policy",
    name: "setPolicy",
    summary: "Have signed what a moot allows from then on",
    kind: "group_policy_update",
    codec: policyPayload,
  }),
  asking({
    method: "DELETE",
    path: "/v1/groups/{group}/policy",
    name: "clearPolicy",
    summary: "Have signed that a moot allows everything from then on",
    kind: "group_policy_clear",
    codec: noPayload,
  }),
  asking({
    method: "POST",
    path: "/v1/groups/{group}/public-moot/publish",
    name: "publishPublicMoot",
    summary: "Have signed that a directory is told of a public moot",
    kind: "group_public_publish",
    codec: directory,
  }),
  list,
  get,
  completeRoute,
  rejectRoute,
];
