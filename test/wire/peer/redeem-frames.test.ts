import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeFrame, encodeFrame } from "../../../src/wire/peer/frame.ts";
import { GROUP_NAME_BYTES_MAX, type RedeemResp } from "../../../src/wire/peer/redeem-frames.ts";
import { frameOf } from "../generators.ts";

test("a group's name that is too long is cut on the way, and lets nobody down who was let in", () => {
  const [resp] = fc.sample(frameOf("redeem_resp"), { numRuns: 1, seed: 1 });
  const frame = { ...resp, name: "ß".repeat(GROUP_NAME_BYTES_MAX) } as RedeemResp;
  const bytes = encodeFrame(frame, "entmoot/1");
  expect(decodeFrame(bytes[4]!, bytes.subarray(5), "entmoot/1")).toEqual({
    ...frame,
    name: "ß".repeat(GROUP_NAME_BYTES_MAX / 2),
  });
});
