import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, linkSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { lockedPackage } from "./packages.mjs";
import { hostTarget, TARGETS } from "./platform.mjs";

/** Ours. The placeholder that stands where npm did not run Bun's install script has some hundred bytes; Bun has 100 MB. */
const STUB_MAX = 1024 * 1024;

/**
 * The pinned Bun of this checkout, proved by running it; never one from PATH. Bun's install script, where npm ran
 * it, moves the binary out of the platform package into `bun`; elsewhere it is still in the platform package.
 * @param {string} root @returns {string}
 */
export function findBun(root) {
  const target = TARGETS[hostTarget()];
  const exe = process.platform === "win32" ? "bun.exe" : "bun";
  const own = join(root, "node_modules/bun/bin/bun.exe");
  const candidates = [join(root, "node_modules", target?.bun ?? "", "bin", exe), own].filter(isBinary);
  const { version } = lockedPackage(root, "bun");
  const failures = [];
  for (const path of candidates) {
    const { status, stdout, error } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 30_000 });
    if (status === 0 && stdout.trim() === version) {
      if (path !== own) shareAsCommand(path, own);
      return path;
    }
    failures.push(
      `${path}: expected version ${version}, found ${error?.message ?? (stdout.trim() || `status ${status}`)}`,
    );
  }
  const why = failures.length > 0 ? failures.join("; ") : `${target?.bun} holds no binary`;
  throw new Error(`Bun ${version} cannot be run (${why}); remove node_modules and run the same command again`);
}

/** @param {string} path */
const isBinary = (path) => existsSync(path) && statSync(path).size > STUB_MAX;

/** What Bun's install script would have done, so that `npx bun` works too. Best effort. @param {string} from @param {string} to */
function shareAsCommand(from, to) {
  if (isBinary(to)) return;
  const temporary = `${to}.${process.pid}`;
  try {
    try {
      linkSync(from, temporary);
    } catch {
      copyFileSync(from, temporary);
    }
    renameSync(temporary, to);
  } catch {
    rmSync(temporary, { force: true });
  }
}
