import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Every file below `path` with mode and content, those named like `except` left out. */
export function fileStates(path: string, except = /$^/): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => !except.test(name));
  return Object.fromEntries(
    names.sort().map((name) => {
      const stat = statSync(join(path, name));
      const content = stat.isFile() ? Bun.hash(readFileSync(join(path, name))) : "no file";
      return [name, stat.isDirectory() ? "directory" : `${stat.mode & 0o777} ${content}`];
    }),
  );
}
