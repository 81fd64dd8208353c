/**
 * When the commit that is checked out was made, in Unix ms: the only time a release carries inside. Without git it is
 * `SOURCE_DATE_EPOCH` (Unix seconds), else the beginning of 1980, the first instant every kind of archive can hold.
 */
export function commitDateMs(root: string, env: NodeJS.ProcessEnv = process.env): number {
  const seconds = Number(ofGit(root) ?? env.SOURCE_DATE_EPOCH);
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : Date.UTC(1980, 0, 1);
}

function ofGit(root: string): string | undefined {
  try {
    const { exitCode, stdout } = Bun.spawnSync(["git", "show", "-s", "--format=%ct", "HEAD"], {
      cwd: root,
      stderr: "ignore",
    });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  } catch {
    return undefined; // No git on this machine.
  }
}

/** RFC 3339 in UTC, whole seconds. */
export function formatDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
