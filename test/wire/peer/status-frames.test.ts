import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { GroupId, MerkleRoot, RosterEntryId } from "../../../src/core/ids.ts";
import { decodeFrame, encodeFrame, type Frame, frameType } from "../../../src/wire/peer/frame.ts";
import { refusalOf } from "../refusal.ts";

const said = {
  group_id: GroupId.fromHex("11".repeat(32)),
  roster_head: RosterEntryId.fromHex("22".repeat(32)),
  roster_length: 3,
  merkle_root: MerkleRoot.fromHex("33".repeat(32)),
  message_count: 4,
};
const frames: readonly Frame[] = [
  { kind: "status_req", ...said },
  { kind: "status_resp", ...said, version: "1", policy: "" },
];

for (const frame of frames) {
  const body = JSON.parse(new TextDecoder().decode(encodeFrame(frame, "entmoot/1").subarray(5))) as object;
  const refusal = (changed: object) =>
    refusalOf(() => decodeFrame(frameType(frame.kind), encodeUtf8(JSON.stringify(changed)), "entmoot/1"));

  test(`a ${frame.kind} says all of its sender's copy or is refused`, () => {
    expect(refusal(body)).toBeUndefined();
    for (const key of Object.keys(said)) {
      const { [key as keyof typeof body]: _, ...rest } = body;
      expect([key, refusal(rest)]).toEqual([key, "malformed_frame"]);
    }
  });

  test(`a ${frame.kind} with a field out of bounds is refused`, () => {
    for (const changed of [
      { roster_length: -1 },
      { message_count: -1 },
      { message_count: 2 ** 64 },
      { message_count: 1.5 },
      { message_count: "4" },
      { merkle_root: "MzMz" },
      { roster_head: `${"A".repeat(80)}=` },
    ]) {
      expect([changed, refusal({ ...body, ...changed })]).toEqual([changed, "malformed_frame"]);
    }
  });
}
