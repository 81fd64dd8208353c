import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pinnedHost } from "../../scripts/hosts/pinned.ts";
import { isKeeping, SEEN_HOSTS, seenMarkdown, seenVersion } from "../hosts/seen.ts";

const PAGE = join(import.meta.dir, "../../docs/hosts.md");
const MARKS = /(?<=<!-- seen -->\n)[\s\S]*(?=<!-- end of seen -->)/;

test("docs/hosts.md shows what the tests saw of each host, of the version that is pinned", () => {
  const page = readFileSync(PAGE, "utf8");
  if (isKeeping) writeFileSync(PAGE, page.replace(MARKS, seenMarkdown()));
  else expect(MARKS.exec(page)?.[0]).toBe(seenMarkdown());
  for (const host of SEEN_HOSTS) expect([host, seenVersion(host)]).toEqual([host, pinnedHost(host).version]);
});

test("every test that the tables of docs/hosts.md name is there", () => {
  const page = readFileSync(PAGE, "utf8");
  const named = [...page.matchAll(/^\|.*\| `(test\/[^`]+)`: (.+?) \|$/gm)];
  expect(named.length).toBeGreaterThan(20);
  for (const [, path, title] of named) {
    const text = readFileSync(join(import.meta.dir, "../..", `${path}.test.ts`), "utf8");
    expect({ path, title, isThere: text.includes(title!) }).toMatchObject({ isThere: true });
  }
});
