import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { isCompiled } from "./compiled.ts";
import { fromExistingFolder } from "./existing-folder.ts";
import { startFolder } from "./start-folder.ts";

/** How this process was started, so that it can be started again. */
export interface RunningProgram {
  /** The executable, symbolic links resolved; as it was at the start, whatever stands there now. */
  readonly path: string;
  /** From the program's own name on, which may be an alias of `path`. */
  readonly argv: readonly string[];
  /** As it was at the start; it may be gone by now. */
  readonly cwd: string;
  /** `NAME=value`. */
  readonly env: readonly string[];
}

/** How this process was started. To be asked before the executable can have been replaced. */
export function runningProgram(): RunningProgram {
  return {
    path: realpathSync(process.execPath),
    argv: [process.argv0, ...process.argv.slice(isCompiled() ? 2 : 1)],
    cwd: startFolder(),
    env: Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])),
  };
}

/** Whether this process is in the folder now. */
function enter(folder: string): boolean {
  try {
    process.chdir(folder);
    return true;
  } catch {
    return false;
  }
}

/** The variables of a program as an object. */
export function variablesOf({ env }: Pick<RunningProgram, "env">): Record<string, string> {
  return Object.fromEntries(
    env.map((entry) => {
      const equals = entry.indexOf("=", 1);
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/**
 * Lets `program` take over this process: process id, stdio and supervisor stay, everything else is closed. Where the
 * system cannot do that, starts it beside this process, which should then end. Returns only then, or throws why not.
 */
export function replaceProcess(before: RunningProgram): void {
  const program = fromExistingFolder(before, enter);
  const env = variablesOf(program);
  process.chdir(program.cwd);
  if (typeof process.execve === "function" && process.platform !== "win32") {
    process.execve(program.path, [...program.argv], env);
  }
  const [argv0, ...args] = program.argv;
  const child = spawn(program.path, args, {
    ...(argv0 === undefined ? {} : { argv0 }),
    env,
    cwd: program.cwd,
    stdio: "inherit",
    detached: true,
  });
  child.unref();
}
