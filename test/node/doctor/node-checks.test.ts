import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { MerkleRoot, RosterEntryId } from "../../../src/core/ids.ts";
import { membershipFault, mootChecks, unopenedChecks } from "../../../src/node/doctor/moot-checks.ts";
import { type NodeFacts, nodeChecks } from "../../../src/node/doctor/node-checks.ts";
import type { MootStatus, NodeStatus, RetentionStatus } from "../../../src/node/operations/daemon.ts";
import { DOCTORED_MOOT, peerRow, probeRow } from "../../support/diagnosis.ts";

const MINUTE = 60_000;

const status: NodeStatus = {
  running: true,
  version: "v1",
  pid: 7,
  place: "",
  data_dir: "/d",
  identity_path: "/d/identity.json",
  pilot_node_id: 1,
  entmoot_pubkey: new Uint8Array(32),
  listen_port: 1004,
  transport: { carrier: "iroh", reason: "", port: 4433, hints: ["192.0.2.1:4433"] },
  groups: [],
  unopened: [],
  twin_seen_ms: 0,
  faults: [],
  fault_codes: [],
  started_at_ms: 1,
  peer_refusals: 0,
};

const retention: RetentionStatus = {
  days: undefined,
  cutoff_ms: 0,
  pruned: 0,
  pruned_to_ms: 0,
  kept_from_ms: 0,
  clock: "agreed",
  clock_offset_ms: undefined,
  clock_heard: undefined,
  clock_rest_ms: undefined,
  clock_jump_ms: undefined,
};

function moot(change: Partial<MootStatus> = {}): MootStatus {
  return {
    group_id: DOCTORED_MOOT,
    name: "council",
    members: 2,
    messages: 0,
    apart: undefined,
    owed: undefined,
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
    refused: undefined,
    retention,
    ...change,
  };
}

/** The names of what is not well, each with its state. */
const notWell = (checks: readonly { diagnosis: string; state: string }[]) =>
  checks.flatMap(({ diagnosis, state }) => (state === "ok" ? [] : [`${state} ${diagnosis}`]));
const ofNode = (change: Partial<NodeStatus>, facts: Partial<NodeFacts> = {}) =>
  notWell(nodeChecks({ status: { ...status, groups: [moot()], ...change }, voices: undefined, probes: [], ...facts }));
const time = (change: Partial<RetentionStatus>) => ({ groups: [moot({ retention: { ...retention, ...change } })] });
const away = probeRow({ failure: "timeout" });
const offBy = (clock_offset_ms: number) => probeRow({ ok: true, clock_offset_ms });
const voice = { name: "oak", pid: undefined, restarts: 2, failure: "signal 9" } as const;

test.each([
  ["all is well", {}, {}, []],
  ["the key runs twice", { twin_seen_ms: 5 }, {}, ["failed identity_twin"]],
  ["a member says so just now", {}, { probes: [probeRow({ ok: true, twin: true })] }, ["failed identity_twin"]],
  ["a full disk", { faults: ["full"], fault_codes: ["disk_full"] }, {}, ["failed disk_full"]],
  ["files swapped", { faults: ["other"], fault_codes: ["data_root_invalid"] }, {}, ["failed data_gone"]],
  ["a fault told by a daemon of before", { faults: ["other"] }, {}, ["failed data_fault"]],
  ["no carrier", { running: false }, {}, ["failed carrier_down"]],
  ["no address", { transport: { ...status.transport, hints: [] } }, {}, ["failed no_address"]],
  ["one member away", {}, { probes: [away] }, []],
  ["all members away", {}, { probes: [away, probeRow({ failure: "unreachable" })] }, ["failed nobody_reached"]],
  ["one of them answers", {}, { probes: [away, probeRow({ ok: true })] }, []],
  ["clocks that fit", {}, { probes: [offBy(2 * MINUTE), offBy(-MINUTE)] }, []],
  ["one clock of three is off", {}, { probes: [offBy(0), offBy(0), offBy(90 * MINUTE)] }, []],
  ["most are", {}, { probes: [offBy(0), offBy(80 * MINUTE), offBy(90 * MINUTE)] }, ["failed clock_wrong"]],
  ["members disagree", time({ clock: "disputed", clock_offset_ms: 9e6 }), {}, ["failed clock_wrong"]],
  ["nobody was heard", time({ clock: "unproved" }), {}, ["unknown clock_unproved"]],
  ["no moot to hear it from", { groups: [] }, {}, ["unknown not_checked"]],
  ["a voice that ended", {}, { voices: [{ ...voice, state: "waiting" }] }, ["failed voice_down"]],
  ["one that starts", {}, { voices: [{ ...voice, state: "starting" }] }, ["unknown voice_starting"]],
  ["one that runs", {}, { voices: [{ ...voice, state: "running" }] }, []],
] as const)("a node: %s", (_, change, facts, expected) => {
  expect(ofNode(change as never, facts as never)).toEqual([...expected]);
});

const now = unixMs(1_000_000);
const link = { id: "a", group_id: DOCTORED_MOOT, uses: 0, used: 0, created_at_ms: 1, expires_at_ms: 9 } as const;
const refused = { reason: "group policy: too many", at_ms: 5 };
const ofMoot = (change: Partial<MootStatus>, facts: object = {}) =>
  notWell(mootChecks({ moot: moot(change), rows: [], nodeId: 1, links: [], now, ...facts }));
const out = { local_member: false } as const;

test.each([
  ["all is well", {}, {}, []],
  [
    "left, and removed since",
    { ...out, removal: { entry_id: RosterEntryId.zero, at_ms: 5n, left_ms: 4, lost: false } },
    {},
    ["noted left_for_good"],
  ],
  [
    "removed",
    { ...out, removal: { entry_id: RosterEntryId.zero, at_ms: 5n, left_ms: 0, lost: false } },
    {},
    ["failed removed"],
  ],
  ["not in it", out, {}, ["failed not_in_roster"]],
  ["its id with another key", out, { rows: [peerRow({ node_id: 1 })] }, ["failed identity_mismatch"]],
  ["left", { left_ms: 5 }, {}, ["noted left"]],
  ["a founder that waits", { doubt: "another file" }, {}, ["failed founder_waits"]],
  ["refused for ever", { refused: { ...refused, retry_at_ms: 0 } }, {}, ["failed policy_refuses"]],
  ["refused for now", { refused: { ...refused, retry_at_ms: 1_000_001 } }, {}, ["noted policy_waits"]],
  ["refused until now", { refused: { ...refused, retry_at_ms: 1_000_000 } }, {}, ["noted policy_waits"]],
  ["messages that wait", { owed: 3 }, {}, ["noted messages_owed"]],
  ["a link that ended", {}, { links: [{ ...link, status: "expired" }] }, ["noted link_expired"]],
  [
    "and one that is good",
    {},
    {
      links: [
        { ...link, status: "expired" },
        { ...link, status: "active" },
      ],
    },
    [],
  ],
  ["links that nobody told", {}, { links: undefined }, ["unknown not_checked"]],
  ["links that are no member's business", { founder: false }, { links: undefined }, []],
] as const)("a moot: %s", (_, change, facts, expected) => {
  expect(ofMoot(change as never, facts)).toEqual([...expected]);
});

test("a fork is healed by its founder alone, who is told how", () => {
  const first = {} as never;
  const branch = { head: RosterEntryId.zero, entries: 1, first, followed: true };
  const fork = { point: RosterEntryId.zero, branches: [branch, { ...branch, followed: false }] };
  const nextOf = (founder: boolean) =>
    mootChecks({ moot: moot({ fork, founder }), rows: [], nodeId: 1, links: [], now }).find(
      ({ diagnosis }) => diagnosis === "roster_forked",
    )!.next;
  expect(nextOf(true).slice(0, 3)).toEqual(["entmootd", "roster", "heal"]);
  expect(nextOf(false)).toEqual(["entmootd", "info"]);
});

test("a moot that is not open is damaged, lost, or busy for a moment", () => {
  const closed = { group_id: DOCTORED_MOOT, name: undefined, reason: "no", code: "data_root_invalid" };
  const of = (passing: boolean, lost: boolean) => notWell(unopenedChecks({ ...closed, passing, lost }));
  expect([of(false, false), of(true, false), of(false, true)]).toEqual([
    ["failed moot_damaged"],
    ["unknown moot_busy"],
    ["failed moot_lost"],
  ]);
  expect(membershipFault({ moot: moot(), rows: [], nodeId: 1 })).toBeUndefined();
});
