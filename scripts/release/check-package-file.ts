import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetchPackage, lockedPackage } from "../launch/packages.mjs";

/**
 * Holds a file that is about to go into an executable against the one in its npm package, fetched anew and checked by
 * the hash in the lock file: what stands in node_modules may have been changed since it was installed. Throws naming
 * both hashes when they differ. `workDir` is where the package is unpacked; its owner removes it.
 */
export async function checkPackageFile(options: {
  readonly root: string;
  /** The npm package, and the file inside it. */
  readonly name: string;
  readonly file: string;
  /** The file that will be used. */
  readonly used: string;
  readonly workDir: string;
  readonly fetch?: typeof fetchPackage;
}): Promise<void> {
  const { root, name, file, used, workDir, fetch = fetchPackage } = options;
  const locked = lockedPackage(root, name);
  if (locked.integrity === undefined) {
    throw new Error(
      `package-lock.json: expected a hash of ${name}@${locked.version}, found none; run npm install where the registry has it`,
    );
  }
  const into = join(workDir, `${name.replaceAll("/", "+")}@${locked.version}`);
  await fetch({ root, name, locked, into });
  const [expected, found] = [sha256(join(into, file)), sha256(used)];
  if (expected === found) return;
  throw new Error(
    `${used}: expected ${file} of ${name}@${locked.version} with SHA-256 ${expected}, found ${found}; ` +
      "remove node_modules and run the same command again",
  );
}

function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}
