/** Names the folder that relative paths count from, where the process cannot be in it because it is gone. */
export const START_FOLDER = "ENTMOOT_START_FOLDER";

/** The folder that relative paths of the command line and of variables count from. */
export function startFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env[START_FOLDER] || process.cwd();
}
