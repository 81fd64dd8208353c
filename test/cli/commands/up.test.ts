import { expect, test } from "bun:test";
import { chosenMoot } from "../../../src/cli/commands/up.ts";

const moot = (name: string, founder: boolean, at: number) => ({ name, founder, at });

test.each([
  ["the one that is called so", "b", [moot("a", true, 0), moot("b", false, 1)], 1],
  ["our own when another is called the same by its issuer", "a", [moot("a", false, 0), moot("a", true, 1)], 1],
  ["our own when none is called so", "c", [moot("a", false, 0), moot("b", true, 1)], 1],
  ["our own when no name was given", undefined, [moot("", false, 0), moot("b", true, 1)], 1],
  ["the first when none is our own", undefined, [moot("a", false, 0), moot("b", false, 1)], 0],
])("of several moots %s is shown", (_said, name, groups, at) => {
  expect(chosenMoot(groups, name)?.at).toBe(at);
});

test("where there is no moot, none is shown", () => expect(chosenMoot([], "a")).toBeUndefined());
