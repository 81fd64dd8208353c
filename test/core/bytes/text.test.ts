import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { trimSpace } from "../../../src/core/bytes/text.ts";
import { indentJson } from "../../../src/core/json/json-indent.ts";

describe("text", () => {
  test("is trimmed of Unicode white space, which has U+0085 and not U+FEFF", () => {
    expect(trimSpace("\u0085\u00a0\t a b \u2029\u3000\r\n")).toBe("a b");
    expect(trimSpace("\ufeffa\u200b")).toBe("\ufeffa\u200b");
    expect(trimSpace(" \n")).toBe("");
  });

  test("is trimmed in time linear in its length", () => {
    const text = `${" ".repeat(2_000_000)}x${" ".repeat(2_000_000)}`;
    expect(trimSpace(text)).toBe("x");
    expect(trimSpace(`a${" ".repeat(2_000_000)}a`).length).toBe(2_000_002);
  });
});

describe("indented JSON", () => {
  test("is what JSON.stringify indents, for any value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });
});
