import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkPackageFile } from "../../scripts/release/check-package-file.ts";

const LOCKED: { version: string; integrity?: string } = { version: "1.2.3", integrity: "sha512-AAAA" };

/** A checkout with one locked package, and a registry that serves `served` as its file. */
async function check(used: string, served: string, locked = LOCKED): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "entmoot-package-"));
  try {
    const lock = { packages: { "node_modules/@a/b": locked } };
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
    writeFileSync(join(root, "used"), used);
    await checkPackageFile({
      root,
      name: "@a/b",
      file: "bin/tool",
      used: join(root, "used"),
      workDir: join(root, "work"),
      fetch: async ({ name, into, ...asked }) => {
        expect({ name, locked: asked.locked }).toEqual({ name: "@a/b", locked });
        const path = join(into, "bin/tool");
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, served);
      },
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("a file that is the one of its locked package passes", async () => {
  await check("the runtime", "the runtime");
});

test("a file that was changed after it was installed is refused with both hashes", async () => {
  await expect(check("the runtime, and more", "the runtime")).rejects.toThrow(
    /used: expected bin\/tool of @a\/b@1\.2\.3 with SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}; remove node_modules/,
  );
});

test("a package without a hash in the lock file is refused: nothing vouches for what the registry gives", async () => {
  await expect(check("the runtime", "the runtime", { version: "1.2.3" })).rejects.toThrow(
    "package-lock.json: expected a hash of @a/b@1.2.3, found none",
  );
});
