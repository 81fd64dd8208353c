import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { ForksDigest, GroupId, MerkleRoot, RosterEntryId } from "../../../src/core/ids.ts";
import { decodeFrame, encodeFrame, type Frame, frameType } from "../../../src/wire/peer/frame.ts";
import { NOTHING_SHARED } from "../../support/status-question.ts";
import { refusalOf } from "../refusal.ts";

const said = {
  group_id: GroupId.fromHex("11".repeat(32)),
  roster_head: RosterEntryId.fromHex("22".repeat(32)),
  roster_length: 3,
  merkle_root: MerkleRoot.fromHex("33".repeat(32)),
  message_count: 4,
};
const shared = {
  now_ms: 5,
  pruned_to_ms: 6,
  shared_since_ms: 7,
  shared_root: MerkleRoot.fromHex("44".repeat(32)),
  shared_count: 8,
  roster_forks: ForksDigest.fromHex("55".repeat(32)),
  instance: "0123456789abcdef",
};
const frames: readonly Frame[] = [
  { kind: "status_req", ...said, ...shared },
  { kind: "status_resp", ...said, ...shared, version: "1", policy: "", twin: false },
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

  test(`a ${frame.kind} of a sender that has removed nothing leaves out what it shares`, () => {
    const decode = (json: object) => decodeFrame(frameType(frame.kind), encodeUtf8(JSON.stringify(json)), "entmoot/1");
    const {
      now_ms: _,
      pruned_to_ms: __,
      shared_since_ms: ___,
      shared_root: ____,
      shared_count: _____,
      roster_forks: ______,
      instance: _______,
      ...less
    } = body as typeof shared;
    expect(decode(less)).toMatchObject(NOTHING_SHARED);
    const plain = new TextDecoder().decode(
      encodeFrame({ ...frame, ...NOTHING_SHARED } as Frame, "entmoot/1").subarray(5),
    );
    expect(JSON.parse(plain)).toEqual(less);
  });

  test(`a ${frame.kind} with a field out of bounds is refused`, () => {
    for (const changed of [
      { roster_length: -1 },
      { now_ms: -1 },
      { pruned_to_ms: 2 ** 53 },
      { shared_since_ms: 0.5 },
      { shared_root: "MzMz" },
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
