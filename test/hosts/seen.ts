import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pinnedHost } from "../../scripts/hosts/pinned.ts";

const FILE = join(import.meta.dir, "seen.json");
export const SEEN_HOSTS = ["claude", "codex", "opencode"] as const;
type SeenHost = (typeof SEEN_HOSTS)[number];

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

export function noteSeen(host: SeenHost, seen: Partial<Omit<Seen, "version">>): void {
  if (isKeeping) {
    const { version } = pinnedHost(host);
    const all = { ...kept(), [host]: { ...kept()[host], version, ...seen } };
    writeFileSync(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
  } else expect({ host, ...kept()[host] }).toMatchObject({ host, ...seen });
}

/** The table of the page, of what is kept. */
export function seenMarkdown(): string {
  const rows = SEEN_HOSTS.map((host) => {
    const { as, busy, closed, door, idle, version } = kept()[host] ?? {};
    return `| ${[pinnedHost(host).title, version, `\`${door}\``, as, idle, busy, closed].join(" | ")} |\n`;
  });
  return `| Host | Version | Door | Its model reads it from | Idle | Busy | Closed, and started again |
|---|---|---|---|---|---|---|
${rows.join("")}`;
}

/** The version that was seen; `undefined`: none. */
export const seenVersion = (host: SeenHost): string | undefined => kept()[host]?.version;
