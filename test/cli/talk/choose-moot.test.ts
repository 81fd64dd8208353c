import { expect, test } from "bun:test";
import { chosenMoot } from "../../../src/cli/talk/choose-moot.ts";
import { GroupId } from "../../../src/core/ids.ts";

const id = (at: number) => GroupId.fromBytes(new Uint8Array(32).fill(at));
const moot = (name: string, founder: boolean, at: number) => ({ name, founder, at, group_id: id(at) });

test.each([
  ["the one that is called so", { name: "b" }, [moot("a", true, 0), moot("b", false, 1)], 1],
  ["our own when another is called the same", { name: "a" }, [moot("a", false, 0), moot("a", true, 1)], 1],
  ["the one used last when no name was given", { last: 2 }, [moot("", true, 1), moot("b", false, 2)], 2],
  ["the one called so, whichever was used last", { name: "b", last: 1 }, [moot("", true, 1), moot("b", false, 2)], 2],
  ["that of the latest message when nobody knows", { latest: id(2) }, [moot("", true, 1), moot("b", false, 2)], 2],
  ["our own when there are no messages either", {}, [moot("", false, 0), moot("b", true, 1)], 1],
  ["one of them in any case", {}, [moot("a", false, 0), moot("b", false, 1)], 0],
] as const)("of several moots %s is opened", (_said, asked: Asked, moots, at) => {
  const { last, ...rest } = asked;
  const usedLast = moots.find((one) => one.at === last);
  expect(chosenMoot(moots, { ...rest, usedLast })?.at).toBe(at);
});

interface Asked {
  readonly name?: string;
  readonly last?: number;
  readonly latest?: GroupId;
}

test("no other is opened in place of the one that was named", () => {
  const moots = [moot("", true, 1), moot("b", true, 2)];
  expect(chosenMoot(moots, { name: "c", usedLast: moots[1], latest: id(1) })).toBeUndefined();
});

test("where there is no moot, none is opened", () => expect(chosenMoot([], { name: "a" })).toBeUndefined());
