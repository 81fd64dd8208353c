import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pinnedHost } from "../../scripts/hosts/pinned.ts";

const FILE = join(import.meta.dir, "seen.json");
export const SEEN_HOSTS = ["claude", "codex", "opencode"] as const;
/** Each host, once more where it was seen by another of its doors. */
const SEEN_ROWS = ["claude", "claude-monitor", "codex", "opencode"] as const;
type SeenRow = (typeof SEEN_ROWS)[number];

/** What the tests saw of one host with this program: states are those of the ledger. */
interface Seen {
  readonly version: string;
  readonly door: string;
  /** As whose words its model is given the message. */
  readonly as: string;
  readonly idle: string;
  readonly busy: string;
  readonly closed: string;
}

/** Whether what is seen is kept, and shown by the page; otherwise it must be what is kept. */
export const isKeeping = process.env.ENTMOOT_HOSTS_KEEP === "on";

const kept = (): Record<string, Partial<Seen>> => JSON.parse(readFileSync(FILE, "utf8"));

const hostOf = (row: SeenRow) => (row === "claude-monitor" ? "claude" : row);

export function noteSeen(row: SeenRow, seen: Partial<Omit<Seen, "version">>): void {
  if (isKeeping) {
    const { version } = pinnedHost(hostOf(row));
    const all = { ...kept(), [row]: { ...kept()[row], version, ...seen } };
    writeFileSync(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
  } else expect({ row, ...kept()[row] }).toMatchObject({ row, ...seen });
}

/** The table of the page, of what is kept. */
export function seenMarkdown(): string {
  const rows = SEEN_ROWS.map((row) => {
    const { as, busy, closed, door, idle, version } = kept()[row] ?? {};
    return `| ${[pinnedHost(hostOf(row)).title, version, `\`${door}\``, as, idle, busy, closed].join(" | ")} |\n`;
  });
  return `| Host | Version | Door | Its model reads it from | Idle | Busy | Closed, and started again |
|---|---|---|---|---|---|---|
${rows.join("")}`;
}

/** The version that was seen; `undefined`: none. */
export const seenVersion = (host: SeenRow): string | undefined => kept()[host]?.version;
