import type { GlobalOptions } from "../../daemon/options.ts";
import type { NamedHere, WordCandidate } from "./candidates.ts";
import { lookAt, type PassingLook } from "./look-at.ts";

/** Ours. Of many moots so many are looked through for members, topics and messages. */
const MOOTS_MAX = 8;
/** Ours. Of members and topics: a shell shows no more on a screen. */
const ROWS_MAX = 100;
const MESSAGES_SHOWN = 20;
const ID_SHOWN = 12;
/** Ours. A name that is longer is no word to type. */
const NAME_MAX = 80;

type Given = Readonly<Record<string, string | boolean>>;

/**
 * What the node has that can be named: asked of its daemon, or read where none listens. Starts, writes and tells nothing. Waits
 * for the daemon without end, which is for its caller to end; throws whatever stands against it.
 */
export async function namedHere(
  kind: NamedHere,
  options: GlobalOptions,
  given: Given,
): Promise<readonly WordCandidate[]> {
  switch (kind) {
    case "host": {
      const { HOST_SETUPS } = await import("../../agent/setup/host-setups.ts");
      return HOST_SETUPS.map(({ host, title }) => ({ text: host, note: title }));
    }
    case "operation": {
      const { OPERATIONS } = await import("../../node/operations/table.ts");
      return Object.values(OPERATIONS).map(({ name, summary }) => ({ text: name, note: summary }));
    }
    case "voice": {
      if (options.agentSocket !== undefined) return [];
      const { voicesOf } = await import("../../daemon/voices.ts");
      return voicesOf(options.dataDir).map((text) => ({ text, note: "" }));
    }
    default: {
      await using look = await lookAt(options);
      return look === undefined ? [] : await heldNames(kind, look, given);
    }
  }
}

async function heldNames(
  kind: "moot" | "member" | "message" | "topic",
  look: PassingLook,
  given: Given,
): Promise<readonly WordCandidate[]> {
  const moots = await look.moots();
  if (kind === "moot") return mootNames(moots);
  const found: WordCandidate[] = [];
  for (const { group_id } of mootsMeant(moots, given.group ?? given.moot)) {
    found.push(...(await rowsOf(kind, look, group_id)));
  }
  return found;
}

async function rowsOf(
  kind: "member" | "message" | "topic",
  look: PassingLook,
  group_id: string,
): Promise<WordCandidate[]> {
  if (kind === "topic") {
    const rows = await look.rows("topics", { group_id, limit: ROWS_MAX });
    return rows.map(({ topic }) => ({ text: textIn(topic), note: "" }));
  }
  if (kind === "message") {
    const rows = await look.rows("messages", { group_id, limit: MESSAGES_SHOWN, order: "desc" });
    return rows.map(({ message }) => {
      const { id, topics } = Object(message);
      return { text: textIn(id).slice(0, ID_SHOWN), note: [topics ?? []].flat().map(textIn).join(", ") };
    });
  }
  const all = await look.rows("members", { group_id });
  const rows = all.filter(({ self }) => self !== true).slice(0, ROWS_MAX);
  const isItsOwn = (name: unknown) => rows.filter(({ hostname }) => hostname === name).length === 1;
  return rows.flatMap(({ hostname, node_id }) => {
    const name = textIn(hostname);
    const byId = { text: String(node_id), note: name };
    return isTypeable(name) && isItsOwn(name) ? [{ text: name, note: `node ${node_id}` }, byId] : [byId];
  });
}

interface MootRow {
  readonly group_id: string;
  readonly name: string;
}

/** By name where that is one moot's alone; by id too. */
function mootNames(moots: readonly MootRow[]): WordCandidate[] {
  const isItsOwn = (name: string) => moots.filter((moot) => moot.name === name).length === 1;
  const byName = moots.flatMap(({ group_id, name }) =>
    isTypeable(name) && isItsOwn(name) ? [{ text: name, note: group_id }] : [],
  );
  return [...byName, ...moots.map(({ group_id, name }) => ({ text: group_id, note: name }))];
}

function mootsMeant(moots: readonly MootRow[], named: string | boolean | undefined): readonly MootRow[] {
  if (typeof named !== "string") return moots.slice(0, MOOTS_MAX);
  return moots.filter(({ group_id, name }) => name === named || group_id.startsWith(named)).slice(0, 1);
}

/** What begins with a dash would be read as a flag. What would steer a terminal is left out of every answer. */
function isTypeable(name: string): boolean {
  return name !== "" && name.length <= NAME_MAX && !name.startsWith("-") && name === name.trim();
}

function textIn(value: unknown): string {
  return typeof value === "string" ? value : "";
}
