import { createRequire } from "node:module";
import { irohPackage } from "./iroh-packages.ts";

/** Where this program finds iroh's native library. */
export type IrohNative =
  /** Inside the executable: `path` can be read but not loaded; `sha256` is 64 hex digits of its `bytes`. */
  | {
      readonly kind: "embedded";
      readonly target: string;
      readonly path: string;
      readonly sha256: string;
      readonly bytes: number;
    }
  /** On disk, in the installed npm package: loaded where it is. */
  | { readonly kind: "installed"; readonly target: string; readonly path: string }
  /** This build has none. */
  | { readonly kind: "none"; readonly target: string };

/**
 * The library for the machine this runs on. A run from source finds the installed package. `scripts/iroh-native-plugin.ts`
 * replaces this whole module in an executable, with the library of the build's target embedded as a file.
 */
export function irohNative(): IrohNative {
  const target = `${process.platform}-${process.arch}`;
  const found = irohPackage(process.platform, process.arch, "glibc");
  if (!found) return { kind: "none", target };
  try {
    const path = createRequire(import.meta.url).resolve(`${found.name}/${found.file}`);
    return { kind: "installed", target, path };
  } catch {
    return { kind: "none", target };
  }
}
