import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatNotices } from "../../scripts/release/notices.ts";

const ROOT = resolve(import.meta.dir, "../..");

test("the notices hold what the runtime and iroh's library link, whose it is, and the texts of their licences", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const notices = formatNotices({ root: ROOT, lock, packages: ["bun", "@number0/iroh", "citty"] });
  for (const text of [
    "GNU LIBRARY GENERAL PUBLIC LICENSE\n                       Version 2, June 1991",
    "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 2.1, February 1999",
    "To relink Bun with changes",
    "tinycc",
    "Apache License\n                           Version 2.0",
    "Mozilla Public License Version 2.0",
    "UNICODE LICENSE V3",
    "Community Data License Agreement - Permissive - Version 2.0",
    "\nring 0.17.14\n  Apache-2.0 AND ISC\n  https://github.com/briansmith/ring\n",
    "\nrustls 0.23.42\n",
    "## scule",
  ]) {
    expect(notices).toContain(text);
  }
});

test("a package that brings no licence text stands there with whose it is and the text of its licence", () => {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const notices = formatNotices({ root: ROOT, lock, packages: ["@xterm/headless"] });
  expect(notices).toContain("Copyright (c) 2014-2022 The xterm.js authors\n");
  expect(notices).toContain("Permission is hereby granted, free of charge");
});

test("every crate that iroh's library names is among them, with a licence and a source", () => {
  const rows = readFileSync(join(ROOT, "scripts/release/licences/iroh-crates.txt"), "utf8").split(/\n(?=\S)/);
  const known = new Map(rows.map((row) => [row.split(/[ \n]/)[0]!, row]));
  for (const row of rows) expect(row).toMatch(/^\S+( \d\S*)?\n {2}\S.*\n {2}https?:\/\/\S+/);
  const [path] = new Bun.Glob("node_modules/@number0/iroh-*/*.node").scanSync({ cwd: ROOT, followSymlinks: true });
  const library = readFileSync(join(ROOT, path!), "latin1");
  const named = new Set(library.match(/(?<=[/\\]registry[/\\]src[/\\][\w.-]+[/\\])[\w-]+?(?=-\d+\.\d)/g));
  expect(named.size).toBeGreaterThan(50);
  expect([...named].filter((crate) => !known.has(crate))).toEqual([]);
});
