import {
  buildDefaultMoot,
  decodeDefaultMoot,
  defaultMootSigningForm,
  encodeDefaultMoot,
  parsePinnedKey,
  verifyDefaultMoot,
} from "../../core/admission/default-moot.ts";
import { sha256 } from "../../core/bytes/sha256.ts";
import { EntmootError } from "../../core/errors.ts";
import {
  buildPublicMoot,
  decodePublicMoot,
  encodePublicMoot,
  publicMootSigningForm,
  verifyPublicMoot,
} from "../../core/record/public-moot.ts";
import { publicKeyOf } from "../../core/signature.ts";
import { hexField, textField } from "../fields.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";
import { outcome } from "./invite.ts";

const NAMES = { malformed_frame: "malformed", invalid_argument: "invalid", signature_invalid: "bad_signature" };

export const subject: Subject = {
  kinds: {
    default_moot_build(vector) {
      const seed = hexField(vector, "seed");
      const descriptor = decodeDefaultMoot(hexField(vector, "wire"));
      expectEqual(encodeDefaultMoot(descriptor), textField(vector, "wire"));
      expectSigning(vector, defaultMootSigningForm(descriptor));
      expectEqual(buildDefaultMoot(descriptor, seed).signature, textField(vector, "signature"));
      expectEqual(
        outcome(() => verifyDefaultMoot(descriptor, publicKeyOf(seed)), NAMES),
        textField(vector, "verify"),
      );
    },
    default_moot_verify(vector) {
      const [wire, pinnedKey] = [hexField(vector, "wire"), hexField(vector, "pinned_key")];
      const found = outcome(() => verifyDefaultMoot(decodeDefaultMoot(wire), pinnedKey), NAMES);
      expectEqual(found, textField(vector, "expect"));
    },
    default_moot_pinned_key: checkPinnedKey,
    public_moot_build(vector) {
      const seed = hexField(vector, "seed");
      const descriptor = decodePublicMoot(hexField(vector, "wire"));
      expectEqual(encodePublicMoot(descriptor), textField(vector, "wire"));
      expectSigning(vector, publicMootSigningForm(descriptor));
      expectEqual(buildPublicMoot(descriptor, seed).signature, textField(vector, "signature"));
      expectEqual(
        outcome(() => verifyPublicMoot(descriptor), NAMES),
        "ok",
      );
    },
    public_moot_verify(vector) {
      const wire = hexField(vector, "wire");
      expectEqual(
        outcome(() => verifyPublicMoot(decodePublicMoot(wire)), NAMES),
        textField(vector, "expect"),
      );
    },
  },
};

function expectSigning(vector: VectorCase, signing: Uint8Array): void {
  expectEqual(signing, textField(vector, "signing"));
  expectEqual(sha256(signing), textField(vector, "signing_sha256"));
}

function checkPinnedKey(vector: VectorCase): void {
  const input = textField(vector, "input");
  let key: string;
  try {
    key = parsePinnedKey(input);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    expectEqual("reject", textField(vector, "expect"));
    return;
  }
  expectEqual("ok", textField(vector, "expect"));
  expectEqual(key, textField(vector, "key"));
}
