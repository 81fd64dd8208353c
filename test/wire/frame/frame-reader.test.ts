import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { FRAME_LENGTH_MAX, PROTOCOL_LIMITS, peerLimits } from "../../../src/wire/frame/frame-limits.ts";
import { FrameReader, type RawFrame } from "../../../src/wire/frame/frame-reader.ts";
import { FRAME_TYPE } from "../../../src/wire/frame/frame-types.ts";
import { writeFrame } from "../../../src/wire/frame/frame-writer.ts";
import { encodeFrame, type Frame } from "../../../src/wire/peer/frame.ts";
import { anyFrame } from "../generators.ts";
import { largestAllocation } from "../largest-allocation.ts";
import { refusalOf } from "../refusal.ts";

const LIMITS = peerLimits("entmoot/1");

/** Everything a reader gives for `pieces`, asked after each one, with bodies copied. */
function readAll(pieces: readonly Uint8Array[], limits = LIMITS) {
  const reader = new FrameReader(limits);
  const frames: RawFrame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let raw = reader.next(); raw !== undefined; raw = reader.next()) {
      frames.push({ type: raw.type, body: Uint8Array.from(raw.body) });
    }
  }
  return { frames, end: reader.end() };
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
  return places.slice(1).map((place, i) => stream.subarray(places[i], place));
}

const head = (length: number, type: number) => {
  const bytes = new Uint8Array(5);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[4] = type;
  return bytes;
};

const streamOf = (frames: readonly Frame[]) => Buffer.concat(frames.map((frame) => encodeFrame(frame, "entmoot/1")));

describe("a frame reader", () => {
  test("gives the same frames however the stream is cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 30 }), (frames, cuts) => {
        const stream = streamOf(frames);
        const whole = readAll([stream]);
        expect(
          whole.frames.map(({ type, body }) => Buffer.from(writeFrame(type, [body], LIMITS)).toString("hex")).join(""),
        ).toBe(stream.toString("hex"));
        expect(whole.end).toBe("clean");
        expect(readAll(split(stream, cuts))).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  test("gives the same frames byte by byte", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const stream = streamOf([frame]);
        expect(readAll(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(readAll([stream]));
      }),
      { numRuns: 50 },
    );
  });

  test("gives frames pushed before it was asked", () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 9 }), (frames, cuts) => {
        const stream = streamOf(frames);
        const reader = new FrameReader(LIMITS);
        for (const piece of split(stream, cuts)) reader.push(piece);
        const read: RawFrame[] = [];
        for (let raw = reader.next(); raw !== undefined; raw = reader.next()) read.push(raw);
        expect(read.length).toBe(frames.length);
        expect(reader.end()).toBe("clean");
      }),
      { numRuns: 50 },
    );
  });

  test("tells a stream that ends inside a frame from one that ends between two", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const stream = streamOf([frame]);
        for (let end = 1; end < Math.min(stream.length, 300); end++) {
          expect(readAll([stream.subarray(0, end)])).toEqual({ frames: [], end: "truncated" });
        }
        expect(readAll([]).end).toBe("clean");
      }),
      { numRuns: 40 },
    );
  });

  test("tells that bytes it was not yet asked about are left over", () => {
    const reader = new FrameReader(LIMITS);
    reader.push(writeFrame(FRAME_TYPE.prune, [new Uint8Array(3)], LIMITS));
    expect(reader.end()).toBe("truncated");
    expect(reader.next()).toBeDefined();
    expect(reader.end()).toBe("clean");
  });

  test("takes what the writer lets through, to the byte", () => {
    for (const [limits, type] of [
      [peerLimits("pilot"), FRAME_TYPE.prune],
      [PROTOCOL_LIMITS, FRAME_TYPE.fetch_resp],
    ] as const) {
      const largest = new Uint8Array(limits(type) - 1);
      expect(readAll([writeFrame(type, [largest], limits)], limits).frames[0]!.body.length).toBe(largest.length);
      expect(refusalOf(() => writeFrame(type, [largest, Uint8Array.of(0)], limits))).toBe("frame_too_large");
    }
  });

  test("refuses a frame over its type's limit as soon as the type is known", () => {
    for (const dialect of ["pilot", "entmoot/1"] as const) {
      const limits = peerLimits(dialect);
      for (let type = 0; type < 256; type++) {
        const limit = limits(type);
        const reader = new FrameReader(limits);
        reader.push(head(limit + 1, type));
        expect(refusalOf(() => reader.next())).toBe("frame_too_large");
        const fits = new FrameReader(limits);
        fits.push(head(limit, type));
        expect(fits.next()).toBeUndefined();
      }
    }
  });

  test("refuses a length past 16 MiB before it has seen the type", () => {
    const reader = new FrameReader(PROTOCOL_LIMITS);
    reader.push(head(FRAME_LENGTH_MAX + 1, 0).subarray(0, 4));
    expect(refusalOf(() => reader.next())).toBe("frame_too_large");
  });

  test("has no next frame after a refusal", () => {
    const reader = new FrameReader(LIMITS);
    reader.push(Uint8Array.of(0, 0, 0, 0));
    expect(refusalOf(() => reader.next())).toBe("malformed_frame");
    reader.push(writeFrame(FRAME_TYPE.prune, [new Uint8Array(1)], LIMITS));
    expect(refusalOf(() => reader.next())).toBe("malformed_frame");
    expect(reader.end()).toBe("truncated");
  });

  test("makes room for what came, not for what a length promises", () => {
    const largest = largestAllocation(() => {
      const reader = new FrameReader(LIMITS);
      reader.push(Uint8Array.of(...head(FRAME_LENGTH_MAX, FRAME_TYPE.fetch_resp), 0x7b));
      expect(reader.next()).toBeUndefined();
      for (let i = 0; i < 10; i++) {
        reader.push(new Uint8Array(1000));
        expect(reader.next()).toBeUndefined();
      }
      expect(reader.end()).toBe("truncated");
    });
    expect(largest).toBeGreaterThanOrEqual(10_001);
    expect(largest).toBeLessThanOrEqual(2 * 10_001);
  });

  test("reads any bytes without anything but a frame or a refusal", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (pieces) => {
        const refusal = refusalOf(() => readAll(pieces));
        expect([undefined, "malformed_frame", "frame_too_large"]).toContain(refusal);
      }),
      { numRuns: 2000 },
    );
  });

  test("does not copy a body that came in one piece", () => {
    const stream = writeFrame(FRAME_TYPE.prune, [new Uint8Array(100).fill(7)], LIMITS);
    const reader = new FrameReader(LIMITS);
    reader.push(stream);
    expect(reader.next()!.body.buffer).toBe(stream.buffer);
  });
});
