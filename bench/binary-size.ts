import { statSync } from "node:fs";
import { irohNative } from "../src/transport/iroh/iroh-native.ts";
import type { Figure } from "./figure.ts";
import { programs } from "./programs.ts";

/** Ours. Code and data of this project in the executable, source and bytecode together. */
const OWN_MAX_BYTES = 8_000_000;

/** The executable beside what it cannot be without: the runtime and iroh's library. */
export async function binarySize(say: (progress: string) => void): Promise<readonly Figure[]> {
  const { empty, entmootd } = await programs(say);
  const native = irohNative();
  const library = native.kind === "installed" ? statSync(native.path).size : 0;
  const parts = statSync(empty).size + library;
  return [
    {
      name: "size of the executable",
      unit: "MB",
      measured: statSync(entmootd).size / 1e6,
      limit: (parts + OWN_MAX_BYTES) / 1e6,
      better: "lower",
      basis: `an empty program with iroh's library, ${(parts / 1e6).toFixed(1)} MB, and ${OWN_MAX_BYTES / 1e6} MB`,
    },
  ];
}
