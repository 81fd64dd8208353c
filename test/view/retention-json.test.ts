import { expect, test } from "bun:test";
import { MerkleRoot, RosterEntryId } from "../../src/core/ids.ts";
import type { MootStatus, RetentionStatus } from "../../src/node/operations/daemon.ts";
import { retentionJson } from "../../src/view/retention-json.ts";
import { GROUP } from "../support/message.ts";

const HOUR = 3_600_000;

function noteOf(change: Partial<RetentionStatus>) {
  const retention: RetentionStatus = {
    days: 30n,
    cutoff_ms: Date.UTC(2031, 3, 20),
    pruned: 0,
    pruned_to_ms: 0,
    kept_from_ms: 0,
    clock: "unproved",
    clock_offset_ms: undefined,
    clock_heard: 0,
    clock_rest_ms: 23 * HOUR,
    clock_jump_ms: undefined,
    ...change,
  };
  const moot: MootStatus = {
    group_id: GROUP,
    name: "",
    members: 1,
    messages: 0,
    apart: undefined,
    owed: undefined,
    refused: undefined,
    merkle_root: MerkleRoot.zero,
    roster_head: RosterEntryId.zero,
    local_node_id: 1,
    local_member: true,
    founder: true,
    removal: undefined,
    left_ms: 0,
    fork: undefined,
    doubt: undefined,
    policy: "standard",
    retention,
  };
  return retentionJson(moot).retention;
}

test("a clock that does not count yet is told with what exactly is awaited", () => {
  expect(noteOf({})?.clock_note).toBe(
    "nothing is removed until most members heard have this date, or none is heard for another 23 hours without a jump; check the date here with: date -u",
  );
  expect(noteOf({ clock_heard: 1, clock_rest_ms: 12_345 })?.clock_note).toBe(
    "nothing is removed until half of the members were heard, for another 13 s at most; check the date here with: date -u",
  );
});

test("a jump is told with its length and direction", () => {
  expect(noteOf({ clock_jump_ms: -40 * 24 * HOUR })).toMatchObject({
    clock_jump_ms: -40 * 24 * HOUR,
    clock_note: expect.stringMatching(/^the date here went 40 days back; nothing is removed until /),
  });
  expect(noteOf({ clock_jump_ms: 3 * HOUR })?.clock_note).toMatch(
    /^the date here went 3 hours forward \(a machine that slept looks the same\); /,
  );
});

test("where something is removed, it is said whose roots may differ, and nowhere else", () => {
  expect(noteOf({})?.root_note).toContain("members with the original program");
  expect(noteOf({ days: undefined })).not.toHaveProperty("root_note");
});
