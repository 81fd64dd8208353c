import { expect, test } from "bun:test";
import { forDataRoot } from "../../../src/cli/line/hints.ts";

test("a suggested command is one for the data root that was named", () => {
  const text = 'no daemon; start one with "entmootd serve", or look with "entmootd info -json"';
  expect(forDataRoot(text, undefined)).toBe(text);
  expect(forDataRoot(text, "/srv/a")).toBe(
    'no daemon; start one with "entmootd -data /srv/a serve", or look with "entmootd -data /srv/a info -json"',
  );
  expect(forDataRoot('end it with "entmootd stop"', "/srv/two $& words")).toBe(
    "end it with \"entmootd -data '/srv/two $& words' stop\"",
  );
});
