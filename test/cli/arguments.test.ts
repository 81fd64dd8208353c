import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseGroupId, parseNodeId, parsePublicKey } from "../../src/cli/line/group-argument.ts";
import { parseTimeBound } from "../../src/cli/line/time-bound.ts";
import { parseTopics } from "../../src/cli/line/topic-argument.ts";
import { parseValidFor } from "../../src/cli/line/valid-for.ts";
import { unixMs } from "../../src/core/clock.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { messageLine } from "../../src/view/message-line.ts";
import { terminalText } from "../../src/view/terminal-text.ts";
import { anyBytes, anyI64 } from "../support/arbitraries.ts";
import { expectCode } from "../support/expect-code.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe("a group id", () => {
  test("is read in either alphabet, padded or not, with blanks around it", () => {
    fc.assert(
      fc.property(bytes32, fc.boolean(), fc.boolean(), fc.boolean(), (bytes, urlSafe, bare, blanks) => {
        const alphabet = urlSafe ? "base64url" : "base64";
        const text = bytes.toBase64({ alphabet, omitPadding: bare });
        expect(parseGroupId("query", blanks ? ` ${text}\n` : text)).toBe(GroupId.fromBytes(bytes));
      }),
    );
  });

  test.each([
    ["", "query: empty group id; give an id or a name, or leave -group out where there is one moot"],
    ["   ", "query: empty group id; give an id or a name, or leave -group out where there is one moot"],
    ["AAAA", "query: group id: expected 32 bytes, got 3"],
    ["AAAAA", "query: group id: illegal base64 data at input byte 5"],
    ["AA*A", "query: group id: illegal base64 data at input byte 2"],
    ["A=AA", "query: group id: illegal base64 data at input byte 1"],
  ])("%j is refused", (text, message) => {
    expect(expectCode("invalid_argument", () => parseGroupId("query", text)).message).toBe(message);
  });

  test("of random text is an id or a refusal, never a crash", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseGroupId("query", text);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid_argument" });
        }
      }),
    );
  });
});

test("a key is named in its errors", () => {
  expect(expectCode("invalid_argument", () => parsePublicKey("roster add", "")).message).toBe(
    "roster add: -pubkey is required",
  );
  expect(expectCode("invalid_argument", () => parsePublicKey("roster add", "AAAA")).message).toBe(
    'roster add: -pubkey: expected a key, 32 bytes in base64 or hex, as "entmootd info" of that node shows it, found "AAAA"',
  );
});

test("a node id is a decimal of 32 bits", () => {
  expect(parseNodeId("x", "4294967295")).toBe(4294967295);
  expect(parseNodeId("x", " 0 ")).toBe(0);
  for (const bad of ["", "-1", "4294967296", "0x10", "1e3", "99999999999"]) {
    expectCode("invalid_argument", () => parseNodeId("x", bad));
  }
});

describe("how long something is valid", () => {
  test.each([
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["90m", 5_400_000],
    ["1h30m", 5_400_000],
  ])("%s", (text, ms) => {
    expect(parseValidFor("-valid-for", text)).toBe(ms);
  });

  test.each(["0", "0d", "-1h", "1d12h", "d", "", "24", "99999999d", "1.5d"])("%j is refused", (text) => {
    expectCode("invalid_argument", () => parseValidFor("-valid-for", text));
  });
});

describe("a bound in time", () => {
  const now = unixMs(Date.UTC(2024, 3, 17, 16, 30));
  /** The first moment of a day where this runs. */
  const day = (month: number, date: number) => BigInt(new Date(2024, month - 1, date).getTime());

  test.each([
    ["1713369600000", 1_713_369_600_000n],
    ["-5", -5n],
    ["0", 0n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["2024-04-17T16:00:00Z", 1_713_369_600_000n],
    ["2024-04-17T18:00:00+02:00", 1_713_369_600_000n],
    ["2024-04-17T16:00:00.123456789Z", 1_713_369_600_123n],
    ["now", BigInt(now)],
    ["30m", 1_713_369_600_000n],
    ["30m ago", 1_713_369_600_000n],
    ["0.5h", 1_713_369_600_000n],
    ["1d12h", BigInt(now - 36 * 3_600_000)],
    ["2w", BigInt(now - 14 * 86_400_000)],
    ["1500ms", BigInt(now - 1500)],
    ["today", day(4, 17)],
    [" Yesterday ", day(4, 16)],
    ["tomorrow", day(4, 18)],
    ["2024-02-29", day(2, 29)],
  ])("%s", (text, ms) => {
    expect(parseTimeBound("query: -since", text, now)).toBe(ms);
  });

  test("of a year before 100 is of that year", () => {
    expect(new Date(Number(parseTimeBound("x", "0024-04-17", now))).getFullYear()).toBe(24);
  });

  test.each([
    "",
    "2024-02-30",
    "2024-13-01",
    "2024-4-1",
    "2024-04-17 16:00:00Z",
    "2024-13-17T16:00:00Z",
    "2024-02-30T16:00:00Z",
    "2023-02-29T16:00:00Z",
    "2024-04-17T24:00:00Z",
    "9223372036854775808",
    "1.5",
    "2 h",
    "-2h",
    "h",
    "2y",
    "9999999999h",
  ])("%j is refused", (text) => {
    expect(expectCode("invalid_argument", () => parseTimeBound("query: -since", text, now)).message).toStartWith(
      `query: -since: expected a time such as 2h, today, yesterday, tomorrow, 2026-11-30 or 2026-11-30T12:23:05Z, found ${JSON.stringify(text)}`,
    );
  });

  test.each([
    ["3 days ago", "3d"],
    ["last week", "7d"],
    ["an hour ago", "1h"],
    ["2 h", "2h"],
    ["last 2 weeks", "14d"],
  ])("%j is answered with %j", (text, meant) => {
    const { message } = expectCode("invalid_argument", () => parseTimeBound("query: -since", text, now));
    expect(message).toEndWith(`; did you mean ${meant}?`);
    expect(parseTimeBound("query: -since", meant, now)).toBeLessThan(now);
  });
});

test("topics are split at commas, trimmed, and at least one", () => {
  expect(parseTopics("publish", " a, b/c ,,")).toEqual(["a", "b/c"]);
  expect(expectCode("invalid_argument", () => parseTopics("publish", "")).message).toBe("publish: -topic is required");
  expect(expectCode("invalid_argument", () => parseTopics("publish", " ,")).message).toBe(
    "publish: -topic had no valid entries",
  );
});

describe("a message line", () => {
  const message = {
    id: MessageId.zero,
    group_id: GroupId.zero,
    author: { pilot_node_id: 4294967295, entmoot_pubkey: new Uint8Array(32).fill(7) },
    timestamp: 1n,
    topics: [],
    parents: [],
    content: new Uint8Array(0),
    references: [],
    signature: new Uint8Array(0),
  };
  const row = { group_id: GroupId.zero, seq: 3, place: "here", message, apart: undefined, arrived_ms: undefined };

  test("has its keys ascending and an empty list for no topics", () => {
    const line = messageLine(row);
    expect(Object.keys(line)).toEqual([
      "author",
      "author_pubkey",
      "content",
      "group_id",
      "message_id",
      "place",
      "seq",
      "timestamp_ms",
      "topic",
    ]);
    const author_pubkey = new Uint8Array(32).fill(7).toBase64();
    expect(line).toMatchObject({ author: 4294967295, author_pubkey, content: "", place: "here", seq: 3, topic: [] });
  });

  test("has neither place nor seq where the daemon names none", () => {
    const keys = ["author", "author_pubkey", "content", "group_id", "message_id", "timestamp_ms", "topic"];
    expect(Object.keys(messageLine({ ...row, place: "", seq: 0 }))).toEqual(keys);
    expect(Object.keys(messageLine({ ...row, place: "", seq: 0, apart: "removed" }))).toEqual(["apart", ...keys]);
  });

  test("loses no byte of content and no digit of time", () => {
    fc.assert(
      fc.property(anyBytes, anyI64, (content, timestamp) => {
        const json = JSON.stringify(messageLine({ ...row, message: { ...message, content, timestamp } }));
        expect(json).toContain(`"timestamp_ms":${timestamp},`);
        const line = JSON.parse(json);
        const back =
          line.content_b64 === undefined
            ? new TextEncoder().encode(line.content)
            : Uint8Array.fromBase64(line.content_b64);
        expect(back.toHex()).toBe(content.toHex());
      }),
    );
  });
});

describe("text for a terminal", () => {
  test("holds nothing that a terminal could act on, on one line", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(terminalText(text)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\u200e\u200f]/u);
      }),
    );
  });

  test("takes the teeth out of escape sequences and keeps the words", () => {
    expect(terminalText("\u001b[2J\u001b]0;owned\u0007hi\r\nthere\u009b31m")).toBe("[2J]0;ownedhi  there31m");
    expect(terminalText("caf\u00e9 😀\tok")).toBe("café 😀 ok");
  });

  test("is cut, before anything else is done to it", () => {
    const text = terminalText("x".repeat(10_000_000), 10);
    expect(text).toBe(`${"x".repeat(10)}…`);
    expect(terminalText(`${"a".repeat(9)}😀`, 10).isWellFormed()).toBe(true);
  });
});
