import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GroupId, PublicKey } from "../../../src/core/ids.ts";
import {
  isNewerNote,
  isNoteSigned,
  NOTE_BYTES_MAX,
  NOTE_BYTES_MIN,
  NOTE_KINDS,
  readNote,
  signNote,
} from "../../../src/core/record/note.ts";
import {
  decodeNoteRule,
  decodePresence,
  decodeReceipt,
  encodeNoteRule,
  encodePresence,
  encodeReceipt,
  PRESENCE_STATES,
  RECEIPT_ROWS_MAX,
  RECEIPT_STATES,
} from "../../../src/core/record/note-bodies.ts";
import { anyGroupId, anyMessageId } from "../../support/arbitraries.ts";
import { expectCode } from "../../support/expect-code.ts";
import { identity } from "../../support/identity.ts";

const ALICE = identity(2);
const GROUP = GroupId.fromBytes(new Uint8Array(32).fill(7));
const signed = (body: Uint8Array, version = 5n) =>
  signNote({ seed: ALICE.seed, kind: "receipt", groupId: GROUP, version, body });
const instant = fc.oneof(fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 2 ** 48 - 1), fc.nat());

describe("a note", () => {
  test("is read back as it was signed, and its author's signature holds", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NOTE_KINDS),
        anyGroupId,
        fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }),
        fc.uint8Array({ maxLength: 100 }),
        (kind, groupId, version, body) => {
          const note = readNote(signNote({ seed: ALICE.seed, kind, groupId, version, body }).bytes);
          expect(note).toMatchObject({ kind, groupId, version, author: PublicKey.fromBytes(ALICE.publicKey) });
          expect(note.body.toHex()).toBe(body.toHex());
          expect(isNoteSigned(note)).toBeTrue();
        },
      ),
      { numRuns: 50 },
    );
  });

  test("with any bit changed is another, or none", () => {
    const { bytes } = signed(Uint8Array.of(1, 2, 3));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const changed = bytes.slice();
        changed[at]! ^= 1 << bit;
        let isGood = false;
        try {
          isGood = isNoteSigned(readNote(changed));
        } catch {
          // No note at all.
        }
        expect(isGood).toBeFalse();
      }),
      { numRuns: 200 },
    );
  });

  test("of any bytes is read or refused in words, and costs nothing more", () => {
    const { bytes } = signed(new Uint8Array(0));
    expectCode("malformed_frame", () => readNote(new Uint8Array(0)));
    expectCode("malformed_frame", () => readNote(bytes.subarray(1)));
    expectCode("malformed_frame", () => readNote(bytes.subarray(0, NOTE_BYTES_MIN - 1)));
    expectCode("malformed_frame", () => readNote(new Uint8Array([...bytes, ...new Uint8Array(8192)])));
    for (const kind of [0, NOTE_KINDS.length + 1, 255])
      expectCode("malformed_frame", () => readNote(bytes.with(16, kind)));
    const zero = bytes.slice();
    zero.fill(0, 81, 89);
    expectCode("malformed_frame", () => readNote(zero));
    zero.fill(0xff, 81, 89);
    expectCode("malformed_frame", () => readNote(zero));
  });

  test("that nobody would take is not signed", () => {
    expectCode("invalid_argument", () => signed(new Uint8Array(0), 0n));
    expectCode("invalid_argument", () => signed(new Uint8Array(0), 2n ** 63n));
    expectCode("invalid_argument", () => signed(new Uint8Array(NOTE_BYTES_MAX.receipt)));
  });

  test("is newer by its version, then by its signature, and never than itself", () => {
    const [one, other] = [signed(Uint8Array.of(1)), signed(Uint8Array.of(2))];
    expect(isNewerNote(one, undefined)).toBeTrue();
    expect(isNewerNote(one, one)).toBeFalse();
    expect(isNewerNote(one, other)).toBe(!isNewerNote(other, one));
    expect(isNewerNote(signed(Uint8Array.of(1), 6n), other)).toBeTrue();
    expect(isNewerNote(other, signed(Uint8Array.of(1), 6n))).toBeFalse();
  });
});

describe("what notes say", () => {
  const row = fc.record({
    messageId: anyMessageId,
    state: fc.constantFrom(...RECEIPT_STATES),
    arrivedMs: instant,
    deliveredMs: instant,
    readMs: instant,
    doneMs: instant,
  });
  const rows = fc.uniqueArray(row, { maxLength: RECEIPT_ROWS_MAX, selector: ({ messageId }) => messageId });

  test("a receipt is read back as it was written, and of full size fits a note", () => {
    fc.assert(
      fc.property(fc.record({ nobodySinceMs: instant, rows }), (receipt) => {
        expect(decodeReceipt(encodeReceipt(receipt))).toEqual(receipt);
      }),
    );
    const full = Array.from({ length: RECEIPT_ROWS_MAX }, (_, n) => n.toString(16).padStart(64, "0"));
    const body = encodeReceipt({
      nobodySinceMs: 1,
      rows: full.map((messageId) => ({
        ...{ messageId: messageId as never, state: "read" },
        ...{ arrivedMs: 1, deliveredMs: 2, readMs: 3, doneMs: 4 },
      })),
    });
    expect(signed(body).bytes.length).toBe(3_808);
  });

  test("a receipt of any other bytes is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          expect(encodeReceipt(decodeReceipt(bytes)).toHex()).toBe(bytes.toHex());
        } catch (error) {
          expect(error).toMatchObject({ code: "malformed_frame" });
        }
      }),
    );
    const one = { messageId: "11".repeat(32) as never, state: "read" } as const;
    const times = { arrivedMs: 1, deliveredMs: 2, readMs: 3, doneMs: 4 };
    const body = encodeReceipt({ nobodySinceMs: 0, rows: [{ ...one, ...times }] });
    expectCode("malformed_frame", () => decodeReceipt(body.with(39, RECEIPT_STATES.length)));
    expectCode("malformed_frame", () => decodeReceipt(body.with(6, RECEIPT_ROWS_MAX + 1)));
    const twice = new Uint8Array([...body.with(6, 2), ...body.subarray(7)]);
    expectCode("malformed_frame", () => decodeReceipt(twice));
    const many = Array.from({ length: RECEIPT_ROWS_MAX + 1 }, () => ({ ...one, ...times }));
    expectCode("invalid_argument", () => encodeReceipt({ nobodySinceMs: 0, rows: many }));
    expectCode("invalid_argument", () => encodeReceipt({ nobodySinceMs: 2 ** 48, rows: [] }));
  });

  test("presence and rules too", () => {
    const host = fc.constantFrom("", "claude", "x".repeat(64), "é".repeat(32));
    const presence = fc.record({
      state: fc.constantFrom(...PRESENCE_STATES),
      sinceMs: instant,
      issuedMs: instant,
      host,
    });
    fc.assert(
      fc.property(presence, (each) => {
        expect(decodePresence(encodePresence(each))).toEqual(each);
      }),
    );
    const longest = encodePresence({ state: "listening", sinceMs: 1, issuedMs: 2, host: "x".repeat(64) });
    const note = signNote({ seed: ALICE.seed, kind: "presence", groupId: GROUP, version: 1n, body: longest });
    expect(note.bytes.length).toBeLessThanOrEqual(NOTE_BYTES_MAX.presence);
    expectCode("invalid_argument", () =>
      encodePresence({ state: "away", sinceMs: 1, issuedMs: 2, host: "x".repeat(65) }),
    );
    for (const bad of [longest.subarray(1), longest.with(0, 3), longest.with(13, 63), new Uint8Array(0)]) {
      expectCode("malformed_frame", () => decodePresence(bad));
    }
    for (const rule of [true, false].flatMap((receipts) => [true, false].map((p) => ({ receipts, presence: p })))) {
      expect(decodeNoteRule(encodeNoteRule(rule))).toEqual(rule);
    }
    for (const bad of [Uint8Array.of(4), Uint8Array.of(1, 1), new Uint8Array(0)]) {
      expectCode("malformed_frame", () => decodeNoteRule(bad));
    }
  });
});
