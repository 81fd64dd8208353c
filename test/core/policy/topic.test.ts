import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compilePattern,
  isTopic,
  matchAny,
  matchTopic,
  patternFault,
  publishTopics,
  shownTopics,
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

  test("an original's tail sees what its pattern covers, and what has no topics by # only", () => {
    expect(tailSees("#", [])).toBe(true);
    expect(tailSees("+", [])).toBe(false);
    expect(tailSees("a/#", ["x", "a/b"])).toBe(true);
    expect(tailSees("#", ["a//b"])).toBe(false);
  });

  const ODD = [[], ["c++"], ["issues/#42"], ["/chat"], ["chat/"], ["a//b"], [""]];
  const RESERVED = [["_entmoot/policy/v1"], ["_entmoot"], ["_entmoot/a", "_entmoot//b"]];

  test.each([undefined, "#"])("a reader without a filter (%p) is shown every message but what is reserved", (topic) => {
    const { pattern, shows } = shownTopics({ topic });
    expect(pattern).toBeUndefined();
    for (const topics of [...ODD, ["chat"], ["_entmoot/a", "chat"], ["_entmootx"]]) expect(shows(topics)).toBe(true);
    for (const topics of RESERVED) expect(shows(topics)).toBe(false);
    const all = shownTopics({ topic, reserved: true });
    for (const topics of [...ODD, ...RESERVED]) expect(all.shows(topics)).toBe(true);
  });

  test("a reader with a filter is shown what it covers; of what is reserved, what it names or asks for", () => {
    for (const topic of ["+", "+/#", "a/#"]) {
      for (const topics of [...ODD, ...RESERVED]) expect(shownTopics({ topic }).shows(topics)).toBe(false);
    }
    expect(shownTopics({ topic: "a/#" }).shows(["x", "a/b"])).toBe(true);
    expect(shownTopics({ topic: "+/policy/+", reserved: true }).shows(["_entmoot/policy/v1"])).toBe(true);
    for (const topic of ["_entmoot/#", "_entmoot/policy/v1", "_entmoot/+/v1"]) {
      expect(shownTopics({ topic }).shows(["_entmoot/policy/v1"])).toBe(true);
    }
    for (const topic of ["", "c++", "a//b"]) expect(() => shownTopics({ topic })).toThrow("topic: ");
  });
});

test("topics are published without white space around, each once", () => {
  expect(publishTopics(["\u0085chat ", "a/b", "chat"])).toEqual(["chat", "a/b"]);
  for (const [topics, said] of [
    [[], "no topics supplied"],
    [["a", "\u3000"], "empty topic"],
    [["a/ #", " #"], "# as a whole segment"],
  ] as const) {
    expect(() => publishTopics(topics)).toThrow(said);
  }
});
