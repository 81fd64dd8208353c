import { accessSync, constants, statSync } from "node:fs";
import { parse } from "node:path";
import type { RunningProgram } from "./running-program.ts";
import { START_FOLDER } from "./start-folder.ts";

/**
 * The same program from a folder that can be entered: no program starts in one that was deleted, as the folder of a work
 * tree is, or is closed to it by now. Its relative paths mean what they meant.
 */
export function fromExistingFolder(program: RunningProgram, canEnter = mayEnter): RunningProgram {
  const { cwd, path } = program;
  const env = program.env.filter((entry) => !entry.startsWith(`${START_FOLDER}=`));
  if (canEnter(cwd)) return { ...program, env };
  return { ...program, cwd: parse(path).root, env: [...env, `${START_FOLDER}=${cwd}`] };
}

function mayEnter(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
