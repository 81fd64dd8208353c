import { GroupId, PublicKey } from "../../core/ids.ts";
import { decodeJson } from "../../core/json/json-codec.ts";
import { messageSigningForm } from "../../core/record/message.ts";
import { sign } from "../../core/signature.ts";
import { HttpFailure } from "../../http/http-failure.ts";
import {
  digestOf,
  draftedMessage,
  draftPayload,
  foundedGroupId,
  MESSAGE_TYPE,
  messageDraft,
  OPERATION_TYPE,
  operationSigningForm,
} from "../../http/signed-texts.ts";
import { deviceSigningInput, memberSigningInput, signedBytes } from "../../http/signing-input.ts";
import { hexField, numberField, objectField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

/** Texts that are signed for the service, and signatures over them. */
export const subject: Subject = {
  kinds: {
    device_auth: (vector) => checkSigned(vector, deviceSigningInput(signedOf(vector))),
    member_auth(vector) {
      const key = PublicKey.fromBytes(hexField(vector, "entmoot_pubkey"));
      checkSigned(vector, memberSigningInput({ nodeId: numberField(vector, "node_id"), key }, signedOf(vector)));
    },
    operation: checkOperation,
    message_publish: checkDraft,
    group_create_id(vector) {
      const found = foundedGroupId(textField(vector, "request_id"), textField(vector, "signing_payload_sha256"));
      expectEqual(GroupId.toBytes(found), hexField(vector, "group_id"));
    },
  },
};

function checkOperation(vector: VectorCase): void {
  const request = objectField(vector, "request");
  const payload = new TextDecoder().decode(hexField(request, "payload"));
  const id = textField(request, "id");
  const form = operationSigningForm({
    id,
    kind: textField(request, "kind"),
    group: GroupId.fromBytes(hexField(request, "group_id")),
    payload: payload === "" ? "{}" : payload,
    createdMs: numberField(request, "created_at_ms"),
    expiresMs: numberField(request, "expires_at_ms"),
  });
  expectEqual(OPERATION_TYPE, textField(vector, "canonical_type"));
  expectEqual(form, hexField(vector, "signing"));
  expectEqual(digestOf(form), textField(vector, "signing_payload_sha256_b64"));
  expectEqual(sign(hexField(vector, "seed"), form), hexField(vector, "signature"));
  // No moot is founded by a request without an id.
  if (id === "") return;
  expectEqual(GroupId.toBytes(foundedGroupId(id, digestOf(form))), hexField(vector, "group_create_id"));
}

function checkDraft(vector: VectorCase): void {
  const group = GroupId.fromBytes(hexField(vector, "group_id"));
  const draft = decodeJson(messageDraft, hexField(vector, "draft"));
  const drafted = () => draftedMessage(draft, { group, nowMs: numberField(vector, "timestamp_ms") });
  if (textField(vector, "expect") === "reject") {
    let isRefused = false;
    try {
      drafted();
    } catch (error) {
      isRefused = error instanceof HttpFailure;
    }
    expectEqual(isRefused, true);
    return;
  }
  const message = drafted();
  const form = messageSigningForm(message);
  expectEqual(MESSAGE_TYPE, textField(vector, "canonical_type"));
  expectEqual(form, hexField(vector, "signing"));
  expectEqual(digestOf(form), textField(vector, "signing_payload_sha256_b64"));
  expectEqual(draftPayload(message), new TextDecoder().decode(hexField(vector, "payload")));
}

function signedOf(vector: VectorCase) {
  return {
    method: textField(vector, "method"),
    target: textField(vector, "path"),
    timestampMs: BigInt(numberField(vector, "timestamp_ms")),
    nonce: textField(vector, "nonce"),
    body: hexField(vector, "body"),
  };
}

function checkSigned(vector: VectorCase, input: string): void {
  expectEqual(signedBytes(input), hexField(vector, "signing"));
  expectEqual(sign(hexField(vector, "seed"), signedBytes(input)), hexField(vector, "signature"));
}
