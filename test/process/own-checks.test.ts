import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BINARY } from "../support/binary.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const VECTORS = resolve(import.meta.dir, "../vectors");

function run(home: string, ...args: string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([BINARY, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: home, TMPDIR: home },
    cwd: home,
  });
  return { stdout: stdout.toString(), stderr: stderr.toString(), exitCode };
}

test("the executable runs the recorded vectors, all of them as recorded", () => {
  using home = new TemporaryDirectory();
  const { exitCode, stderr, stdout } = run(home.path, "conformance", "-json", join(VECTORS, "message.json"));
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ failed: 0, unknown: 0 });
  expect(JSON.parse(stdout).passed).toBeGreaterThan(20);
});

test("conformance reads the content rule of a vector, and one that is another content fails", async () => {
  using home = new TemporaryDirectory();
  const recorded = await Bun.file(join(VECTORS, "message.json")).json();
  const ruled = recorded.cases.find((entry: { content_rule?: string }) => entry.content_rule !== undefined);
  const [, a, b] = /\((\d+)\*i \+ (\d+)\)/.exec(ruled.content_rule)!;
  // The same bytes by other numbers of the rule, other bytes, and a rule that is none.
  const rules = [`byte i = (${Number(a) + 256}*i + ${Number(b) + 512}) mod 256`, "byte i = (1*i + 1) mod 256", "any"];
  const cases = rules.map((content_rule) => ({ ...ruled, name: content_rule, content_rule }));
  writeFileSync(join(home.path, "message.json"), JSON.stringify({ ...recorded, cases }));
  const { exitCode, stdout } = run(home.path, "conformance", "-json", "message.json");
  expect(exitCode).toBe(1);
  const { failures, passed, unknown } = JSON.parse(stdout);
  expect({ passed, unknown, failed: failures.map(({ name }: { name: string }) => name) }).toEqual({
    passed: 1,
    unknown: 0,
    failed: rules.slice(1),
  });
});

test("a missing file is called missing, and nothing is run then", () => {
  using home = new TemporaryDirectory();
  for (const paths of [["missing.json"], [join(VECTORS, "merkle.json"), "missing"]]) {
    const { exitCode, stderr, stdout } = run(home.path, "conformance", ...paths);
    expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: "" });
    expect(stderr).toContain(`conformance: ${paths.at(-1)}: there is no such file or directory`);
  }
});

test("self-test holds what it signs against a second implementation, and leaves nothing behind", () => {
  using home = new TemporaryDirectory();
  const { exitCode, stderr, stdout } = run(home.path, "self-test");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({ event: "self_test", ok: true });
  expect(readdirSync(home.path)).toEqual([]);
});
