import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");

/** What is in git, or without git what is in the directories that are ours. */
function projectFiles(): string[] {
  const git = Bun.spawnSync(["git", "ls-files", "-z"], { cwd: ROOT, stderr: "ignore" });
  const listed =
    git.exitCode === 0 && git.stdout.length > 0
      ? git.stdout.toString().split("\0").filter(Boolean)
      : [...new Bun.Glob("{*,{src,test,scripts,docs,bench,.ci}/**}").scanSync({ cwd: ROOT, dot: true })];
  return listed.filter((path) => existsSync(resolve(ROOT, path)) && statSync(resolve(ROOT, path)).isFile());
}

/** Data and legal texts are not ours to word; the lock file has a test of its own. */
const NOT_OURS = /^(test\/vectors\/|LICENSE$|package-lock\.json$|node_modules\/|dist\/)/;

/** Split, so that this file does not find itself. */
const FORBIDDEN: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a path of one machine", new RegExp(String.raw`(?<![\w.$}-])/(work${"/"}|root${"/"}|home/[a-z])`)],
  ["a directory beside the checkout", new RegExp(String.raw`\.\./sha${"red"}\b`)],
  ["a registry host", new RegExp(String.raw`registry\.(npm${"js"}\.org|yarn${"pkg"}\.com)|npm\.pkg\.git${"hub"}`)],
];

function findings(path: string, text: string): string[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      FORBIDDEN.filter(([, pattern]) => pattern.test(line)).map(
        ([what]) => `${path}:${index + 1}: ${what}: ${line.trim().slice(0, 120)}`,
      ),
    );
}

test("no file names a path of one machine, a directory beside the checkout or a registry host", () => {
  const files = projectFiles().filter((path) => !NOT_OURS.test(path));
  expect(files.length).toBeGreaterThan(30);
  const found = files.flatMap((path) => {
    const bytes = readFileSync(resolve(ROOT, path));
    return bytes.includes(0) ? [] : findings(path, bytes.toString("utf8"));
  });
  expect(found).toEqual([]);
});

test("the search finds each of these, so an empty result means something", () => {
  const said = [
    "see /wo" + "rk/main/src",
    'cd "/ro' + 'ot/x"',
    "in /ho" + "me/me/file",
    "from ../sha" + "red/design.md",
  ];
  for (const line of [...said, "https://registry.npm" + "js.org/bun"]) expect(findings("a", line)).toHaveLength(1);
  for (const line of ["/data/.entmoot", "homework/of", "at $HOME/.entmoot", "https://example.org/work", "src/root/x"]) {
    expect(findings("a", line)).toEqual([]);
  }
});

/** A tag without a reason, of one constant or of a group. */
const BARE_TAG =
  /(?:\/\*\*?|\/\/|^ \*) (?:Ours|Wire)(?: and ours| and the original's)?(?:, all of (?:them|these))?[.:]?(?: *\*\/|$)/m;

test("a number or name that is ours or the wire's says why it is so", () => {
  const files = projectFiles().filter((path) => /^src\/.*\.ts$/.test(path));
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((path) => BARE_TAG.test(readFileSync(resolve(ROOT, path), "utf8")))).toEqual([]);
});

test.each([
  "/** Ours. */",
  "/** Wire. */\nconst A = 1;",
  "/** Wire and ours. */",
  "// Ours, all of them.",
  "/**\n * Ours.\n */",
])("%j says no reason", (text) => {
  expect(BARE_TAG.test(text)).toBe(true);
  expect(BARE_TAG.test(text.replace(/(Ours|ours|Wire|them)[.]/, "$1. Half of a frame."))).toBe(false);
});

test.each([
  "package.json",
  "package-lock.json",
  "bunfig.toml",
  "tsconfig.json",
  "biome.json",
  "src",
  "test",
  "scripts",
  "docs",
  "bench",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
  ".ci/run",
])("%s is where the README and tools expect it", (path) => {
  expect(existsSync(resolve(ROOT, path))).toBe(true);
});

test("the check run by machines is executable and keeps its last line a count", () => {
  expect(statSync(resolve(ROOT, ".ci/run")).mode & 0o111).not.toBe(0);
  expect(readFileSync(resolve(ROOT, ".ci/run"), "utf8")).toContain("passed, %d failed");
});

test("the licence is the one package.json names, in full", () => {
  expect(JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")).license).toBe("Apache-2.0");
  const text = readFileSync(resolve(ROOT, "LICENSE"), "utf8");
  for (const part of [
    "Apache License",
    "Version 2.0, January 2004",
    "9. Accepting Warranty",
    "END OF TERMS AND CONDITIONS",
  ]) {
    expect(text).toContain(part);
  }
});

test("every npm task in the README exists, and every task runs through the launcher", () => {
  const { scripts } = JSON.parse(readFileSync(resolve(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  for (const [name, line] of Object.entries(scripts)) expect(line).toBe(`exec node scripts/launch.mjs ${name}`);
  const readme = readFileSync(resolve(ROOT, "README.md"), "utf8");
  const named = [...readme.matchAll(/npm (?:run )?(start|test|demo|bench|build|check|soak|release|[a-z]+)\b/g)].map(
    ([, name]) => name!,
  );
  const known = [...Object.keys(scripts), "ci", "install"];
  expect(named.filter((name) => !known.includes(name))).toEqual([]);
  for (const name of ["start", "test", "demo", "bench", "build", "check"]) expect(named).toContain(name);
});
