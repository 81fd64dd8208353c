import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  type ControlFrame,
  controlType,
  decodeControlFrame,
  encodeControlFrame,
} from "../../../src/wire/control/control-frame.ts";
import { controlLimits } from "../../../src/wire/control/control-limits.ts";
import { CONTROL_TYPE } from "../../../src/wire/control/control-types.ts";
import { CONTROL_EXTENSIONS } from "../../../src/wire/frame/extensions.ts";
import { FrameReader } from "../../../src/wire/frame/frame-reader.ts";
import { anyControlFrame, CONTROL_FRAMES, controlFrameOf } from "../generators.ts";
import { refusalOf } from "../refusal.ts";

const KINDS = Object.keys(CONTROL_FRAMES) as ControlFrame["kind"][];
/** Those whose body tells where it ends; that of an operation is read where its shape is known. */
const BOUNDED = KINDS.filter((kind) => kind !== "operation");
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("a frame on the control socket", () => {
  for (const kind of KINDS) {
    test(`of kind ${kind} is decoded as it was encoded`, () => {
      fc.assert(
        fc.property(controlFrameOf(kind), (frame) => {
          const bytes = encodeControlFrame(frame);
          const reader = new FrameReader(controlLimits);
          reader.push(bytes);
          const raw = reader.next()!;
          expect(raw.type).toBe(controlType(kind));
          const decoded = decodeControlFrame(raw.type, raw.body);
          expect(decoded).toEqual(frame);
          expect(encodeControlFrame(decoded as ControlFrame)).toEqual(bytes);
        }),
        { numRuns: 40 },
      );
    });
  }

  test("cut off anywhere or followed by more is refused as malformed", () => {
    fc.assert(
      fc.property(fc.oneof(...BOUNDED.map(controlFrameOf)), (frame) => {
        const body = encodeControlFrame(frame).subarray(5);
        const type = controlType(frame.kind);
        const from = frame.kind === "info_req" ? 1 : 0;
        for (let end = from; end < Math.min(body.length, 300); end++) {
          expect(refusalOf(() => decodeControlFrame(type, body.subarray(0, end)))).toBe("malformed_frame");
        }
        expect(refusalOf(() => decodeControlFrame(type, Uint8Array.of(...body, 0x78)))).toBe("malformed_frame");
      }),
      { numRuns: 100 },
    );
  });

  test("made of any bytes is decoded or refused, whatever its type", () => {
    const bodies = fc.tuple(anyControlFrame, fc.nat(), fc.nat(255)).map(([frame, at, byte]) => {
      const body = encodeControlFrame(frame).slice(5);
      body[at % body.length] = byte;
      return body;
    });
    fc.assert(
      fc.property(fc.nat(255), fc.oneof(fc.uint8Array({ maxLength: 200 }), bodies), (type, body) => {
        const refusal = refusalOf(() => decodeControlFrame(type, body));
        expect([undefined, "malformed_frame", "unknown_frame"]).toContain(refusal);
      }),
      { numRuns: 3000 },
    );
  });

  test("of the original is written in the very bytes the original wrote", () => {
    const { cases } = JSON.parse(readFileSync("test/vectors/control-socket.json", "utf8"));
    let compared = 0;
    for (const { op, frame, reencoded } of cases) {
      if (op !== "encode" || reencoded !== undefined) continue;
      const bytes = Uint8Array.fromHex(frame);
      expect(encodeControlFrame(decodeControlFrame(bytes[4]!, bytes.subarray(5)) as ControlFrame).toHex()).toBe(frame);
      compared += 1;
    }
    expect(compared).toBe(36);
  });

  test("of a type nobody knows is refused below 0x80 and named from there", () => {
    const ours = new Set<number>(Object.values(CONTROL_EXTENSIONS).map(({ type }) => type));
    const originals = new Set<number>(Object.values(CONTROL_TYPE));
    for (let type = 0; type < 256; type++) {
      if (originals.has(type) || ours.has(type)) continue;
      if (type < 0x80) expect(refusalOf(() => decodeControlFrame(type, json({})))).toBe("unknown_frame");
      else expect(decodeControlFrame(type, json({}))).toEqual({ kind: "unknown_extension", type });
    }
  });

  test("that fills in an error's type writes it, and reads what stands there", () => {
    const bytes = encodeControlFrame({ kind: "error", type: "", code: "INTERNAL", group_id: undefined, message: "x" });
    expect(new TextDecoder().decode(bytes.subarray(5))).toBe('{"type":"error","code":"INTERNAL","message":"x"}');
  });

  test("with a root in fewer numbers keeps those of an earlier root under it, and takes null for what was there", () => {
    const groups = (root: string) => `"groups":[{"merkle_root":${root}}]`;
    const body = `{${groups(`[${Array(32).fill(9)}]`)},${groups("[1,null,3]")}}`;
    const decoded = decodeControlFrame(CONTROL_TYPE.info_resp, new TextEncoder().encode(body));
    expect(decoded).toMatchObject({ groups: [{ merkle_root: `010903${"00".repeat(29)}` }] });
  });

  test("that lacks what it cannot do without is refused", () => {
    for (const { type } of Object.values(CONTROL_EXTENSIONS)) {
      for (const body of [json({}), json(null)])
        expect(refusalOf(() => decodeControlFrame(type, body))).toBe("malformed_frame");
    }
  });

  test("cuts words for people short at a whole character, and refuses other long texts", () => {
    const refused = { kind: "refused", of_type: 1, group_id: undefined } as const;
    const bytes = encodeControlFrame({ ...refused, code: "c", message: `${"é".repeat(600)}x` });
    const decoded = decodeControlFrame(0x80, bytes.subarray(5));
    expect(decoded).toEqual({ ...refused, code: "c", message: "é".repeat(512) });
    const odd = decodeControlFrame(
      0x80,
      encodeControlFrame({ ...refused, code: "c", message: `a${"é".repeat(600)}` }).subarray(5),
    );
    expect(odd).toEqual({ ...refused, code: "c", message: `a${"é".repeat(511)}` });
    expect(refusalOf(() => encodeControlFrame({ ...refused, code: "c".repeat(65), message: "" }))).toBe(
      "invalid_argument",
    );
    const long = json({ of_type: 1, code: "c".repeat(65), message: "" });
    expect(refusalOf(() => decodeControlFrame(0x80, long))).toBe("malformed_frame");
  });
});
