import { expect, test } from "bun:test";
import { EntmootError, textOf } from "../../src/core/errors.ts";

test("what was thrown is told by its message, by its name when it has none, and as it is when it is no error", () => {
  expect(textOf(new EntmootError("expired", "link: too late"))).toBe("link: too late");
  expect(textOf(new TypeError(""))).toBe("TypeError");
  for (const thrown of ["words", 7, undefined, null]) expect(textOf(thrown)).toBe(String(thrown));
});
