import { closeSync, openSync, readFileSync } from "node:fs";

/** Ours. Where the limit is not told: the lowest that a system of today starts with. */
const LIMIT_UNKNOWN = 256;

/** How many files this process may have open. */
export function filesAllowed(): number {
  try {
    const [, allowed] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    if (allowed === "unlimited") return Number.MAX_SAFE_INTEGER;
    return allowed === undefined ? LIMIT_UNKNOWN : Number(allowed);
  } catch {
    return LIMIT_UNKNOWN; // No such file on other systems.
  }
}

/** Whether this process could open `count` files more just now, which is found out by opening them. */
export function canOpen(count: number): boolean {
  const opened: number[] = [];
  try {
    for (let n = 0; n < count; n++) opened.push(openSync("/dev/null", "r"));
    return true;
  } catch {
    return false;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}
