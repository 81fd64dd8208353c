import { expect, test } from "bun:test";
import fc from "fast-check";
import { MessageId } from "../../../src/core/ids.ts";
import { POLICY_PRESETS, type Policy } from "../../../src/core/policy/policy.ts";
import { PolicyHistory, type PolicyNote } from "../../../src/core/policy/policy-history.ts";

const { relaxed, standard } = POLICY_PRESETS;
const id = (n: number) => MessageId.fromHex(n.toString(16).padStart(64, "0"));
const note = (n: number, from: bigint, sequence: bigint, policy: Policy | undefined): PolicyNote => {
  return { id: id(n), from, sequence, policy };
};

test("before the first update the policy counts that there was, and then the one with the greatest sequence", () => {
  const history = PolicyHistory.of(standard, [
    note(1, 10n, 1n, relaxed),
    note(2, 20n, 3n, undefined),
    note(3, 30n, 2n, standard),
  ]);
  expect([9n, 10n, 19n, 20n, 30n].map((date) => history.at(date))).toEqual([
    standard,
    relaxed,
    relaxed,
    undefined,
    undefined,
  ]);
  expect(history.maxContentBytes(10n)).toBe(relaxed.max_message_bytes);
  expect(history.leastContentBytes).toBe(standard.max_message_bytes);
});

test("of equal sequences the later counts, then the greater id", () => {
  const history = PolicyHistory.of(undefined, [
    note(2, 10n, 1n, relaxed),
    note(1, 10n, 1n, standard),
    note(3, 20n, 1n, standard),
  ]);
  expect([history.at(10n), history.at(20n)]).toEqual([relaxed, standard]);
  expect(PolicyHistory.of(undefined, []).leastContentBytes).toBeUndefined();
});

test("in whatever order updates become known, the policy of each date is that of the greatest sequence up to it", () => {
  const anyNote = fc.record({ from: fc.bigInt(0n, 9n), sequence: fc.bigInt(1n, 4n), n: fc.nat({ max: 999 }) });
  fc.assert(
    fc.property(fc.uniqueArray(anyNote, { selector: ({ n }) => n, maxLength: 8 }), fc.nat(), (drawn, turn) => {
      const notes = drawn.map(({ from, n, sequence }) =>
        note(n, from, sequence, { ...standard, retention_days: BigInt(n + 1) }),
      );
      const history = PolicyHistory.of(undefined, notes);
      const turned = PolicyHistory.of(undefined, [...notes.slice(turn % 9), ...notes.slice(0, turn % 9)].reverse());
      for (let date = -1n; date < 11n; date++) {
        const known = notes.filter(({ from }) => from <= date);
        const greatest = known
          .sort((a, b) => Number(a.sequence - b.sequence || a.from - b.from) || (a.id < b.id ? -1 : 1))
          .at(-1);
        expect(history.at(date)).toBe(greatest?.policy as Policy);
        expect(turned.at(date)).toBe(greatest?.policy as Policy);
      }
    }),
  );
});
