import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Linux. Who has one of these is held to no limit of its user: CAP_SYS_ADMIN and CAP_SYS_RESOURCE. */
const UNLIMITED = (1n << 21n) | (1n << 24n);

/**
 * How many threads this process could start just now, by the limit of its user (`ulimit -u`) and that of its control
 * group; `undefined` where neither is told. Processes that are not shown here are not counted.
 */
export function threadsLeft(): number | undefined {
  const known = [leftOfUser(), leftOfGroup()].filter((left) => left !== undefined);
  return known.length === 0 ? undefined : Math.max(0, Math.min(...known));
}

function leftOfUser(): number | undefined {
  const own = read("/proc/self/status");
  const [, user] = /^Uid:\s+(\d+)/m.exec(own) ?? [];
  const [, able] = /^CapEff:\s+([0-9a-f]+)/m.exec(own) ?? [];
  const [, allowed] = /^Max processes\s+(\d+)/m.exec(read("/proc/self/limits")) ?? [];
  if (user === undefined || allowed === undefined) return undefined;
  if (able !== undefined && (BigInt(`0x${able}`) & UNLIMITED) !== 0n) return undefined;
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.reduce((left, pid) => left - threadsOf(pid, user), Number(allowed));
}

function threadsOf(pid: string, user: string): number {
  const status = read(join("/proc", pid, "status"));
  if (/^Uid:\s+(\d+)/m.exec(status)?.[1] !== user) return 0;
  return Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1);
}

/** Containers are limited by their control group. */
function leftOfGroup(): number | undefined {
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined || (controllers !== "" && controllers !== "pids")) continue;
    const folder = join("/sys/fs/cgroup", controllers ?? "", path);
    const [allowed, held] = ["pids.max", "pids.current"].map((name) => read(join(folder, name)).trim());
    if (allowed && held && /^\d+$/.test(allowed)) return Number(allowed) - Number(held);
  }
  return undefined;
}

/** Nothing where it cannot be read: another system, or a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
