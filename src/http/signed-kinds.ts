import { verifyMessage } from "../core/record/message.ts";
import type { SignRequest } from "../store/esp-store.ts";
import { badRequest, HttpFailure } from "./http-failure.ts";
import { publishResult, publishSigned } from "./published.ts";
import * as founding from "./signed-founding.ts";
import * as members from "./signed-members.ts";
import { type CarriedOut, type ClaimedRequest, jsonOf, type SigningContext } from "./signed-payload.ts";
import * as policies from "./signed-policies.ts";
import { signedMessage } from "./signed-texts.ts";

/** What can be signed for, as a value. */
export interface SignedKind {
  /** What its device must be allowed in its moot; `undefined`: it is about no moot. */
  readonly right: "write" | "manage" | undefined;
  readonly signer: "device" | "author";
  /** Of what its author signs. Throws 400. */
  verify?(request: SignRequest, signature: Uint8Array): void;
  /** Done again after it was done, it does nothing and gives the same. */
  carryOut(context: SigningContext, signed: ClaimedRequest): Promise<CarriedOut>;
}

const messagePublish: SignedKind = {
  right: "write",
  signer: "author",
  verify({ digest, payload }, signature) {
    const message = signedMessage(payload, { digest, signature });
    if (verifyMessage(message, message.author.entmoot_pubkey)) return;
    throw new HttpFailure(400, "invalid_signature", `entmoot: signature invalid: message ${digest}`);
  },
  async carryOut(context, { request: { digest, group, payload }, signature }) {
    const message = signedMessage(payload, { digest, signature });
    if (message.group_id !== group) throw badRequest("message.group_id does not match sign request group_id");
    const result = jsonOf(publishResult, await publishSigned(context, message));
    return { publishResult: result, result, metadata: undefined };
  },
};

/** Every kind there is, by its name on the wire. */
export const SIGNED_KINDS = {
  message_publish: messagePublish,
  group_create: { right: undefined, signer: "device", carryOut: founding.found },
  group_update: { right: "manage", signer: "device", carryOut: founding.describe },
  invite_create: { right: "manage", signer: "device", carryOut: members.invite },
  invite_accept: { right: undefined, signer: "device", carryOut: members.accept },
  open_invite_accept: { right: undefined, signer: "device", carryOut: members.acceptOpen },
  member_remove: { right: "manage", signer: "device", carryOut: members.remove },
  group_policy_update: { right: "manage", signer: "device", carryOut: policies.update },
  group_policy_clear: { right: "manage", signer: "device", carryOut: policies.clear },
  group_public_publish: { right: "manage", signer: "device", carryOut: policies.publish },
} as const satisfies Record<string, SignedKind>;

export type SignedKindName = keyof typeof SIGNED_KINDS;

/** Kinds that the original has where its Fleets are switched on. */
export const FLEET_KINDS: ReadonlySet<string> = new Set(
  ["create", "invite_create", "member_remove", "archive", "restore"].map((name) => `fleet_${name}`),
);
