import { secretsIn } from "../../core/agents/secrets-in-text.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";

/** Throws `forbidden`, saying which: what is published cannot be taken back. */
export function refuseSecrets(content: Uint8Array): void {
  const found = secretsIn(decodeUtf8(content));
  if (found.length === 0) return;
  const what = [...new Set(found.map(({ pattern }) => pattern))].join(", ");
  throw new EntmootError(
    "forbidden",
    `content looks as if it held a secret (${what}, at character ${found[0]!.at + 1}), and what is published cannot be taken back; leave it out, or say force`,
  );
}
