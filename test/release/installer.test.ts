import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillInstaller } from "../../scripts/release/installer.ts";

const SCRIPT = readFileSync(join(import.meta.dir, "../../install.sh"), "utf8");
const KEY = Buffer.alloc(32, 7).toString("base64");

test("the installer of a release carries its keys and is otherwise the one of the checkout", () => {
  const filled = fillInstaller(SCRIPT, [KEY, KEY]);
  expect(filled).toContain(`\nRELEASE_PUBKEYS='${KEY} ${KEY}'\n`);
  expect(fillInstaller(filled, [])).toBe(SCRIPT);
});

test("a script without the line to fill in is refused", () => {
  expect(() => fillInstaller("#!/bin/sh\n", [KEY])).toThrow("RELEASE_PUBKEYS");
});
