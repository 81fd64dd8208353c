import { expect, test } from "bun:test";
import fc from "fast-check";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { formatRosterLog, parseRosterLog } from "../../../src/core/roster/roster-file.ts";
import { identity } from "../../support/identity.ts";
import { roster } from "../../support/roster.ts";

const log = roster([identity(1), identity(2), identity(3)]);
const file = formatRosterLog(log);
const lines = new TextDecoder().decode(file).trimEnd().split("\n");
const load = (text: string) => parseRosterLog(encodeUtf8(text));

function refusal(text: string): string {
  try {
    load(text);
  } catch (error) {
    expect((error as EntmootError).code).toBe("data_root_invalid");
    return (error as EntmootError).message;
  }
  throw new Error("was taken");
}

test("a log written is the log read", () => {
  const loaded = parseRosterLog(file);
  expect(loaded.tornBytes).toBe(0);
  expect(loaded.log.entries).toEqual(log.entries);
  expect(loaded.log.members).toEqual(log.members);
});

test("a file cut anywhere loses its last line at most", () => {
  fc.assert(
    fc.property(fc.nat({ max: file.length }), (cut) => {
      const kept = file.subarray(0, cut);
      const whole = kept.filter((byte) => byte === 0x0a).length;
      const { log: loaded, tornBytes } = parseRosterLog(kept);
      expect(loaded.entries).toEqual(log.entries.slice(0, loaded.entries.length));
      // The line itself may be whole with only its line feed missing.
      expect([whole, whole + 1]).toContain(loaded.entries.length);
      expect(tornBytes > 0).toBe(cut > 0 && loaded.entries.length === whole && kept.at(-1) !== 0x0a);
    }),
  );
});

test("blank lines, CRLF and a missing last line feed are read over", () => {
  expect(load(`\n${lines.join("\r\n \n\t\n")}`).log.head).toBe(log.head);
  expect(load("").log.entries).toEqual([]);
});

test("a line that is damaged, missing, doubled, moved or foreign is named", () => {
  const [a, b, c] = lines as [string, string, string];
  expect(refusal(`${a}\nnot json\n${b}\n`)).toStartWith("roster log: line 2: roster entry: expected");
  expect(refusal(`${a.slice(1)}\n${b}\n${c}\n`)).toStartWith("roster log: line 1: ");
  expect(refusal(`${a}\n\n${c}\n`)).toBe("roster log: line 3: the parents are not exactly the entry before");
  expect(refusal(`${a}\n${b}\n${b}\n`)).toStartWith("roster log: line 3: the timestamp");
  expect(refusal(`${b}\n${a}\n`)).toStartWith("roster log: line 1: the genesis has parents");
  expect(refusal(`${a}\n${b.replace("add", "Add")}\n`)).toBe(
    "roster log: line 2: op is none of add, remove, policy_change",
  );
  expect(refusal(`${a}${b}\n${c}\n`)).toStartWith("roster log: line 1: ");
  expect(refusal(`${a}\n{}\n`)).toStartWith("roster log: line 2: ");
});

test("any flipped byte is found out or changes nothing", () => {
  fc.assert(
    fc.property(fc.nat({ max: file.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const damaged = file.slice();
      damaged[at]! ^= mask;
      try {
        const { log: loaded } = parseRosterLog(damaged);
        expect(loaded.entries.map((entry) => entry.id)).toEqual(
          log.entries.slice(0, loaded.entries.length).map((entry) => entry.id),
        );
      } catch (error) {
        expect(error).toBeInstanceOf(EntmootError);
      }
    }),
    { numRuns: 300 },
  );
});
