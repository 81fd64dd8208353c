import { PublicKey } from "../../core/ids.ts";
import { sign } from "../../core/signature.ts";
import { deviceSigningInput, memberSigningInput, signedBytes } from "../../http/signing-input.ts";
import { hexField, numberField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

/** Texts that are signed for the service, and signatures over them. */
export const subject: Subject = {
  kinds: {
    device_auth: (vector) => checkSigned(vector, deviceSigningInput(signedOf(vector))),
    member_auth(vector) {
      const key = PublicKey.fromBytes(hexField(vector, "entmoot_pubkey"));
      checkSigned(vector, memberSigningInput({ nodeId: numberField(vector, "node_id"), key }, signedOf(vector)));
    },
  },
};

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
