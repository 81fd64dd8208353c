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
  const room = (onLost: () => void) => {
    lose.push(onLost);
    const give = () => {
      seen.given += 1;
    };
    return { moved: () => {}, [Symbol.dispose]: give };
  };
  /** Of one who has to wait for `granted` before it may begin, if that is told; `canHold`: room on its own account. */
  const making = (
    value: string,
    { granted, canHold = false }: { granted?: Promise<unknown>; canHold?: boolean } = {},
  ) => ({
    tryBegin: (onLost: () => void) => {
      if (granted !== undefined) return undefined;
      seen.begun += 1;
      return room(onLost);
    },
    begin: async (onLost: () => void) => {
      await granted;
      seen.begun += 1;
      return room(onLost);
    },
    tryHold: (onLost: () => void) => (canHold ? room(onLost) : undefined),
    *steps() {
      yield undefined;
      return value;
    },
  });
  return { answers, seen, lose, making };
}

const busy = () => Promise.reject(new EntmootError("rate_limited", "busy"));

const nothing = () => () => {};

test("what several ask for is made once, and its room given back when the last was told", async () => {
  const { answers, making, seen } = world();
  const uses = await Promise.all([1, 2, 3].map((n) => answers.use("key", making(`made by ${n}`), nothing())));
  expect(uses.map(({ value }) => value)).toEqual(["made by 1", "made by 1", "made by 1"]);
  for (const use of uses.slice(1)) use[Symbol.dispose]();
  expect([seen, answers.size]).toEqual([{ begun: 1, given: 0 }, 1]);
  uses[0]![Symbol.dispose]();
  expect([seen, answers.size]).toEqual([{ begun: 1, given: 1 }, 0]);
  await answers.use("key", making("again"), nothing());
  expect(seen.begun).toBe(2);
});

test("who cannot pay takes nobody's answer away: the next who asked makes it", async () => {
  const { answers, making } = world();
  const asked = [making("", { granted: busy() }), making("paid"), making("not needed")].map((each) =>
    answers.use("key", each, nothing()).then(({ value }) => value),
  );
  expect(await Promise.all(asked)).toEqual(["paid", "paid", "paid"]);
  await expect(answers.use("alone", making("", { granted: busy() }), nothing())).rejects.toMatchObject({
    code: "rate_limited",
  });
});

test("nobody waits for one that waits until it may begin, and its room is given back when it comes late", async () => {
  const { answers, making, seen } = world();
  const { promise: granted, resolve: grant } = Promise.withResolvers<void>();
  const slow = answers.use("key", making("slow", { granted }), nothing());
  using quick = await answers.use("key", making("quick"), nothing());
  expect([quick.value, (await slow).value]).toEqual(["quick", "quick"]);
  expect(seen).toEqual({ begun: 1, given: 0 });
  grant();
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual({ begun: 2, given: 1 });
});

test("room that goes to somebody else ends the use of who held it, and of those who cannot hold it themselves", async () => {
  const { answers, lose, making, seen } = world();
  const ended: string[] = [];
  const use = (name: string, canHold: boolean) => answers.use("key", making("x", { canHold }), () => ended.push(name));
  await use("a", true);
  await use("b", false);
  const c = await use("c", true);
  lose[0]!();
  expect(ended.toSorted()).toEqual(["a", "b"]);
  expect([answers.size, seen.given]).toEqual([1, 0]);
  c[Symbol.dispose]();
  expect([answers.size, seen.given]).toEqual([0, 1]);
});

test("who is told it last holds it, not who began", async () => {
  const { answers, making, seen } = world();
  const ended: string[] = [];
  const [first, second] = await Promise.all(
    ["a", "b"].map((name) => answers.use("key", making("x", { canHold: true }), () => ended.push(name))),
  );
  first![Symbol.dispose]();
  expect([seen.given, answers.size, ended]).toEqual([1, 1, []]);
  second![Symbol.dispose]();
  expect([seen.given, answers.size]).toEqual([2, 0]);
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
