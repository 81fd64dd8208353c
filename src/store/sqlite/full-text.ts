import { Database } from "bun:sqlite";

let known: boolean | undefined;

/** Whether the SQLite of this process has FTS5. Ours has; on macOS it is the system's. */
export function hasFullText(): boolean {
  if (known !== undefined) return known;
  using db = new Database(":memory:");
  try {
    db.run("CREATE VIRTUAL TABLE words USING fts5(words)");
    known = true;
  } catch {
    known = false;
  }
  return known;
}
