import { join } from "node:path";
import { codeOf } from "../../core/system-error.ts";
import { type FoundInRecords, lookThroughRecords } from "../record-files.ts";
import { recordLines } from "../record-lines.ts";

/** How a line of this program's begins that goes with what it hands over. */
export const CLIENT_ID_PREFIX = "entmoot ";

const IN_LINE = `"client_id":"${CLIENT_ID_PREFIX}`;

/** Which of `marks` stand in a line of this program's, in the conversation kept at `path`, from the byte `from` on. */
export function handedIn(path: string, marks: readonly string[], from = 0): Set<string> {
  const found = new Set<string>();
  try {
    for (const line of recordLines(path, from)) {
      if (!line.includes(IN_LINE)) continue;
      for (const mark of marks) if (line.includes(mark) && isHanded(line, mark)) found.add(mark);
    }
  } catch (error) {
    // A conversation is kept from its first turn on, and may be deleted by its user.
    if (codeOf(error) === undefined) throw error;
  }
  return found;
}

/**
 * Which of `marks` stand in any conversation of the Codex whose home is `home`, of all its terminals and days; `isWhole`: those
 * that do not stand in none.
 */
export function handedAnywhere(home: string, marks: readonly string[]): FoundInRecords<string> {
  // A folder for each year, month and day.
  return lookThroughRecords(join(home, "sessions"), marks, (path) => handedIn(path, marks).entries());
}

/** A mark that a model, a tool or a person said again is none of what was handed over. */
function isHanded(line: string, mark: string): boolean {
  try {
    const { payload } = JSON.parse(line) as {
      readonly payload?: { readonly item?: { readonly client_id?: unknown; readonly content?: unknown } };
    };
    const { client_id, content } = payload?.item ?? {};
    const isOurs = typeof client_id === "string" && client_id.startsWith(CLIENT_ID_PREFIX);
    return isOurs && JSON.stringify(content ?? "").includes(mark);
  } catch {
    return false;
  }
}
