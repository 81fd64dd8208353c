import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { compareVersions, parseVersion } from "../../src/update/version-order.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { SCRIPT } from "./sandbox.ts";

/** Few letters and digits, so that two versions often are alike, and often are none. */
const part = fc.oneof(
  fc.constantFrom("0", "1", "9", "10", "00", "01", "01a", "0a", "-", "a", "B", "a-01", "", "18446744073709551616", "~"),
  fc.string({ unit: fc.constantFrom(..."019aZ-.+~ "), maxLength: 4 }),
);
const number = fc.oneof({ weight: 8, arbitrary: fc.constantFrom("0", "1", "2", "10", "99999999999999999999") }, part);
const version = fc
  .tuple(
    number,
    number,
    number,
    fc.option(fc.array(part, { minLength: 1, maxLength: 4 }), { nil: undefined }),
    fc.option(part, { nil: undefined, freq: 4 }),
  )
  .map(([major, minor, patch, pre, build]) => {
    const tail = `${pre === undefined ? "" : `-${pre.join(".")}`}${build === undefined ? "" : `+${build}`}`;
    return `v${major}.${minor}.${patch}${tail}`;
  });

/** Whether `a` comes before `b`, as an update has it: what is no version comes before nothing. */
function precedes(a: string, b: string): boolean {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  return left !== undefined && right !== undefined && compareVersions(left, right) < 0;
}

/** What install.sh compares versions with. */
function functions(): string {
  const script = readFileSync(SCRIPT, "utf8");
  const found = ["below", "precedes", "parts_of", "part_precedes"].map((name) => {
    const body = new RegExp(`^${name}\\(\\) \\{\\n(?:.*\\n)*?\\}\\n`, "m").exec(script)?.[0];
    if (body === undefined) throw new Error(`install.sh has no ${name}`);
    return body;
  });
  return `LC_ALL=C\nset -eu\n${found.join("")}`;
}

for (const shell of [["dash"], ["busybox", "sh"], ["bash"]]) {
  testWhere(
    missingTool(shell[0]!),
    `${shell.join(" ")}: install.sh and an update put any two versions in the same order`,
    async () => {
      const pairs = fc.sample(fc.tuple(version, version), { numRuns: 400, seed: Date.now() & 0x7fffffff });
      const asked = `${functions()}while [ $# -gt 0 ]; do if precedes "$1" "$2"; then echo yes; else echo no; fi; shift 2; done`;
      const { stdout, exitCode } = Bun.spawnSync([...shell, "-c", asked, "sh", ...pairs.flat()]);
      expect(exitCode).toBe(0);
      const answers = stdout.toString().trim().split("\n");
      const wrong = pairs.filter(([a, b], at) => answers[at] !== (precedes(a, b) ? "yes" : "no"));
      expect(wrong).toEqual([]);
      expect(new Set(answers)).toEqual(new Set(["yes", "no"]));
    },
  );
}

test.each(["v1.0.0-01", "v1.0.0-a.00", "v01.0.0", "v1.0.0-", "v1.0.0-a..b", "v1.0.0+", `v1.0.0-${"a".repeat(64)}`])(
  "%s is no version",
  (text) => expect(parseVersion(text)).toBeUndefined(),
);
