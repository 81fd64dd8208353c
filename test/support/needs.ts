import { test } from "bun:test";

/**
 * A test that some machines cannot run. `missing` is what this one lacks, `undefined` when it lacks nothing: then the
 * test runs. Otherwise it is skipped with that in its name; with `CI=true` it fails instead.
 */
export function testWhere(missing: string | undefined, name: string, run: () => Promise<void>): void {
  if (missing === undefined) test(name, run);
  else if (process.env.CI === "true") {
    test(`${name} (${missing})`, () => {
      throw new Error("this test may not be skipped in CI");
    });
  } else test.skip(`${name} (${missing})`, () => {});
}

/** What is missing when `tool` is not installed. */
export function missingTool(tool: string): string | undefined {
  return Bun.which(tool) === null ? `needs ${tool}` : undefined;
}
