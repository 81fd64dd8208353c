import { existsSync } from "node:fs";
import type { Identity } from "../core/identity.ts";
import { SEED_BYTES } from "../core/signature.ts";

/**
 * The key pair to write to `path` where no identity is, derived by two implementations: what is made once and kept for
 * good is worth the time. `undefined` where something is. Throws `internal` when they differ.
 */
export async function newIdentity(path: string): Promise<Identity | undefined> {
  if (existsSync(path)) return undefined;
  const { secondOpinion } = await import("../core/second-opinion.ts");
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
  return { seed, publicKey: secondOpinion.publicKeyOf(seed) };
}
