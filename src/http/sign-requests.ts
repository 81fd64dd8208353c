import { decodeBase64 } from "../core/bytes/base64.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId, PublicKey } from "../core/ids.ts";
import { type MessageFields, messageSigningForm } from "../core/record/message.ts";
import { SIGNATURE_BYTES, verifySignature } from "../core/signature.ts";
import { patiently } from "../node/mailbox/patience.ts";
import type { SignRequest } from "../store/esp-store.ts";
import { badRequest, forbidden, HttpFailure, tooMany } from "./http-failure.ts";
import { mayManage, mayRead, type Principal } from "./principal.ts";
import { FLEET_KINDS, SIGNED_KINDS, type SignedKindName } from "./signed-kinds.ts";
import type { CarriedOut, SigningContext } from "./signed-payload.ts";
import { digestOf, draftPayload, MESSAGE_TYPE, OPERATION_TYPE, operationSigningForm } from "./signed-texts.ts";

/** Wire. How long a request waits for its signature. */
const WAIT_MS = 15 * 60_000;
/** Wire. Bytes of an id, 22 letters as text. */
const ID_BYTES = 16;
const BASE64_URL = { alphabet: "base64url", omitPadding: true } as const;

/** What is asked for, by whom. */
export interface NewRequest {
  readonly kind: SignedKindName;
  /** Empty where the bearer asks. */
  readonly deviceId: string;
  readonly group?: GroupId;
  /** JSON. */
  readonly payload: string;
}

/** Keeps an operation to be signed by its device. Throws 400 where the payload is no JSON, 429 where there is no room. */
export function askForOperation(context: SigningContext, asked: NewRequest): Promise<SignRequest> {
  return keep(context, asked, (request) => {
    const { createdMs, expiresMs, id, kind, payload } = request;
    const group = asked.group ?? GroupId.zero;
    return { type: OPERATION_TYPE, form: operationSigningForm({ id, kind, group, payload, createdMs, expiresMs }) };
  });
}

/** Keeps a message to be signed by its author. */
export function askForMessage(context: SigningContext, deviceId: string, message: MessageFields): Promise<SignRequest> {
  const asked = { kind: "message_publish", deviceId, group: message.group_id, payload: draftPayload(message) } as const;
  return keep(context, asked, () => ({ type: MESSAGE_TYPE, form: messageSigningForm(message) }));
}

type Unsigned = Pick<SignRequest, "id" | "kind" | "payload" | "createdMs" | "expiresMs">;

async function keep(
  { clock, esp, random }: SigningContext,
  { deviceId, group, kind, payload }: NewRequest,
  formOf: (request: Unsigned) => { readonly type: string; readonly form: Uint8Array },
): Promise<SignRequest> {
  const createdMs = clock.unix();
  const id = random(ID_BYTES).toBase64(BASE64_URL);
  const unsigned = { id, kind, payload, createdMs, expiresMs: createdMs + WAIT_MS };
  const { form, type } = formOf(unsigned);
  const request: SignRequest = {
    ...unsigned,
    deviceId,
    status: "pending",
    group,
    canonicalType: type,
    algorithm: "ed25519",
    signingPayload: Buffer.from(form).toString("base64"),
    digest: digestOf(form),
    signature: "",
    publishResult: undefined,
    result: undefined,
    updatedMs: createdMs,
  };
  const isKept = await patiently(clock, NEVER, () => esp.signRequests.add(request));
  if (!isKept) throw tooMany(WAIT_MS, "too many sign requests wait for a signature; complete or reject some");
  return request;
}

const NEVER = new AbortController().signal;

/** A request that whoever asks may see. Throws 404, 403. */
export function requireVisible({ esp }: SigningContext, id: string, principal: Principal): SignRequest {
  const request = esp.signRequests.get(id);
  if (request === undefined) throw notFound();
  const hidden = hiddenFrom(request, principal);
  if (hidden !== undefined) throw forbidden(hidden);
  if (!FLEET_KINDS.has(request.kind)) return request;
  throw new HttpFailure(404, "feature_disabled", "fleet feature is disabled", { feature: "fleet" });
}

/** Ours. Of what is kept so much is listed, and bytes of what it asks for and has signed. */
const LISTED_MAX = 200;
const LISTED_BYTES_MAX = 8 * 1024 * 1024;

/** What whoever asks may see, newest first. */
export function visibleRequests({ esp }: SigningContext, principal: Principal): SignRequest[] {
  const deviceId = principal.kind === "device" ? principal.device.id : undefined;
  const shown: SignRequest[] = [];
  let bytes = 0;
  for (const id of esp.signRequests.ids(deviceId)) {
    const request = esp.signRequests.get(id);
    if (request === undefined || hiddenFrom(request, principal) !== undefined) continue;
    if (FLEET_KINDS.has(request.kind)) continue;
    bytes += request.payload.length + request.signingPayload.length;
    if (shown.length >= LISTED_MAX || bytes > LISTED_BYTES_MAX) break;
    shown.push(request);
  }
  return shown;
}

/** Why whoever asks may not see it; `undefined`: it may. */
function hiddenFrom({ deviceId, group, kind }: SignRequest, principal: Principal): string | undefined {
  if (principal.kind !== "device") return undefined;
  if (deviceId !== "" && deviceId !== principal.device.id) return "device is not authorized for sign request";
  if (group === undefined) return undefined;
  if (!mayRead(principal, group)) return "device is not authorized for group";
  return kindOf(kind)?.right === "manage" && !mayManage(principal, group)
    ? "device is not authorized to manage group"
    : undefined;
}

const kindOf = (name: string) => (name in SIGNED_KINDS ? SIGNED_KINDS[name as SignedKindName] : undefined);

/** A signature as it came. */
export interface GivenSignature {
  readonly signature: string;
  readonly signing_payload_sha256: string;
}

/**
 * Carries a request out. It is claimed first, durably, so that of two completions one carries it out; what is under way when
 * the process ends is carried out again, which does nothing twice.
 */
export async function complete(
  context: SigningContext,
  asked: SignRequest,
  { signature: text, signing_payload_sha256: digest }: GivenSignature,
): Promise<SignRequest> {
  const { clock, esp } = context;
  requireCompletable(asked, clock.unix());
  if (digest === "") throw badRequest("signing_payload_sha256 is required");
  if (digest !== asked.digest) {
    throw new HttpFailure(400, "signing_payload_mismatch", "signing payload digest does not match sign request");
  }
  const signature = decodeBase64(trimSpace(text));
  if (signature?.length !== SIGNATURE_BYTES) throw badRequest("signature must be a base64 Ed25519 signature");
  requireSigned(context, asked, signature);
  const claim = await patiently(clock, NEVER, () => esp.signRequests.claim(asked.id, trimSpace(text), clock.unix()));
  if (claim === "missing") throw notFound();
  if (claim === "settled" || claim === "taken") throw notPending();
  return await carryOut(context, asked, signature);
}

/** Carries out what processes that are gone, or a full disk, left between claim and end. What fails waits for its device. */
export async function resumeAbandoned(context: SigningContext): Promise<void> {
  const { clock, esp, log } = context;
  for (const request of esp.signRequests.abandoned()) {
    const signature = decodeBase64(request.signature);
    try {
      if (signature === undefined) continue;
      const claim = await patiently(clock, NEVER, () =>
        esp.signRequests.claim(request.id, request.signature, clock.unix()),
      );
      if (claim === "claimed") await carryOut(context, request, signature);
    } catch (error) {
      log.warn(`http: sign request ${request.id}: it was signed and is not carried out yet`, error);
    }
  }
}

async function carryOut(context: SigningContext, request: SignRequest, signature: Uint8Array): Promise<SignRequest> {
  const { clock, esp } = context;
  let carried: CarriedOut;
  try {
    // Rights that were taken meanwhile count.
    requireSigned(context, request, signature);
    carried = await kindOf(request.kind)!.carryOut(context, { request, signature });
  } catch (error) {
    if (isUnsure(error)) esp.signRequests.leave(request.id);
    else await patiently(clock, NEVER, () => esp.signRequests.release(request.id, clock.unix()));
    throw error;
  }
  const isOurs = await patiently(clock, NEVER, () => esp.signRequests.finish(request.id, carried, clock.unix()));
  if (!isOurs) throw notPending();
  return esp.signRequests.get(request.id) ?? request;
}

/** Whether the node may have done it although it did not say so. */
function isUnsure(error: unknown): boolean {
  if (error instanceof HttpFailure) return false;
  return !(error instanceof EntmootError) || ["unavailable", "timeout", "internal"].includes(error.code);
}

/** Whether it can be completed as far as time and its state tell. Throws 409. */
export function requireCompletable(request: SignRequest, nowMs: number): void {
  // What was claimed was so in time.
  if (request.status === "executing") return;
  if (request.status !== "pending") throw notPending();
  if (isExpired(request, nowMs)) throw new HttpFailure(409, "sign_request_expired", "sign request has expired");
}

/** A clock that was set back does not make it wait longer. */
export function isExpired({ createdMs, expiresMs }: SignRequest, nowMs: number): boolean {
  return expiresMs !== 0 && (nowMs >= expiresMs || nowMs + WAIT_MS < createdMs);
}

/** Throws 400 where it is not signed by who must, 403 where that device may not any more. */
function requireSigned(context: SigningContext, request: SignRequest, signature: Uint8Array): void {
  const kind = kindOf(request.kind);
  if (kind === undefined) throw new HttpFailure(400, "unsupported_operation", `unsupported kind ${request.kind}`);
  const form = Buffer.from(request.signingPayload, "base64");
  if (digestOf(form) !== request.digest) throw new HttpFailure(400, "invalid_signature", "the request is damaged");
  if (kind.signer === "author") {
    kind.verify!(request, signature);
    return;
  }
  const device = context.registry?.devices().get(request.deviceId);
  if (request.deviceId === "") {
    const why = "operation requires a registered device signature";
    throw new HttpFailure(403, "device_signature_required", why);
  }
  if (device === undefined) throw forbidden("device is not registered");
  if (device.isDisabled) throw new HttpFailure(403, "device_disabled", "device is disabled");
  const principal = { kind: "device", device } as const;
  if (request.group !== undefined && !mayRead(principal, request.group)) {
    throw forbidden("device is not authorized for group");
  }
  if (request.group !== undefined && kind.right === "manage" && !mayManage(principal, request.group)) {
    throw forbidden("device is not authorized to manage group");
  }
  if (!verifySignature(PublicKey.toBytes(device.publicKey), form, signature)) {
    throw new HttpFailure(400, "invalid_signature", "operation signature does not verify");
  }
}

/** Says no to a request. Throws 409. */
export async function reject({ clock, esp }: SigningContext, asked: SignRequest): Promise<SignRequest> {
  if (asked.status === "executing") throw notPending();
  requireCompletable(asked, clock.unix());
  if (!(await patiently(clock, NEVER, () => esp.signRequests.reject(asked.id, clock.unix())))) throw notPending();
  return esp.signRequests.get(asked.id) ?? asked;
}

const notFound = () => new HttpFailure(404, "sign_request_not_found", "sign request not found");
const notPending = () => new HttpFailure(409, "sign_request_not_pending", "sign request is not pending");
