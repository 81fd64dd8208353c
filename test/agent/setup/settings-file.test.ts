import { expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { setInFile } from "../../../src/agent/setup/settings-file.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const ENTRY = {
  command: "/usr/bin/entmootd",
  args: ["mcp", '-x "y"'],
  env: { A_B: "c\\d" },
  enabled: true,
  timeout: 3,
};

/** What stands in a file of `text` with our entry in it, and once that is taken away again. */
function changed(format: "json" | "toml" | "yaml", parent: string, text: string): { with: string; without: string } {
  using folder = new TemporaryDirectory();
  const path = join(folder.path, "settings");
  writeFileSync(path, text, { mode: 0o640 });
  setInFile(path, format, [parent, "entmoot"], ENTRY);
  const added = readFileSync(path, "utf8");
  // The same again changes nothing.
  setInFile(path, format, [parent, "entmoot"], ENTRY);
  expect(readFileSync(path, "utf8")).toBe(added);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  setInFile(path, format, [parent, "entmoot"], undefined);
  return { with: added, without: readFileSync(path, "utf8") };
}

const JSON_TEXTS: readonly (readonly [text: string, without: string])[] = [
  ['{\n    // mine\n    "theme": "dark", /* and */\n    "mcp": {"other": {"command": ["x"]}}\n}\n', ""],
  ['{"mcp":{"other":1,},}', ""],
  ['\uFEFF{ "a": "}{\\"//", "mcp": { } }', ""],
  ["{}", '{"mcp": {}}'],
  ["", '{"mcp": {}}'],
  ['{\n\t"mcp": {\n\t\t"entmoot": 7,\n\t\t"z": 1\n\t}\n}', '{"mcp": {"z": 1}}'],
];

test.each(JSON_TEXTS)("JSON: an entry goes in and out of %j, and all else stays as it was written", (text, without) => {
  const found = changed("json", "mcp", text);
  const read = (each: string) => Bun.JSONC.parse(each.replace("\uFEFF", "")) as { mcp: Record<string, unknown> };
  expect(read(found.with).mcp.entmoot).toEqual(ENTRY);
  if (without === "") expect(found.without.replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
  else expect(read(found.without)).toEqual(read(without));
});

test("JSON: any object keeps what else is in it", () => {
  using folder = new TemporaryDirectory();
  const path = join(folder.path, "settings");
  const key = fc.oneof(fc.string(), fc.constantFrom("mcp", "a", "//")).filter((each) => each !== "__proto__");
  const others = fc.dictionary(
    key.filter((each) => each !== "entmoot"),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const whole = fc.dictionary(
    key.filter((each) => each !== "mcp"),
    fc.jsonValue({ maxDepth: 3 }),
  );
  fc.assert(
    fc.property(whole, others, fc.constantFrom(undefined, 2, "\t"), (outer, inner, indent) => {
      const text = JSON.stringify({ ...outer, mcp: inner }, undefined, indent);
      // As it is written: without negative zeros.
      const before = JSON.parse(text);
      writeFileSync(path, text);
      setInFile(path, "json", ["mcp", "entmoot"], ENTRY);
      const entered = { ...before, mcp: { ...before.mcp, entmoot: ENTRY } };
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(entered);
      setInFile(path, "json", ["mcp", "entmoot"], undefined);
      expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(before);
    }),
  );
});

test("TOML: our table goes in and out, with what its user added to it; all else stays", () => {
  const text = '# mine\nmodel = "m"\n\n[mcp_servers.other]\ncommand = "x"\n\n# of this folder\n[tui]\nx = 1\n';
  const found = changed("toml", "mcp_servers", text);
  expect(found.with).toStartWith(text);
  expect(Bun.TOML.parse(found.with)).toMatchObject({ mcp_servers: { entmoot: ENTRY, other: { command: "x" } } });
  expect(found.without).toBe(text);
  expect(changed("toml", "mcp_servers", "").without).toBe("");

  using folder = new TemporaryDirectory();
  const path = join(folder.path, "config.toml");
  setInFile(path, "toml", ["mcp_servers", "entmoot"], ENTRY);
  const allowed = '[mcp_servers.entmoot.tools.entmoot_reply]\napproval_mode = "approve"\n\n[tui]\nx = 1\n';
  writeFileSync(path, readFileSync(path, "utf8") + allowed);
  setInFile(path, "toml", ["mcp_servers", "entmoot"], undefined);
  expect(Bun.TOML.parse(readFileSync(path, "utf8"))).toEqual({ tui: { x: 1 } });
});

test("YAML: our block goes in and out, wherever its key stands; all else stays", () => {
  for (const text of [
    "# mine\nGOOSE_MODEL: m\nextensions:\n    # and\n    other:\n        enabled: true\nlast: 1\n",
    "extensions:\n  other:\n    enabled: true\n",
  ]) {
    const found = changed("yaml", "extensions", text);
    expect(Bun.YAML.parse(found.with)).toMatchObject({ extensions: { entmoot: ENTRY, other: { enabled: true } } });
    expect(found.without).toBe(text);
  }
  expect(Bun.YAML.parse(changed("yaml", "extensions", "model: m\n").with)).toEqual({
    model: "m",
    extensions: { entmoot: ENTRY },
  });
});

test("a file in which it cannot be done is left alone, and the next step is told", () => {
  using folder = new TemporaryDirectory();
  const path = join(folder.path, "settings");
  for (const [format, parent, text] of [
    ["json", "mcp", "[]"],
    ["json", "mcp", '{"mcp": 7}'],
    ["json", "mcp", '{"mcp": {'],
    ["json", "mcp", "not json"],
    ["json", "mcp", '{"mcp": '.repeat(100_000)],
    ["toml", "mcp_servers", "mcp_servers = { other = 1 }\n"],
    ["toml", "mcp_servers", "a = \n"],
    ["yaml", "extensions", "extensions: {a: {}}\n"],
    ["yaml", "extensions", "- a\n"],
  ] as const) {
    writeFileSync(path, text);
    expect(() => setInFile(path, format, [parent, "entmoot"], ENTRY)).toThrow(/add the entry by hand: setup -print/);
    expect(readFileSync(path, "utf8")).toBe(text);
  }
});
