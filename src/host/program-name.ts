import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { isCompiled } from "./compiled.ts";

/** What the program is called where it is installed as it should be. */
const NAME = "entmootd";

/** How this process was started, as far as its name goes; tests hand in another. */
export interface ProgramStart {
  readonly isCompiled: boolean;
  /** As it was typed. */
  readonly argv0: string;
  readonly executable: string;
  /** Where a name leads on PATH. */
  readonly which: (name: string) => string | null;
}

/**
 * How a person starts this program again, in texts that suggest a command: `entmootd` where PATH leads to it under that
 * name, else as it was typed, else by its path. Run from source it is called what it will be called.
 */
export function programName(start: ProgramStart = ownStart()): string {
  if (!start.isCompiled || leadsHere(start, start.which(NAME))) return NAME;
  const typed = start.argv0.includes("/") ? start.argv0 : start.which(start.argv0);
  return leadsHere(start, typed) ? start.argv0 : start.executable;
}

/** The same for programs, which may be elsewhere when they run it: never relative to the current folder. */
export function programPath(start: ProgramStart = ownStart()): string {
  const name = programName(start);
  return name.includes("/") ? resolve(name) : name;
}

function ownStart(): ProgramStart {
  return {
    isCompiled: isCompiled(),
    argv0: process.argv0,
    executable: process.execPath,
    which: (name) => Bun.which(name),
  };
}

function leadsHere({ executable }: ProgramStart, path: string | null): boolean {
  try {
    return path !== null && realpathSync(path) === realpathSync(executable);
  } catch {
    // Nothing is there, or the executable has been replaced meanwhile.
    return false;
  }
}
