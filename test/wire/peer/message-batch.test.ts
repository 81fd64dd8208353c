import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { answerFetchMany, type FetchManyReq } from "../../../src/wire/peer/fetch-many-frames.ts";
import { decodeFrame, encodeFrame } from "../../../src/wire/peer/frame.ts";
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX } from "../../../src/wire/peer/message-batch.ts";
import { pushFrames } from "../../../src/wire/peer/push-frame.ts";
import { refusalOf } from "../refusal.ts";

const group_id = GroupId.fromHex("22".repeat(32));
const idOf = (n: number) => MessageId.fromHex(n.toString(16).padStart(64, "0"));
const request = (count: number): FetchManyReq => ({
  kind: "fetch_many_req",
  group_id,
  ids: Array.from({ length: count }, (_, i) => idOf(i)),
});

/** Sizes around every limit of a batch. */
const size = fc.oneof(
  fc.integer({ min: 1, max: 2000 }),
  fc.constantFrom(1, BATCH_BYTES_MAX - 5, BATCH_BYTES_MAX - 4, BATCH_BYTES_MAX - 3, 600_000, 400_000),
);

describe("pushes", () => {
  test("hold every message once, in order, in frames that can be sent", () => {
    fc.assert(
      fc.property(fc.array(size, { maxLength: 12 }), (sizes) => {
        const messages = sizes.map((length, i) => new Uint8Array(length).fill(i));
        const { frames, tooLarge } = pushFrames(group_id, messages);
        const fitting = messages.filter((message) => message.length <= BATCH_BYTES_MAX - 4);
        expect(tooLarge.length).toBe(messages.length - fitting.length);
        const sent = frames.flatMap((frame) => {
          const bytes = encodeFrame(frame, "entmoot/1");
          const decoded = decodeFrame(bytes[4]!, bytes.subarray(5), "entmoot/1");
          return decoded.kind === "push" ? decoded.bodies : [];
        });
        expect(sent.map((message) => [message.length, message[0]])).toEqual(fitting.map((m) => [m.length, m[0]]));
      }),
      { numRuns: 60 },
    );
  });

  test("are filled until the next message does not fit, and no further", () => {
    const half = (BATCH_BYTES_MAX - 8) / 2;
    const lengths = (...sizes: number[]) =>
      pushFrames(
        group_id,
        sizes.map((size) => new Uint8Array(size)),
      ).frames.map(({ bodies }) => bodies.length);
    expect(lengths(half, half)).toEqual([2]);
    expect(lengths(half, half + 1)).toEqual([1, 1]);
  });

  test("of tiny messages are cut at 1,024", () => {
    const tiny = Array.from({ length: 2 * BATCH_MESSAGES_MAX + 1 }, () => Uint8Array.of(1));
    expect(pushFrames(group_id, tiny).frames.map(({ bodies }) => bodies.length)).toEqual([1024, 1024, 1]);
    expect(refusalOf(() => encodeFrame({ kind: "push", group_id, bodies: tiny }, "entmoot/1"))).toBe(
      "invalid_argument",
    );
    const raw = new Uint8Array(32 + 1025 * 5);
    for (let i = 0; i < 1025; i++) raw.set([0, 0, 0, 1, 0x7b], 32 + i * 5);
    expect(refusalOf(() => decodeFrame(0x83, raw, "entmoot/1"))).toBe("malformed_frame");
    expect(refusalOf(() => decodeFrame(0x83, raw.subarray(0, 32 + 1024 * 5), "entmoot/1"))).toBeUndefined();
  });

  test("with an empty message, none, or one that ends past the body are refused", () => {
    const body = (...rest: number[]) => Uint8Array.of(...new Uint8Array(32), ...rest);
    for (const bad of [body(), body(0, 0, 0, 0), body(0, 0, 0, 2, 1), body(255, 255, 255, 255, 1), body(0, 0)]) {
      expect(refusalOf(() => decodeFrame(0x83, bad, "entmoot/1"))).toBe("malformed_frame");
    }
  });
});

describe("the answer to a fetch of many", () => {
  test("brings an asker that asks again everything there is, and ends", () => {
    fc.assert(
      fc.property(fc.array(fc.option(size, { nil: undefined }), { minLength: 1, maxLength: 16 }), (sizes) => {
        const held = new Map(sizes.flatMap((length, i) => (length === undefined ? [] : [[idOf(i), length] as const])));
        let wanted = [...request(sizes.length).ids];
        const got: MessageId[] = [];
        const alone: MessageId[] = [];
        for (let round = 0; wanted.length > 0; round++) {
          expect(round).toBeLessThan(sizes.length + 1);
          const answer = answerFetchMany({ kind: "fetch_many_req", group_id, ids: wanted }, (id) => {
            const length = held.get(id);
            return length === undefined ? undefined : new Uint8Array(length);
          });
          const bytes = encodeFrame(answer, "entmoot/1");
          const decoded = decodeFrame(bytes[4]!, bytes.subarray(5), "entmoot/1");
          if (decoded.kind !== "fetch_many_resp") throw new Error("another frame");
          expect(decoded.outcomes.length).toBe(wanted.length);
          const of = (outcome: string) => wanted.filter((_, i) => decoded.outcomes[i] === outcome);
          expect(decoded.bodies.map((body) => body.length)).toEqual(of("sent").map((id) => held.get(id)!));
          expect(of("unknown").some((id) => held.has(id))).toBe(false);
          got.push(...of("sent"));
          alone.push(...of("alone"));
          wanted = of("again");
        }
        expect(alone.every((id) => held.get(id)! > BATCH_BYTES_MAX - 4)).toBe(true);
        expect([...got, ...alone].toSorted()).toEqual([...held.keys()].toSorted());
      }),
      { numRuns: 60 },
    );
  });

  test("for as many ids as can be asked fits a frame", () => {
    const asked = request(4096);
    const unknown = answerFetchMany(asked, () => undefined);
    const large = answerFetchMany(asked, () => new Uint8Array(1000));
    for (const answer of [unknown, large]) {
      expect(encodeFrame(answer, "entmoot/1").length).toBeLessThanOrEqual(4 + 1024 * 1024);
    }
    expect(large.bodies.length).toBe(1024);
    expect(encodeFrame(asked, "entmoot/1").length).toBe(5 + 32 + 4096 * 32);
    expect(refusalOf(() => encodeFrame(request(4097), "entmoot/1"))).toBe("invalid_argument");
    expect(refusalOf(() => encodeFrame(request(0), "entmoot/1"))).toBe("invalid_argument");
  });

  test("is refused when it answers nothing or says one thing and sends another", () => {
    const body = (...rest: number[]) => Uint8Array.of(...new Uint8Array(32), ...rest);
    const answers = {
      none: body(0, 0, 0, 0),
      "only ask again": body(0, 0, 0, 2, 0, 0),
      "an outcome nobody knows": body(0, 0, 0, 1, 4),
      "sent, but no message": body(0, 0, 0, 1, 1),
      "a message nobody was told of": body(0, 0, 0, 1, 2, 0, 0, 0, 1, 7),
      "more outcomes than bytes": body(0, 0, 16, 0, 2),
      "more outcomes than ids": body(255, 255, 255, 255, 2),
    };
    for (const answer of Object.values(answers)) {
      expect(refusalOf(() => decodeFrame(0x85, answer, "entmoot/1"))).toBe("malformed_frame");
    }
    expect(refusalOf(() => decodeFrame(0x85, body(0, 0, 0, 2, 2, 1, 0, 0, 0, 1, 7), "entmoot/1"))).toBeUndefined();
  });
});
