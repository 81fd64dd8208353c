import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { Lanes } from "../../../src/node/carrier/lanes.ts";
import { SharedAnswers } from "../../../src/node/carrier/shared-answers.ts";
import { Turns } from "../../../src/node/turns.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** Answers that say how often they were begun and how often their room was given back. */
function world() {
  const answers = new SharedAnswers<string>(new Turns(new ManualClock()));
  const seen = { begun: 0, given: 0 };
  const lose: (() => void)[] = [];
  const making = (value: string, refused = false) => ({
    begin: async (onLost: () => void) => {
      seen.begun += 1;
      if (refused) throw new EntmootError("rate_limited", "busy");
      lose.push(onLost);
      const give = () => {
        seen.given += 1;
      };
      return { [Symbol.dispose]: give };
    },
    *steps() {
      yield undefined;
      return value;
    },
  });
  return { answers, seen, lose, making };
}

const nothing = () => () => {};

test("what several ask for is made once, and its room given back when the last was told", async () => {
  const { answers, making, seen } = world();
  const uses = await Promise.all([1, 2, 3].map((n) => answers.use("key", making(`made by ${n}`), nothing())));
  expect(uses.map(({ value }) => value)).toEqual(["made by 1", "made by 1", "made by 1"]);
  for (const use of uses.slice(0, 2)) use[Symbol.dispose]();
  expect([seen, answers.size]).toEqual([{ begun: 1, given: 0 }, 1]);
  uses[2]![Symbol.dispose]();
  expect([seen, answers.size]).toEqual([{ begun: 1, given: 1 }, 0]);
  await answers.use("key", making("again"), nothing());
  expect(seen.begun).toBe(2);
});

test("who cannot pay takes nobody's answer away: the next who asked makes it", async () => {
  const { answers, making } = world();
  const asked = [making("", true), making("paid"), making("not needed")].map((each) =>
    answers.use("key", each, nothing()).then(({ value }) => value),
  );
  await expect(asked[0]!).rejects.toMatchObject({ code: "rate_limited" });
  expect(await Promise.all(asked.slice(1))).toEqual(["paid", "paid"]);
});

test("room that goes to somebody else ends every use", async () => {
  const { answers, lose, making, seen } = world();
  const ended: string[] = [];
  await Promise.all(["a", "b"].map((name) => answers.use("key", making("x"), () => ended.push(name))));
  lose[0]!();
  expect(ended).toEqual(["a", "b"]);
  expect([answers.size, seen.given]).toEqual([0, 1]);
});

test("in a lane so many go at once, the others in the order they came, and past its end none", async () => {
  const lanes = new Lanes<string>({ atOnce: 1, waitingMax: 1 });
  const first = (await lanes.enter("a"))!;
  const second = lanes.enter("a");
  expect(await lanes.enter("a")).toBeUndefined();
  expect(await lanes.enter("b")).toBeDefined();
  first[Symbol.dispose]();
  (await second)![Symbol.dispose]();
  expect(await lanes.enter("a")).toBeDefined();
});
