import { readFileSync, realpathSync, statSync } from "node:fs";

/** Where a machine keeps a name of its own, which it has for good. */
const MACHINE_ID = "/etc/machine-id";

/**
 * Which file stands at a path, and on which machine: another text for a copy of it, after a move, and for one that a
 * backup put in its place. `undefined` when it cannot be looked at. What writes into the same file in place, as the
 * snapshot of a whole machine does, changes nothing of it.
 */
export function filePlace(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    return JSON.stringify([machineId(), real, `${statSync(real, { bigint: true }).ino}`]);
  } catch {
    return undefined;
  }
}

/** Whether the file of one place is that of another under a new name, and no copy of it. */
export function isSameFile(before: string, after: string): boolean {
  const [machine, , inode] = JSON.parse(before) as readonly string[];
  const [machineNow, , inodeNow] = JSON.parse(after) as readonly string[];
  return machine === machineNow && inode === inodeNow;
}

function machineId(): string {
  try {
    return readFileSync(MACHINE_ID, "latin1").trim();
  } catch {
    return "";
  }
}
