import { expect, test } from "bun:test";
import { runnableHints } from "../../../src/cli/line/hints.ts";

test("a suggested command is one for the data root that was named", () => {
  const text = 'no daemon; start one with "entmootd serve", or look with "entmootd info -json"';
  expect(runnableHints(text, "entmootd", undefined)).toBe(text);
  expect(runnableHints(text, "entmootd", "/srv/a")).toBe(
    'no daemon; start one with "entmootd -data /srv/a serve", or look with "entmootd -data /srv/a info -json"',
  );
  expect(runnableHints('end it with "entmootd stop"', "entmootd", "/srv/two $& words")).toBe(
    "end it with \"entmootd -data '/srv/two $& words' stop\"",
  );
});

test("and names the program as it is called here", () => {
  const text = 'start one with "entmootd serve"; "entmootd -help" tells more; entmootd: not a command';
  expect(runnableHints(text, "./dist/entmootd", undefined)).toBe(
    'start one with "./dist/entmootd serve"; "./dist/entmootd -help" tells more; entmootd: not a command',
  );
});
