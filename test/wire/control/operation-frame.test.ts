import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EntmootError } from "../../../src/core/errors.ts";
import { decodeControlFrame, encodeControlFrame } from "../../../src/wire/control/control-frame.ts";
import { controlLimits } from "../../../src/wire/control/control-limits.ts";
import {
  decodeOperationHead,
  OPERATION_HEAD_BYTES,
  OPERATION_NAME_BYTES,
  type OperationFrame,
} from "../../../src/wire/control/operation-frame.ts";
import { CONTROL_EXTENSIONS } from "../../../src/wire/frame/extensions.ts";
import { FrameReader, type RawFrame } from "../../../src/wire/frame/frame-reader.ts";
import { controlFrameOf } from "../generators.ts";
import { largestAllocation } from "../largest-allocation.ts";

const { type } = CONTROL_EXTENSIONS.operation;
const anyOperation = controlFrameOf("operation") as fc.Arbitrary<OperationFrame>;

const CALL: OperationFrame = {
  kind: "operation",
  role: "call",
  call: 7,
  room: 9,
  operation: "publish",
  body: new Uint8Array(0),
};

/** What stands between the prefix and the JSON. */
const headOf = (frame: OperationFrame) => encodeControlFrame(frame).slice(5, 5 + OPERATION_HEAD_BYTES);

/** The head of `CALL` with other bytes in it. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const head = headOf(CALL);
  head.set(bytes, at);
  return head;
}

function refusal(head: Uint8Array): { readonly code: string; readonly message: string } {
  try {
    decodeOperationHead(head);
  } catch (error) {
    if (error instanceof EntmootError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the head of an operation frame", () => {
  test("says what was put into it, whatever stands behind it", () => {
    fc.assert(
      fc.property(anyOperation, ({ body, ...head }) => {
        const bytes = encodeControlFrame({ ...head, body }).subarray(5);
        expect(decodeOperationHead(bytes)).toEqual(head);
        expect(decodeOperationHead(bytes.subarray(0, OPERATION_HEAD_BYTES))).toEqual(head);
        expect(decodeControlFrame(type, bytes)).toEqual({ ...head, body });
      }),
    );
  });

  test("has each part at its place", () => {
    expect(headOf({ ...CALL, role: "credit", call: 0x01020304, room: 0xfffefdfc }).toHex()).toBe(
      `01060000${"01020304"}${"fffefdfc"}${"7075626c697368"}${"00".repeat(25)}`,
    );
    expect(OPERATION_HEAD_BYTES).toBe(44);
  });

  test("has a number for each role", () => {
    const roles = ["call", "answer", "event", "failure", "cancel", "credit"] as const;
    expect(roles.map((role) => headOf({ ...CALL, role })[1])).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("may hold anything in the two bytes kept for later", () => {
    const { body: _, ...head } = CALL;
    expect(decodeOperationHead(changed(2, 0xff, 0xff))).toEqual(head);
  });

  const malformed: [what: string, head: Uint8Array, expected: string, found: string][] = [
    ["nothing", new Uint8Array(0), "a head of 44 bytes", "0 bytes"],
    ["one byte too few", headOf(CALL).subarray(0, 43), "a head of 44 bytes", "43 bytes"],
    ["a later layout", changed(0, 2), "layout 1", "2; update the older program"],
    ["no layout", changed(0, 0), "layout 1", "0; update the older program"],
    ["no role", changed(1, 0), "a role from 1 to 6", "0"],
    ["a role of a later version", changed(1, 7), "a role from 1 to 6", "7"],
    ["no name", changed(12, ...new Array<number>(32).fill(0)), "the name of an operation", '""'],
    ["a name in capitals", changed(12, 0x50), "the name of an operation", '"Publish"'],
    ["a name that starts with a digit", changed(12, 0x31), "the name of an operation", '"1ublish"'],
    ["a name with a blank", changed(14, 0x20), "the name of an operation", '"pu lish"'],
    ["a name that is no UTF-8", changed(12, 0xff), "the name of an operation", '"\ufffdublish"'],
    ["something behind the end of the name", changed(43, 0x61), "the name of an operation", '"publish"'],
  ];
  test.each(malformed)("with %s is refused, saying what was expected and found", (_, head, expected, found) => {
    expect(refusal(head)).toEqual({
      code: "malformed_frame",
      message: `operation frame: expected ${expected}, found ${found}`,
    });
  });

  test("made of any bytes is read or refused", () => {
    const heads = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(fc.nat(OPERATION_HEAD_BYTES - 1), fc.nat(255)).map(([at, byte]) => changed(at, byte)),
    );
    fc.assert(
      fc.property(heads, (head) => {
        try {
          expect(decodeOperationHead(head).operation).toMatch(/^[a-z][a-z0-9_]{0,31}$/);
        } catch (error) {
          expect(error).toMatchObject({ code: "malformed_frame" });
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("is not written for what is no name", () => {
    const names = ["", "Publish", "1", "_a", "a-b", "a b", "é", "a".repeat(OPERATION_NAME_BYTES + 1), "a\u0000"];
    for (const operation of names) {
      expect(() => encodeControlFrame({ ...CALL, operation })).toThrow(`operation: no name: ${operation}`);
    }
    const longest = "z".repeat(OPERATION_NAME_BYTES);
    expect(decodeOperationHead(headOf({ ...CALL, operation: longest })).operation).toBe(longest);
  });
});

/** What a reader gives that holds each operation to `restMax` bytes behind its head. */
function read(pieces: readonly Uint8Array[], restMax: (head: Uint8Array) => number) {
  const reader = new FrameReader(controlLimits, { type, headBytes: OPERATION_HEAD_BYTES, restMax });
  const frames: RawFrame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let raw = reader.next(); raw !== undefined; raw = reader.next())
      frames.push({ ...raw, body: raw.body.slice() });
  }
  return { frames, end: reader.end() };
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  return places.slice(1).map((place, i) => stream.slice(places[i], place));
}

describe("a reader that judges operations by their head", () => {
  test("gives those that fit and only the head of those that do not, however the stream is cut", () => {
    const maxOf = ({ call }: Pick<OperationFrame, "call">) => (call % 64) - 1;
    const frames = fc.array(fc.oneof(anyOperation, controlFrameOf("publish_resp")), { maxLength: 6 });
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 30 }), (all, cuts) => {
        const stream = Buffer.concat(all.map((frame) => encodeControlFrame(frame)));
        const wanted = all.map((frame) => {
          const body = encodeControlFrame(frame).slice(5);
          if (frame.kind !== "operation" || frame.body.length <= maxOf(frame)) return body.toHex();
          return `${body.subarray(0, OPERATION_HEAD_BYTES).toHex()} and ${frame.body.length}`;
        });
        const { end, frames: found } = read(split(stream, cuts), (head) => maxOf(decodeOperationHead(head)));
        expect(
          found.map(
            ({ body, skippedBytes }) => body.toHex() + (skippedBytes === undefined ? "" : ` and ${skippedBytes}`),
          ),
        ).toEqual(wanted);
        expect(end).toBe("clean");
      }),
      { numRuns: 300 },
    );
  });

  test("looks at each head once, and before the body has come", () => {
    const seen: string[] = [];
    const bytes = encodeControlFrame({ ...CALL, body: new Uint8Array(100) });
    const { end, frames } = read(
      Array.from(bytes.subarray(0, 60), (byte) => Uint8Array.of(byte)),
      (head) => {
        seen.push(decodeOperationHead(head).operation);
        return 1000;
      },
    );
    expect([seen, frames, end]).toEqual([["publish"], [], "truncated"]);
  });

  test("does not hold what it passes over", () => {
    const size = 8 * 1024 * 1024;
    const bytes = encodeControlFrame({ ...CALL, body: new Uint8Array(size) });
    const next = encodeControlFrame({ ...CALL, call: 8 });
    const reader = new FrameReader(controlLimits, { type, headBytes: OPERATION_HEAD_BYTES, restMax: () => size - 1 });
    const largest = largestAllocation(() => {
      for (let at = 0; at < bytes.length; at += 10_000) {
        reader.push(bytes.subarray(at, at + 10_000));
        if (at + 10_000 < bytes.length) expect(reader.next()).toBeUndefined();
      }
      const skipped = reader.next()!;
      expect([skipped.body.length, skipped.skippedBytes]).toEqual([OPERATION_HEAD_BYTES, size]);
    });
    expect(largest).toBeLessThan(20_000);
    reader.push(next);
    expect(decodeControlFrame(type, reader.next()!.body)).toEqual({ ...CALL, call: 8, body: new Uint8Array(0) });
  });

  test("passes over even an empty body where none may come", () => {
    const { frames } = read([encodeControlFrame(CALL)], () => -1);
    expect(frames).toMatchObject([{ skippedBytes: 0 }]);
  });

  test("refuses a frame too short for a head as soon as its length is known", () => {
    const reader = new FrameReader(controlLimits, { type, headBytes: OPERATION_HEAD_BYTES, restMax: () => 0 });
    reader.push(Uint8Array.of(0, 0, 0, OPERATION_HEAD_BYTES, type));
    expect(() => reader.next()).toThrow("frame: expected a head of 44 bytes, found 43");
  });

  test("says that a stream which ends within a skipped frame is cut off", () => {
    const bytes = encodeControlFrame({ ...CALL, body: new Uint8Array(100) });
    expect(read([bytes.subarray(0, 100)], () => 1)).toEqual({ frames: [], end: "truncated" });
  });

  test("holds other types to nothing but their own limit", () => {
    const other = encodeControlFrame({ kind: "error", type: "error", code: "X", group_id: undefined, message: "" });
    expect(read([other], () => -1).frames).toMatchObject([{ type: other[4]! }]);
    expect(read([other], () => -1).frames[0]!.skippedBytes).toBeUndefined();
  });
});
