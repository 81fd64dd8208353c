import { accessSync, constants, statSync } from "node:fs";
import { parse } from "node:path";
import type { RunningProgram } from "./running-program.ts";

/** Names the folder that relative paths count from, where the process cannot be in it because it is gone. */
export const START_FOLDER = "ENTMOOT_START_FOLDER";

/** The folder that relative paths of the command line and of variables count from. */
export function startFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env[START_FOLDER] || process.cwd();
}

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
