import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { basename } from "node:path";

/** Ours. Of a command line as much as names its program. */
const COMMAND_MAX = 4096;

/**
 * Processes of this user that run `program` in `folder` on a terminal, oldest first, where the system shows them (Linux); none
 * elsewhere. What a host leaves running without one, as Codex does its server, nobody looks at.
 */
export function processesOf(program: string, folder: string): number[] {
  const here = realFolder(folder);
  return numbersIn("/proc")
    .filter(
      (pid) => pid !== process.pid && runs(pid, program) && hasTerminal(pid) && realFolder(`/proc/${pid}/cwd`) === here,
    )
    .toSorted((one, other) => one - other);
}

/** When process `pid` began, as Linux counts it: two that have one number after another differ in it. `undefined` where nothing shows it. */
export function startOf(pid: number): string | undefined {
  // The program's name may hold blanks and brackets; what follows the last one is numbers.
  return textAt(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ")[19];
}

/** Whether a person can type to it. */
function hasTerminal(pid: number): boolean {
  try {
    return /^\/dev\/(?:pts\/|tty)/.test(readlinkSync(`/proc/${pid}/fd/0`));
  } catch {
    return false; // It has ended, or is somebody else's.
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The folder behind links; `folder` itself where it cannot be told. */
export function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** By its own name, or as the script that an interpreter runs. */
function runs(pid: number, program: string): boolean {
  const words = textAt(`/proc/${pid}/cmdline`)?.slice(0, COMMAND_MAX).split("\0").slice(0, 2) ?? [];
  return words.some((word) => basename(word) === program);
}

function numbersIn(folder: string): number[] {
  try {
    return readdirSync(folder).map(Number).filter(Number.isSafeInteger);
  } catch {
    return [];
  }
}

function textAt(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // It has ended, or is somebody else's.
  }
}
