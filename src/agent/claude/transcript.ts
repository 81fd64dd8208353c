import { closeSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/system-error.ts";
import { recordLength, recordLines } from "../record-lines.ts";
import type { ClaudeSession } from "./claude-session.ts";

/** What a session's own records say of a message. */
export type Recorded = "taken" | "in conversation";

/** Where records are, a folder for each project. */
const PROJECTS = "projects";
/** Ours. Folders of projects that are looked into. */
const PROJECTS_MAX = 4096;

function lookIn(path: string, marks: readonly string[], from = 0): Map<string, Recorded> {
  const found = new Map<string, Recorded>();
  try {
    for (const line of recordLines(path, from)) {
      for (const mark of marks) {
        if (found.get(mark) === "in conversation" || !line.includes(mark)) continue;
        const recorded = recordedIn(line, mark);
        if (recorded !== undefined) found.set(mark, recorded);
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
  readonly #session: ClaudeSession;
  #path: string | undefined;

  constructor(session: ClaudeSession) {
    this.#session = session;
  }

  /** How long it is, in bytes: what comes from now on stands behind that. */
  get length(): number {
    const path = this.#find();
    return path === undefined ? 0 : recordLength(path);
  }

  /**
   * What it says from the byte `from` on of each of `marks`, which are looked for in what came over the inbox; those that it
   * does not name are absent.
   */
  look(marks: readonly string[], from = 0): Map<string, Recorded> {
    const path = this.#find();
    return path === undefined ? new Map() : lookIn(path, marks, from);
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

/** An entry that holds the mark because a model or a tool said it again is none of what came in. */
function recordedIn(line: string, mark: string): Recorded | undefined {
  let entry: Entry;
  try {
    entry = JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
  if (entry.type === "queue-operation") return holds(entry.content, mark) ? "taken" : undefined;
  const isPeer = entry.origin?.kind === "peer" || entry.attachment?.origin?.kind === "peer";
  return isPeer && JSON.stringify(entry).includes(mark) ? "in conversation" : undefined;
}

interface Entry {
  readonly type?: string;
  readonly content?: unknown;
  readonly origin?: { readonly kind?: string };
  readonly attachment?: { readonly origin?: { readonly kind?: string } };
}

function holds(content: unknown, mark: string): boolean {
  return (typeof content === "string" ? content : JSON.stringify(content ?? "")).includes(mark);
}
