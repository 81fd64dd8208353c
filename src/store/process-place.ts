import { readFileSync, readlinkSync } from "node:fs";

/**
 * Where the number of this process means something: the machine since it began to run, and the pid namespace in it, of which
 * each container has its own. `undefined` where the system tells neither.
 */
export function processPlace(): string | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/** Whether a process of `place` has the same number here; a process that does not say where it is has. */
export function isSeenFrom(place: string): boolean {
  return place === "" || place === processPlace();
}
