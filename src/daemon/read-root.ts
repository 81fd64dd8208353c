import { existsSync } from "node:fs";
import type { DataRoot } from "../store/data-root.ts";
import { MemoryDataRoot } from "../store/memory/memory-data-root.ts";
import { SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import type { GlobalOptions } from "./options.ts";

/** The data root for looking only, beside a running daemon or without one; where there is none, an empty one. Creates nothing. */
export function openForReading({ dataDir }: GlobalOptions): DataRoot {
  return existsSync(dataDir) ? SqliteDataRoot.open(dataDir, "read") : new MemoryDataRoot();
}
