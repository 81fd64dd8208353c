import { readFileSync } from "node:fs";

/** Bytes of memory that a process holds for itself, on Linux. */
export function anonymousBytes(pid: number): number {
  const line = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  if (line === null) throw new Error(`/proc/${pid}/status does not say RssAnon`);
  return Number(line[1]) * 1024;
}
