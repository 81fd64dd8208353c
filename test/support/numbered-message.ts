import { identity } from "./identity.ts";
import { message } from "./message.ts";

/** The `n`th message of an endless group: each names the one before. */
export function numbered(n: number) {
  const content = new TextEncoder().encode(`${n} ${"x".repeat(300)}`);
  return message({ by: identity(1 + (n % 3)), timestamp: 1_700_000_000_000n + BigInt(n), content });
}
