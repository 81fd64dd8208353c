import { expect, test } from "bun:test";
import { encodeWire } from "../../../src/core/json/json-codec.ts";
import { memberProfileAd } from "../../../src/core/record/record-codecs.ts";
import type { MemberProfileAd } from "../../../src/core/record/records.ts";
import { SNAPSHOT_BYTES_MAX, snapshotOf } from "../../../src/node/carrier/snapshot.ts";
import { encodeFrame } from "../../../src/wire/peer/frame.ts";
import { GROUP } from "../../support/message.ts";

const MEMBERS = 5_000;

test("a snapshot of more than fits has a part of it, a different one for each who asks, which is within what is read", () => {
  const told = new Set<number>();
  for (const random of [0, 0.4, 0.8]) {
    const profiles = snapshotOf(memberProfileAd, PROFILES, () => random);
    expect(profiles.length).toBeLessThan(MEMBERS);
    expect(profiles[0]).toBe(PROFILES[MEMBERS * random]!);
    const frame = encodeFrame({ kind: "member_profile_snapshot_resp", group_id: GROUP, profiles }, "entmoot/1");
    expect(frame.length).toBeLessThanOrEqual(1024 * 1024);
    for (const { author } of profiles) told.add(author.pilot_node_id);
  }
  expect(told.size).toBe(MEMBERS);
});

test("what fits is told whole and in its order, to the last byte of room", () => {
  const size = encodeWire(memberProfileAd, PROFILES[0]!).length + 1;
  const fitting = PROFILES.slice(0, 3).map((ad) => ({ ...ad, hostname: "x" }));
  expect(snapshotOf(memberProfileAd, fitting, () => 0.9)).toEqual(fitting);
  expect(snapshotOf(memberProfileAd, [], () => 0.9)).toEqual([]);
  const most = Math.floor(SNAPSHOT_BYTES_MAX / size);
  const alike = (count: number) => Array.from({ length: count }, () => PROFILES[0]!);
  expect(snapshotOf(memberProfileAd, alike(most), () => 0)).toHaveLength(most);
  expect(snapshotOf(memberProfileAd, alike(most + 1), () => 0)).toHaveLength(most);
});

const PROFILES: readonly MemberProfileAd[] = Array.from({ length: MEMBERS }, (_, at) => ({
  group_id: GROUP,
  author: { pilot_node_id: at + 1, entmoot_pubkey: new Uint8Array(32).fill(at) },
  seq: 1n,
  hostname: `member-${at}.example`,
  issued_at: 1n,
  not_after: 2n,
  signature: new Uint8Array(64),
}));
