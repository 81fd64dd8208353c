import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkPackageFile } from "../../scripts/release/check-package-file.ts";

/** A checkout with one locked package, and a registry that serves `served` as its file. */
async function check(used: string, served: string): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "entmoot-package-"));
  try {
    const lock = { packages: { "node_modules/@a/b": { version: "1.2.3", integrity: "sha512-AAAA" } } };
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
    writeFileSync(join(root, "used"), used);
    await checkPackageFile({
      root,
      name: "@a/b",
      file: "bin/tool",
      used: join(root, "used"),
      workDir: join(root, "work"),
      fetch: async ({ name, locked, into }) => {
        expect({ name, locked }).toEqual({ name: "@a/b", locked: { version: "1.2.3", integrity: "sha512-AAAA" } });
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
  expect(check("the runtime, and more", "the runtime")).rejects.toThrow(
    /used: expected bin\/tool of @a\/b@1\.2\.3 with SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}; remove node_modules/,
  );
});
