import type { CopyStatus } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";

/** How two copies of a group stand to each other in what both of them keep. */
export interface CopyComparison {
  /** `unknown`: what was said does not tell. */
  readonly outcome: "equal" | "different" | "unknown";
  /** From when on they are compared, Unix milliseconds; 0: all of it. */
  readonly sinceMs: number;
}

/**
 * Ours beside what a peer says of its copy. Members may have removed different amounts, so what is compared begins
 * where the one that removed more begins. Equal whole roots are equal copies, whatever was removed.
 */
export function compareCopies(index: MessageIndex, status: CopyStatus): CopyComparison {
  const sinceMs = Math.max(index.wantedFromMs, status.pruned_to_ms);
  if (status.merkle_root === index.merkleRoot()) return { outcome: "equal", sinceMs };
  if (sinceMs === 0) return { outcome: "different", sinceMs };
  const ours = status.shared_since_ms === sinceMs ? index.rootSince(sinceMs) : undefined;
  if (ours === undefined) return { outcome: "unknown", sinceMs };
  return { outcome: ours === status.shared_root ? "equal" : "different", sinceMs };
}
