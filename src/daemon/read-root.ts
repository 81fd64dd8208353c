import { EntmootError } from "../core/errors.ts";
import { PublicKey } from "../core/ids.ts";
import { readIdentity } from "../host/identity-file.ts";
import { realClock } from "../host/real-clock.ts";
import { LocalReader } from "../node/read/local-reader.ts";
import { MemoryDataRoot } from "../store/memory/memory-data-root.ts";
import { isThere } from "../store/private-files.ts";
import { SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import type { GlobalOptions } from "./options.ts";
import { telling } from "./tell-reading.ts";

/**
 * The data root for looking only, beside a running daemon or without one; where there is none, an empty one. Creates nothing.
 * `tell`: who is told what; people on stderr unless said otherwise.
 */
export function openForReading({ dataDir, identityPath }: GlobalOptions, tell = telling()): LocalReader {
  const root = isThere(dataDir) ? SqliteDataRoot.open(dataDir, "read", tell) : new MemoryDataRoot();
  return new LocalReader(root, { clock: realClock, local: () => localKey(identityPath) });
}

/** The key of the identity in `path`; one that cannot be read keeps nobody from reading the rest. */
function localKey(path: string): PublicKey | undefined {
  try {
    const identity = readIdentity(path);
    return identity && PublicKey.fromBytes(identity.publicKey);
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}

/** Whether the data root has no joined group, or is not there. */
export function holdsNothing({ dataDir }: GlobalOptions): boolean {
  if (!isThere(dataDir)) return true;
  using root = SqliteDataRoot.open(dataDir, "read");
  return root.groupIds().length === 0;
}
