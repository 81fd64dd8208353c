import { constants, copyFileSync, existsSync, linkSync } from "node:fs";
import { moveFile, removeFile, replaceFile } from "../files/guarded-files.ts";
import { syncDirectory, syncFile } from "../store/private-files.ts";
import type { InstallPlace } from "./install-place.ts";
import { asUpdateError, updateError } from "./update-error.ts";

/** Puts the file at `place.staged` in place. At every instant a complete executable stands at the path. */
export function putInPlace(place: InstallPlace): void {
  try {
    if (existsSync(place.executable)) {
      const spare = spareName(place);
      secondName(place.executable, spare);
      moveFile(spare, place.previous);
      // Two names of one file are left as they are by a rename.
      removeFile(spare);
    }
    moveFile(place.staged, place.executable);
    syncDirectory(place.dir);
  } catch (error) {
    throw asUpdateError(error, place.executable);
  }
}

/** Changes places with the previous executable. Throws `update_failed` when there is none. */
export function swapBack(place: InstallPlace): void {
  if (!existsSync(place.previous)) throw updateError(`${place.previous}: not there; no earlier version is kept`);
  const spare = spareName(place);
  try {
    if (existsSync(place.executable)) secondName(place.executable, spare);
    moveFile(place.previous, place.executable);
    if (existsSync(spare)) moveFile(spare, place.previous);
    removeFile(spare);
    syncDirectory(place.dir);
  } catch (error) {
    throw asUpdateError(error, place.executable);
  }
}

/** Writes down what is installed, for scripts: the version and, when given, the serial. What cannot be written is left out: the executable knows both. */
export function noteVersion(place: InstallPlace, version: string, serial: number | undefined): void {
  const files = [[place.versionFile, `${version}\n`] as const];
  if (serial !== undefined) files.push([place.serialFile, `${serial}\n`] as const);
  for (const [path, text] of files) {
    try {
      replaceFile(path, text, { mode: 0o644 });
    } catch {
      // Said above.
    }
  }
}

function spareName({ staged }: InstallPlace): string {
  return staged.replace(".new-", ".swap-");
}

/** A second name for the file, or a copy where the file system has no links. */
function secondName(path: string, name: string): void {
  removeFile(name);
  try {
    linkSync(path, name);
  } catch {
    copyFileSync(path, name, constants.COPYFILE_FICLONE);
    syncFile(name);
  }
}
