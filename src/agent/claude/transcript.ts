import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { blockStart } from "../../core/agents/envelope.ts";
import { codeOf } from "../../core/system-error.ts";
import { recordLength, recordLines } from "../record-lines.ts";
import type { ClaudeConversation } from "./claude-session.ts";
import { MONITOR_TITLE } from "./monitor-plugin.ts";

/** What a session's own records say of a message. */
export type Recorded = "taken" | "in conversation";

/** Where records are, a folder for each project. */
const PROJECTS = "projects";
/** Ours. Folders of projects that are looked into. */
const PROJECTS_MAX = 4096;

function lookIn(path: string, ids: readonly string[], from = 0): Map<string, Recorded> {
  const found = new Map<string, Recorded>();
  try {
    for (const line of recordLines(path, from)) {
      for (const id of ids) {
        if (found.get(id) === "in conversation" || !line.includes(id)) continue;
        const recorded = recordedIn(line, id);
        if (recorded !== undefined) found.set(id, recorded);
      }
    }
  } catch (error) {
    // A session may be deleted by its user.
    if (codeOf(error) === undefined) throw error;
  }
  return found;
}

/** The records of one session. They follow what happens by a moment. */
export class Transcript {
  readonly #session: ClaudeConversation;
  #path: string | undefined;

  constructor(session: ClaudeConversation) {
    this.#session = session;
  }

  /** How long it is, in bytes: what comes from now on stands behind that. */
  get length(): number {
    const path = this.#find();
    return path === undefined ? 0 : recordLength(path);
  }

  /**
   * What it says from the byte `from` on of the messages with these ids, whose envelopes are looked for in what came over the
   * inbox or by our monitor; those that it does not hold are absent.
   */
  look(ids: readonly string[], from = 0): Map<string, Recorded> {
    const path = this.#find();
    return path === undefined ? new Map() : lookIn(path, ids, from);
  }

  #find(): string | undefined {
    if (this.#path !== undefined) return this.#path;
    const projects = join(this.#session.configFolder, PROJECTS);
    try {
      for (const project of readdirSync(projects).slice(0, PROJECTS_MAX)) {
        const path = join(projects, project, `${this.#session.sessionId}.jsonl`);
        if (isFile(path)) this.#path = path;
      }
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
    }
    return this.#path;
  }
}

function isFile(path: string): boolean {
  try {
    const handle = openSync(path, "r");
    closeSync(handle);
    return true;
  } catch {
    return false;
  }
}

/**
 * An entry that holds the id because a model or a tool said it again is none of what came in, and neither is one in which another
 * message came that answers that one or speaks of it.
 */
function recordedIn(line: string, id: string): Recorded | undefined {
  let entry: Entry;
  try {
    entry = JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
  if (entry.type === "queue-operation") {
    return holdsBlock(entry.content, id) || isEvent(entry.content, id) ? "taken" : undefined;
  }
  switch (entry.origin?.kind ?? entry.attachment?.origin?.kind) {
    case "peer":
      return holdsBlock(entry, id) ? "in conversation" : undefined;
    case "task-notification":
      return isEvent(entry.message?.content ?? entry.attachment?.prompt, id) ? "in conversation" : undefined;
    default:
      return undefined;
  }
}

interface Entry {
  readonly type?: string;
  readonly content?: unknown;
  readonly message?: { readonly content?: unknown };
  readonly origin?: { readonly kind?: string };
  readonly attachment?: { readonly prompt?: unknown; readonly origin?: { readonly kind?: string } };
}

/** Whether any text in `value` holds the envelope of that message. */
function holdsBlock(value: unknown, id: string): boolean {
  return JSON.stringify(value ?? "").includes(JSON.stringify(blockStart(id)).slice(1, -1));
}

/** How the host names what our monitor said; what a line says it escapes, and so nobody's words hold this. */
const EVENT_BEGINS = new RegExp(
  `^<task-notification>\\s*(<task-id>[^<]*</task-id>\\s*)?<summary>Monitor event: "${MONITOR_TITLE}"`,
);

/** Whether `value` is an event of our monitor in which the envelope of that message begins a line. */
function isEvent(value: unknown, id: string): boolean {
  if (typeof value !== "string" || !EVENT_BEGINS.test(value)) return false;
  const begins = blockStart(id).replace("<", "&lt;");
  return value.split("\n").some((line) => line.replace(/^<event>/, "").startsWith(begins));
}
