import { describe, expect, test } from "bun:test";
import { statusWords, type ToldState } from "../../../src/cli/attach/status-words.ts";

const AWAKE: ToldState = {
  shown: "oak (Claude Code in /p)",
  start: "start Claude Code there",
  daemon: true,
  moot: "member",
  listeners: [{ can_wake: true }],
  rules: [],
  waiting: [],
};

describe("why an agent is not woken", () => {
  test("of one that is woken nothing is said", () => {
    expect(statusWords(AWAKE)).toEqual([]);
    expect(statusWords({ ...AWAKE, waiting: [{}] })).toEqual([]);
  });

  test.each([
    [{ daemon: false }, ["its daemon does not run"]],
    [{ listeners: [], waiting: [{}, {}] }, ["nobody listens, and 2 messages wait; start Claude Code there"]],
    [{ listeners: [{ can_wake: false }], waiting: [{}] }, ["takes no messages at the moment, and 1 message waits"]],
    [{ rules: [{ deliver: "none" }, { deliver: "all" }] }, ["in one moot nothing wakes it by its own rule"]],
    [
      { waiting: [{ held: "hops" }, { held: "quiet" }, { held: "hops" }] },
      ["2 are held back (hops)", "1 is held back (quiet)"],
    ],
    [{ moot: "not here", listeners: [] }, ["it is not here", "nobody listens; start"]],
  ] as const)("%j", (change, expected) => {
    const found = statusWords({ ...AWAKE, ...change });
    expect(found).toEqual(expected.map((words) => expect.stringContaining(words)));
    for (const words of found) expect(words).toStartWith("oak (Claude Code in /p): ");
  });
});
