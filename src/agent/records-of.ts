import { realpathSync } from "node:fs";
import { sha256Hex } from "../core/bytes/sha256.ts";

/** A name for the folder that a host keeps its records in, by whichever path it is known: see `FoundHost.instance`. */
export function recordsOf(folder: string): string {
  try {
    return shortSum(realpathSync(folder));
  } catch {
    return shortSum(folder);
  }
}

export function shortSum(text: string): string {
  return sha256Hex(text).slice(0, 16);
}
