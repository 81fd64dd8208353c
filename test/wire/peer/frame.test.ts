import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { PEER_EXTENSIONS } from "../../../src/wire/frame/extensions.ts";
import { peerLimits } from "../../../src/wire/frame/frame-limits.ts";
import { EXTENSION_TYPE_MIN, FRAME_TYPE } from "../../../src/wire/frame/frame-types.ts";
import { decodeFrame, encodeFrame, type Frame, frameType } from "../../../src/wire/peer/frame.ts";
import { message as aMessage, anyFrame, FRAMES, frameOf } from "../generators.ts";
import { refusalOf } from "../refusal.ts";

const KINDS = Object.keys(FRAMES) as Frame["kind"][];
const bodyOf = (frame: Frame) => encodeFrame(frame, "entmoot/1").subarray(5);
const group_id = GroupId.fromHex("11".repeat(32));

describe("a frame between peers", () => {
  for (const kind of KINDS) {
    test(`of kind ${kind} is decoded as it was encoded`, () => {
      fc.assert(
        fc.property(frameOf(kind), (frame) => {
          const bytes = encodeFrame(frame, "entmoot/1");
          expect(new DataView(bytes.buffer).getUint32(0)).toBe(bytes.length - 4);
          expect(bytes[4]).toBe(frameType(kind));
          const decoded = decodeFrame(bytes[4]!, bytes.subarray(5), "entmoot/1");
          expect(decoded).toEqual(frame);
          expect(encodeFrame(decoded as Frame, "entmoot/1")).toEqual(bytes);
        }),
        { numRuns: 40 },
      );
    });
  }

  test("cut off anywhere inside its body is refused as malformed", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const body = bodyOf(frame);
        // Binary lists of ids and messages have no count: cut between two of them they are shorter lists.
        const isCounted = !["push", "fetch_many_req", "ids_resp"].includes(frame.kind);
        for (let end = 0; end < Math.min(body.length, 400); end++) {
          const refusal = refusalOf(() => decodeFrame(frameType(frame.kind), body.subarray(0, end), "entmoot/1"));
          if (isCounted) expect(refusal).toBe("malformed_frame");
          else expect(["malformed_frame", undefined]).toContain(refusal);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("with bytes after its body is refused as malformed", () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const body = Uint8Array.of(...bodyOf(frame), 0x78);
        expect(refusalOf(() => decodeFrame(frameType(frame.kind), body, "entmoot/1"))).toBe("malformed_frame");
      }),
      { numRuns: 200 },
    );
  });

  test("made of any bytes is decoded or refused, whatever its type", () => {
    const type = fc.oneof(fc.nat(255), fc.constantFrom(...KINDS.map(frameType)));
    fc.assert(
      fc.property(type, fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (type, body) => {
        const refusal = refusalOf(() => decodeFrame(type, body, "entmoot/1"));
        expect([undefined, "malformed_frame", "unknown_frame"]).toContain(refusal);
      }),
      { numRuns: 3000 },
    );
  });

  test("without a body is malformed for every type of the original's dialect, known or not", () => {
    for (let type = 0; type < 256; type++) {
      expect(refusalOf(() => decodeFrame(type, new Uint8Array(0), "pilot"))).toBe("malformed_frame");
    }
  });

  test("of an unknown type is refused in the original's dialect, and named in ours from 0x80", () => {
    const known = new Set<number>(Object.values(FRAME_TYPE));
    const ours = new Set<number>(Object.values(PEER_EXTENSIONS).map(({ type }) => type));
    const body = new TextEncoder().encode("{}");
    for (let type = 0; type < 256; type++) {
      const pilot = refusalOf(() => decodeFrame(type, body, "pilot"));
      if (!known.has(type)) expect(pilot).toBe("unknown_frame");
      if (known.has(type) || ours.has(type)) continue;
      if (type < EXTENSION_TYPE_MIN) {
        expect(refusalOf(() => decodeFrame(type, body, "entmoot/1"))).toBe("unknown_frame");
      } else {
        expect(decodeFrame(type, body, "entmoot/1")).toEqual({ kind: "unknown_extension", type });
        expect(decodeFrame(type, new Uint8Array(0), "entmoot/1")).toEqual({ kind: "unknown_extension", type });
      }
    }
  });

  test("of ours that lacks what it cannot do without is refused", () => {
    for (const { type } of Object.values(PEER_EXTENSIONS)) {
      for (const text of ["{}", "null", "[]", '{"group_id":null}']) {
        const body = new TextEncoder().encode(text);
        expect(refusalOf(() => decodeFrame(type, body, "entmoot/1"))).toBe("malformed_frame");
      }
    }
  });

  test("that is an extension is never sent in the original's dialect", () => {
    for (const kind of Object.keys(PEER_EXTENSIONS) as (keyof typeof PEER_EXTENSIONS)[]) {
      const [frame] = fc.sample(frameOf(kind), 1);
      expect(refusalOf(() => encodeFrame(frame!, "pilot"))).toBe("unsupported");
    }
  });

  test("larger than its type allows is not sent", () => {
    const [message] = fc.sample(aMessage, 1);
    const withContent = (bytes: number) => ({ ...message!, content: new Uint8Array(bytes) });
    const fetchResp = (bytes: number): Frame => ({
      kind: "fetch_resp",
      group_id,
      id: message!.id,
      message: withContent(bytes),
      not_found: false,
    });
    const gossip: Frame = {
      kind: "gossip",
      group_id,
      ids: [],
      timestamp: 0n,
      body: withContent(400_000),
      signature: null,
    };
    expect(refusalOf(() => encodeFrame(fetchResp(13 * 1024 * 1024), "pilot"))).toBe("frame_too_large");
    expect(refusalOf(() => encodeFrame(fetchResp(400_000), "pilot"))).toBeUndefined();
    expect(refusalOf(() => encodeFrame(gossip, "pilot"))).toBe("frame_too_large");
  });

  test("of the original is written in the very bytes the original wrote", () => {
    const { cases } = JSON.parse(readFileSync("test/vectors/frames.json", "utf8"));
    let compared = 0;
    for (const { op, frame, reencoded } of cases) {
      if (op !== "encode" || reencoded !== undefined) continue;
      const bytes = Uint8Array.fromHex(frame);
      const again = encodeFrame(decodeFrame(bytes[4]!, bytes.subarray(5), "pilot"), "pilot");
      expect(again.toHex()).toBe(frame);
      compared += 1;
    }
    expect(compared).toBe(79);
  });

  test("with a list of nothing holds one element many times, not many elements", () => {
    const body = new TextEncoder().encode('{"ads":[{"endpoints":[{},null,{"x":1},{}]}]}');
    const frame = decodeFrame(FRAME_TYPE.transport_snapshot_resp, body, "pilot");
    if (frame.kind !== "transport_snapshot_resp") throw new Error("another frame");
    const [first, ...others] = frame.ads[0]!.endpoints!;
    expect(others.length).toBe(3);
    for (const other of others) expect(other).toBe(first!);
  });

  test("lists more than its maximum is neither written nor read", () => {
    const ids = Array.from({ length: 4097 }, (_, i) => MessageId.fromHex(i.toString(16).padStart(64, "0")));
    expect(refusalOf(() => encodeFrame({ kind: "ihave", group_id, ids }, "pilot"))).toBe("invalid_argument");
    const text = JSON.stringify({ group_id: GroupId.toBase64(group_id), ids: ids.map((id) => MessageId.toBase64(id)) });
    const body = new TextEncoder().encode(text);
    expect(refusalOf(() => decodeFrame(FRAME_TYPE.ihave, body, "pilot"))).toBe("malformed_frame");
    expect(encodeFrame({ kind: "ihave", group_id, ids: ids.slice(1) }, "pilot").length).toBeLessThan(
      peerLimits("pilot")(FRAME_TYPE.ihave),
    );
  });
});

/** A good body with one byte changed or a stretch cut out. */
const mutated = fc.tuple(anyFrame, fc.nat(), fc.nat(255), fc.nat(8)).map(([frame, at, byte, cut]) => {
  const body = Uint8Array.from(bodyOf(frame));
  const place = at % body.length;
  body[place] = byte;
  return Uint8Array.of(...body.subarray(0, place), ...body.subarray(place + cut));
});
