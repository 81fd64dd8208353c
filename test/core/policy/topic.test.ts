import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compilePattern,
  isTopic,
  matchAny,
  matchTopic,
  patternFault,
  queryFinds,
  tailSees,
  verifyPattern,
} from "../../../src/core/policy/topic.ts";

const segment = fc.string({ minLength: 1, maxLength: 4 }).filter((s) => !/[/+#]/.test(s));
const topic = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join("/"));

describe("topic patterns", () => {
  test.each([
    ["", "topic: empty pattern"],
    ["/a", "topic: empty segment in pattern"],
    ["a//b", "topic: empty segment in pattern"],
    ["a#", "topic: '#' must occupy an entire segment"],
    ["+#", "topic: '#' must occupy an entire segment"],
    ["#/a", "topic: '#' must be the final segment"],
    ["a+", "topic: '+' must occupy an entire segment"],
    ["a+/b#", "topic: '+' must occupy an entire segment"],
  ])("%j is refused with its text", (pattern, text) => {
    expect(() => verifyPattern(pattern)).toThrow(text);
    expect(matchTopic(pattern, "a")).toBe(false);
  });

  test.each([
    ["foo/#", "foo", true],
    ["foo/+/#", "foo", false],
    ["foo/+/#", "foo/x", true],
    ["#", "any/topic", true],
    ["+", "foo/bar", false],
    ["foo/+", "foo/+", false],
    ["foo//bar", "foo//bar", false],
    ["a", "A", false],
  ])("%j against %j is %p", (pattern, name, expected) => {
    expect(matchTopic(pattern, name)).toBe(expected);
  });

  test("every topic matches itself, #, and itself with any segment replaced by +", () => {
    fc.assert(
      fc.property(topic, fc.nat(), (name, at) => {
        const segments = name.split("/");
        segments[at % segments.length] = "+";
        expect(isTopic(name) && matchTopic(name, name) && matchTopic("#", name)).toBe(true);
        expect(matchTopic(segments.join("/"), name)).toBe(true);
        expect(matchTopic(`${name}/#`, name)).toBe(true);
        expect(matchTopic(`${name}/+`, name)).toBe(false);
      }),
    );
  });

  test("a compiled pattern answers as the plain one", () => {
    fc.assert(
      fc.property(fc.string(), fc.oneof(topic, fc.string()), (pattern, name) => {
        if (patternFault(pattern) === undefined) expect(compilePattern(pattern)(name)).toBe(matchTopic(pattern, name));
        else expect(() => compilePattern(pattern)).toThrow();
      }),
    );
  });

  test("a filter skips invalid patterns and matches nothing when empty", () => {
    expect(matchAny([], "a")).toBe(false);
    expect(matchAny(["#/a", "a//b", "a"], "a")).toBe(true);
  });

  test("a message without topics is seen by tail # only, and by no query", () => {
    expect(tailSees("#", [])).toBe(true);
    expect(tailSees("+", [])).toBe(false);
    expect(queryFinds("#", [])).toBe(false);
    expect(queryFinds("a/#", ["x", "a/b"])).toBe(true);
    expect(tailSees("#", ["a//b"])).toBe(false);
  });
});
