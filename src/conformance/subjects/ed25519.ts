import { secondOpinion } from "../../core/second-opinion.ts";
import { booleanField, hexField } from "../fields.ts";
import { type Check, expectEqual, type Subject } from "../subject.ts";

export const subject: Subject = { kinds: { sign: checkSign, verify: checkVerify } };

function checkSign(vector: Parameters<Check>[0]): void {
  const seed = hexField(vector, "seed");
  const publicKey = hexField(vector, "public_key");
  const message = hexField(vector, "message");
  const signature = hexField(vector, "signature");
  expectEqual(secondOpinion.publicKeyOf(seed), publicKey);
  expectEqual(Buffer.concat([seed, publicKey]), hexField(vector, "private_key"));
  expectEqual(secondOpinion.sign(seed, message), signature);
  expectEqual(secondOpinion.verify(publicKey, message, signature), true);
}

function checkVerify(vector: Parameters<Check>[0]): void {
  const publicKey = hexField(vector, "public_key");
  const message = hexField(vector, "message");
  const signature = hexField(vector, "signature");
  expectEqual(secondOpinion.verify(publicKey, message, signature), booleanField(vector, "valid"));
}
