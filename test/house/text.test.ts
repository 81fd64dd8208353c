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

/** What a reader finds at the top; a program or a script left behind there would come with every clone. */
const TOP = new Set(
  `.ci .github .gitignore .npmrc CHANGELOG.md LICENSE README.md bench biome.json bunfig.toml docs install.sh
  package-lock.json package.json release.ts scripts src test tsconfig.json`.split(/\s+/),
);
/** No source and no set of vectors is as long. */
const FILE_MAX_BYTES = 2_000_000;

test("nothing stands at the top level but what belongs there, and no file is as large as a program", () => {
  const files = projectFiles().filter((path) => !/^(?:dist|node_modules)\//.test(path));
  expect(files.filter((path) => !TOP.has(path.split("/")[0]!))).toEqual([]);
  expect(files.filter((path) => statSync(resolve(ROOT, path)).size > FILE_MAX_BYTES)).toEqual([]);
});

test("install.sh is ASCII: one of the shells reads nothing else where the language is not set", () => {
  expect(readFileSync(resolve(ROOT, "install.sh"), "utf8")).toMatch(/^\p{ASCII}*$/u);
});

/** A tag without a reason, of one constant or of a group. */
const BARE_TAG =
  /(?:\/\*\*?|\/\/|^ \*) (?:Ours|Wire)(?: and ours| and the original's)?(?:, all of (?:them|these))?[.:]?(?: *\*\/|$)/m;

test("a number or name that is ours or the wire's says why it is so", () => {
  const files = projectFiles().filter((path) => /^src\/.*\.ts$/.test(path));
  expect(files.length).toBeGreaterThan(30);
  expect(files.filter((path) => BARE_TAG.test(readFileSync(resolve(ROOT, path), "utf8")))).toEqual([]);
});

/** Fewer words than this only say again what the name says. */
const REASON_WORDS_MIN = 6;

/** The tags of a source whose words are too few for a reason. */
function restatements(source: string): string[] {
  return [...source.matchAll(/(?:\/\*\*\s+(?:\* )?(?:Ours|Wire)\. ([\s\S]*?)\*\/|^ *\/\/ (?:Ours|Wire)\. (.*)$)/gm)]
    .map(([, block, line]) => (block ?? line!).replaceAll(/^\s*\*/gm, "").trim())
    .filter((words) => words.split(/\s+/).length < REASON_WORDS_MIN);
}

test("a tag says more than the name of its constant", () => {
  const files = projectFiles().filter((path) => /^src\/.*\.ts$/.test(path));
  const found = files.flatMap((path) =>
    restatements(readFileSync(resolve(ROOT, path), "utf8")).map((words) => `${path}: ${words}`),
  );
  expect(found).toEqual([]);
  expect(restatements("/** Ours. Moots of one node. */")).toEqual(["Moots of one node."]);
  expect(restatements("/**\n * Wire. When nobody\n * says.\n */")).toHaveLength(1);
  expect(restatements("  // Ours. Characters.")).toEqual(["Characters."]);
  expect(restatements("/** Ours. Ids read at a time: 128 KiB of them. */")).toEqual([]);
});

/** A bound at the outermost level of a file; what a type of number can hold is nobody's choice. */
const BOUND = /^(?:export )?const ([A-Z0-9_]+_(?:MAX|MIN|BYTES)) = (?!.*(?:2n \*\*|0xffff|65_535))[-\d]/;

/** Bounds of a source that say neither in their docstring nor for the whole file whose they are. */
function untagged(source: string): string[] {
  if (/^\/\/ (?:Ours|Wire), all of these/m.test(source)) return [];
  const lines = source.split("\n");
  return lines.flatMap((line, index) => {
    const name = BOUND.exec(line)?.[1];
    if (name === undefined) return [];
    const above = lines.slice(0, index);
    // Constants in a row share what stands above the first.
    while (/^(?:export )?const /.test(above.at(-1) ?? "")) above.pop();
    const from = above.findLastIndex((each) => /^(?:\/\*\*|\/\/)/.test(each));
    const isDocumented = /^(?:\/\/|.*\*\/$)/.test(above.at(-1) ?? "");
    return isDocumented && /\b(?:Ours|Wire)\b/.test(above.slice(from).join("\n")) ? [] : [name];
  });
}

test("a bound says whether it is ours or the wire's", () => {
  const files = projectFiles().filter((path) => /^src\/.*\.ts$/.test(path));
  const found = files.flatMap((path) =>
    untagged(readFileSync(resolve(ROOT, path), "utf8")).map((name) => `${path}: ${name}`),
  );
  expect(found).toEqual([]);
  expect(untagged("const LINK_BYTES_MAX = 4096;")).toEqual(["LINK_BYTES_MAX"]);
  expect(untagged("/** Ours. So. */\nconst A = 1;\n\nconst PROGRAM_MAX = 4;")).toEqual(["PROGRAM_MAX"]);
  expect(untagged("/** Longer. */\nconst A_MAX = 1;\nconst B_MAX = 2;")).toEqual(["A_MAX", "B_MAX"]);
  expect(untagged("/** Ours. So. */\nexport const A_MAX = 1;\nconst B_MAX = 2;")).toEqual([]);
  expect(untagged("const UINT64_MAX = 2n ** 64n - 1n;")).toEqual([]);
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
