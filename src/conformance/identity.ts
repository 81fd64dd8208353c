import { formatIdentity, identityOf, parseIdentity, readIdentity } from "../core/identity.ts";
import { sign, verifySignature } from "../core/signature.ts";
import { booleanField, hexField, numberField, textField } from "./fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "./subject.ts";

export const subject: Subject = { kinds: { write: checkWrite, load: checkLoad, generate: checkGenerate } };

const NOTHING = new Uint8Array(0);

function checkWrite(vector: VectorCase): void {
  const identity = identityOf(hexField(vector, "seed"));
  expectEqual(identity.publicKey, hexField(vector, "public_key"));
  const file = new TextEncoder().encode(formatIdentity(identity));
  expectEqual(file, hexField(vector, "file"));
  expectEqual(parseIdentity(file).seed, identity.seed);
}

function checkLoad(vector: VectorCase): void {
  const file = hexField(vector, "file");
  const expected = textField(vector, "expect");
  const found = readIdentity(file);
  if (expected === "reject") {
    expectEqual(typeof found === "string" ? found : "ok", textField(vector, "class"));
    return;
  }
  expectEqual(expected, "ok");
  if (typeof found === "string") throw new Mismatch("ok", found);
  const signature = sign(found.seed, NOTHING);
  expectEqual(found.publicKey, hexField(vector, "public_key"));
  expectEqual(signature, hexField(vector, "signature_of_empty"));
  expectEqual(verifySignature(found.publicKey, NOTHING, signature), booleanField(vector, "self_verify"));
}

/** What a file system does is tested with the file; here, that a new file has the recorded size and a broken one fails. */
function checkGenerate(vector: VectorCase): void {
  if (booleanField(vector, "creates")) {
    const file = formatIdentity(identityOf(crypto.getRandomValues(new Uint8Array(32))));
    expectEqual(file.length, numberField(vector, "file_size"));
  } else {
    expectEqual(booleanField(vector, "error"), true);
    expectEqual(typeof readIdentity(new TextEncoder().encode("{")), "string");
  }
}
