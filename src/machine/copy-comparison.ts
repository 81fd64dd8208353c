import type { PublicKey } from "../core/ids.ts";
import type { CopyStatus } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";

/** How two copies of a group stand to each other in what both of them keep. */
export interface CopyComparison {
  /** `unknown`: what was said does not tell. */
  readonly outcome: "equal" | "different" | "unknown";
  /** From when on they are compared, Unix milliseconds; 0: all of it, also where equal roots say that it is the same. */
  readonly sinceMs: number;
  /** How many messages of that each has; theirs is `undefined` when it cannot say. */
  readonly ours: number;
  readonly theirs: number | undefined;
}

/**
 * Ours beside what `from` says of its copy. Members may have removed different amounts, so what is compared begins
 * where the one that removed more begins. Equal whole roots are equal copies, whatever was removed.
 */
export function compareCopies(index: MessageIndex, from: PublicKey, status: CopyStatus): CopyComparison {
  const sinceMs = Math.max(index.wantedFromMs, status.pruned_to_ms);
  const whole = { sinceMs, ours: index.size, theirs: status.message_count };
  if (status.merkle_root === index.merkleRoot()) return { outcome: "equal", ...whole, sinceMs: 0 };
  // Who knows nothing of this may hold what we lack, and lists it.
  if (sinceMs === 0 || status.now_ms === 0) return { outcome: "different", ...whole };
  const part = status.shared_since_ms === sinceMs ? index.sharedSince(sinceMs, from) : undefined;
  if (part === undefined) return { outcome: "unknown", ...whole };
  const outcome = part.root === status.shared_root ? "equal" : "different";
  return { outcome, sinceMs, ours: part.count, theirs: status.shared_count };
}
