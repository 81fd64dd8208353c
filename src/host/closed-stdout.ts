import { fstatSync, readFileSync } from "node:fs";

const STDOUT = 1;
/** Linux. `O_CLOEXEC` as the kernel shows it: what is open so is not handed on to another program. */
const CLOSE_ON_EXEC = 0o2_000_000;

let isClosed: boolean | undefined;

/**
 * Whether this process was started without a stdout (`>&-`). The runtime puts `/dev/null` in its place before the program
 * begins, so that every write succeeds; but what it opened itself is closed on exec, which nothing inherited can be. Where the
 * system does not show that, it is `false`.
 */
export function isStdoutClosed(): boolean {
  isClosed ??= look();
  return isClosed;
}

function look(): boolean {
  try {
    if (!fstatSync(STDOUT).isCharacterDevice()) return false;
    const [, flags = "0"] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${STDOUT}`, "latin1")) ?? [];
    return (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0;
  } catch {
    return false;
  }
}
