import { lstatSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { textOf } from "../core/errors.ts";
import type { InstallPlace } from "./install-place.ts";
import { runBinary } from "./try-binary.ts";

/** Ours. It loads every command, on a machine that may be busy. */
const WRITE_MS = 10_000;

/**
 * Lets the installed executable write its pages of the manual over those that the installer put beside it. Where it put
 * none, or a link leads elsewhere, nothing is written. What fails is told by `onStep` alone: all else works without.
 */
export async function refreshPages(
  { dir, executable }: InstallPlace,
  { clock, onStep }: { readonly clock: Clock; readonly onStep?: (step: string) => void },
): Promise<void> {
  const pages = join(dir, "man", "man1");
  const areOurs = isReal(join(dir, "man"), "folder") && isReal(pages, "folder");
  if (!areOurs || !isReal(join(pages, "entmootd.1"), "file")) return;
  try {
    const what = "the pages of the manual";
    await runBinary(executable, ["man", "-dir", pages], { clock, tryMs: WRITE_MS, what });
  } catch (error) {
    onStep?.(`${textOf(error)}; the pages in ${pages} are those of before`);
  }
}

function isReal(path: string, what: "file" | "folder"): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return (what === "file" ? found?.isFile() : found?.isDirectory()) === true;
}
