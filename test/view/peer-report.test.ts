import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import type { ProbeRow } from "../../src/node/operations/diagnosis.ts";
import type { PeerRow } from "../../src/node/operations/moots.ts";
import { plainTeller, redactingTeller, type Teller } from "../../src/view/doctor-teller.ts";
import { type PeerReportContext, peerReport, peerTable } from "../../src/view/peer-report.ts";
import { DOCTORED_MOOT, examinedPeer, peerRow as peer, probeRow } from "../support/diagnosis.ts";

const group = GroupId.toBase64(DOCTORED_MOOT);
const teller = {
  ...plainTeller({ data_dir: "/d", identity_path: "/d/identity.json" }),
  command: (words: readonly string[]) => words.join(" "),
};
const context: PeerReportContext = { daemon: true, isProbed: false, teller };

const reportOf = (rows: readonly PeerRow[], probe?: Partial<ProbeRow>) =>
  peerReport(
    rows.map((row) => examinedPeer(row, probe && probeRow(probe))),
    { ...context, isProbed: probe !== undefined },
  );

test("a peer that counts as connected is well only with a way to it, and with its probe", () => {
  const diagnosisOf = (change: Partial<PeerRow>, probe?: Partial<ProbeRow>) => {
    const [row] = reportOf([peer({ connected: true, trust: "key", ...change })], probe);
    return [row!.route, row!.probe, row!.diagnosis];
  };
  const hints = ["192.0.2.1:4433"];
  expect(diagnosisOf({ route: "direct" })).toEqual(["direct", "not_checked", "ok"]);
  expect(diagnosisOf({ route: "none", hints })).toEqual(["none", "not_checked", "not_connected"]);
  expect(diagnosisOf({ route: "none" })).toEqual(["none", "not_checked", "transport_missing"]);
  const late = { error: "no answer in time" };
  expect(diagnosisOf({ route: "direct" }, late)).toEqual(["direct", "route_timeout", "route_timeout"]);
  expect(diagnosisOf({ route: "none" }, { ok: true })).toEqual(["none", "ok", "ok"]);
  expect(diagnosisOf({ route: "relay" }, { error: "boom" })).toEqual(["relay", "unknown", "unknown"]);
});

test("a row begins with the original's fields in its order", () => {
  const [row] = reportOf([peer({ hostname: "oak", connected: true, trust: "key", route: "direct", rtt_ms: 1.6 })]);
  expect(Object.keys(row!).slice(0, 8)).toEqual([
    "node_id",
    "hostname",
    "roster",
    "profile",
    "transport",
    "trust",
    "route",
    "rtt_ms",
  ]);
  expect(row).toMatchObject({
    roster: true,
    profile: "ok",
    transport: "ok",
    trust: "key",
    route: "direct",
    rtt_ms: 2,
    diagnosis: "ok",
  });
  expect(row).not.toHaveProperty("suggestion");
});

const hints = ["192.0.2.1:4433"];
test.each([
  ["connected", peer({ connected: true, trust: "key", route: "relay" }), undefined, "not_checked", "ok"],
  ["self", peer({ self: true, trust: "self", route: "self" }), undefined, "not_checked", "ok"],
  ["known place, no connection", peer({ hints }), undefined, "not_checked", "not_connected"],
  ["no known place", peer(), undefined, "not_checked", "transport_missing"],
  ["a place that has run out", peer({ hints, hints_stale: true }), undefined, "not_checked", "transport_stale"],
  ["probe came back", peer(), { ok: true, rtt_ms: 12 }, "ok", "ok"],
  ["time over", peer({ hints }), { error: "dial: timeout after 3 s" }, "route_timeout", "route_timeout"],
  ["time over, in a word", peer({ hints }), { failure: "timeout" }, "route_timeout", "route_timeout"],
  ["probe refused", peer({ hints }), { error: "connection refused" }, "route_refused", "route_refused"],
  ["taken for a stranger", peer({ hints }), { failure: "stranger" }, "route_refused", "peer_stranger"],
  ["not understood", peer({ hints }), { error: "unknown frame" }, "probe_unsupported", "probe_unsupported"],
  ["not reached", peer({ hints }), { failure: "unreachable" }, "unreachable", "peer_unreachable"],
  ["failed somehow", peer({ hints }), { error: "boom" }, "unknown", "unknown"],
  ["another roster", peer(), { ok: true, roster: "different" }, "ok", "roster_differs"],
  ["other messages", peer(), { ok: true, roster: "same", roots: "different" }, "ok", "roots_differ"],
  ["not the latest", peer(), { ok: true, roots: "same", last_message: "missing" }, "ok", "message_missing"],
] as const)("%s", (_, row, answer, probe, diagnosis) => {
  const [report] = reportOf([row], answer);
  expect(report).toMatchObject({ probe, diagnosis });
});

test("without a daemon nobody is reached, and a probe says so of each", () => {
  const offline = (row: PeerRow) => [examinedPeer(row, undefined, { carrier: { diagnosis: "daemon_down" } })];
  const [other] = peerReport(offline(peer()), { ...context, daemon: false });
  expect(other).toMatchObject({ route: "not_checked", probe: "not_checked", diagnosis: "daemon_down" });
  expect(other!.next_command).toBe(`entmootd serve -group ${group}`);
  const self = offline(peer({ self: true, route: "self" }));
  expect(peerReport(self, { ...context, daemon: false })[0]).toMatchObject({ diagnosis: "ok" });
  const probed = peerReport(self, { ...context, daemon: false, isProbed: true });
  expect(probed[0]).toMatchObject({ route: "self", probe: "daemon_down", diagnosis: "daemon_down" });
});

test("of copies that differ every row says so alike, and to look at what is kept here", () => {
  const differs = { diagnosis: "roots_differ", copy: "different", next_command: `entmootd verify ${group}` };
  const [compared] = reportOf([peer({ connected: true, trust: "key", route: "direct", copy: "different" })]);
  expect(compared).toMatchObject({ ...differs, layers: { roots: "noted" } });
  expect(compared).not.toHaveProperty("layer_failed");
  // What was just asked is later than the last comparison.
  const asked = { ok: true, roster: "same", roots: "different" } as const;
  expect(reportOf([peer({ copy: "same" })], asked)[0]).toMatchObject({ ...differs, layer_failed: "roots" });
  const same = { ...asked, roots: "same" } as const;
  expect(reportOf([peer({ copy: "different" })], same)[0]).toMatchObject({ copy: "same", diagnosis: "ok" });
});

test("each diagnosis but ok comes with advice, and commands name the group", () => {
  const [lost] = reportOf([peer({ hints: ["x"], error: "dial failed" })]);
  expect(lost).toMatchObject({
    error: "dial failed",
    layer_failed: "dial",
    next_command: `entmootd doctor -group ${group} -probe`,
  });
});

test("what stands on a layer that does not hold is unknown", () => {
  const [row] = reportOf([peer({ hints })], { failure: "timeout" });
  expect(row!.layers).toEqual({
    identity: "ok",
    carrier: "ok",
    address: "ok",
    dial: "failed",
    key: "unknown",
    answer: "unknown",
    roster: "unknown",
    roots: "unknown",
    delivery: "unknown",
  });
});

test("a redacted row holds nothing that a person or a machine wrote", () => {
  const row = peer({
    node_id: 4711,
    hostname: "oak",
    hints: ["192.0.2.1:4433"],
    error: "192.0.2.1: no",
    listening: true,
    listening_host: "birch",
  });
  const rows = peerReport([examinedPeer(row, probeRow({ error: "at 192.0.2.1", failure: "timeout" }))], {
    ...context,
    isProbed: true,
    teller: redactingTeller(),
  });
  const text = JSON.stringify(rows) + peerTable(rows, (cell) => cell).join();
  for (const secret of ["oak", "birch", "192.0.2", "4711", group, row.entmoot_pubkey.toBase64(), "/d"]) {
    expect(text).not.toContain(secret);
  }
  expect(rows[0]).toMatchObject({
    node_id: 1,
    diagnosis: "route_timeout",
    next_command: expect.stringContaining("MOOT"),
  });
});

test("a redacted row tells a peer's version only where that is one", () => {
  const versionOf = (version: string, teller: Teller) =>
    peerReport([examinedPeer(peer({}), probeRow({ version }))], { ...context, isProbed: true, teller })[0]!.version;
  for (const version of ["2.14.1", "v1.5.31"]) expect(versionOf(version, redactingTeller())).toBe(version);
  for (const version of ["2.14.1-oak", "oak.example", "1.2.3\noak"]) {
    expect(versionOf(version, redactingTeller())).toBeUndefined();
    expect(versionOf(version, context.teller)).toBe(version);
  }
});

test("where one of two copies begins later, they are compared from there", () => {
  const rows = reportOf([
    peer({ copy: "same" }),
    peer({ copy: "same", copy_since_ms: Date.UTC(2031, 4, 5) }),
    peer({ copy: "different", copy_since_ms: Date.UTC(2031, 4, 5) }),
    peer({}),
  ]);
  expect(rows.map(({ copy, copy_since }) => [copy, copy_since])).toEqual([
    ["same", undefined],
    ["same", "2031-05-05"],
    ["different", "2031-05-05"],
    [undefined, undefined],
  ]);
  const [header, ...lines] = peerTable(rows, (text) => text);
  const column = header!.indexOf("COPY");
  expect(lines.map((line) => line.slice(column).split("  ")[0])).toEqual([
    "same",
    "same since 2031-05-05",
    "different since 2031-05-05",
    "-",
  ]);
});

test("the table lines its columns up and shows hostile names harmlessly", () => {
  const rows = reportOf([peer({ hostname: "a\u001b[31mb" }), peer({ node_id: 4294967295, self: true, route: "self" })]);
  const lines = peerTable(rows, (text) => text.replace(/\p{Cc}/gu, ""));
  expect(lines).toHaveLength(3);
  expect(lines.join("\n")).not.toContain("\u001b");
  const column = lines[0]!.indexOf("HOSTNAME");
  expect(lines[1]!.slice(column).startsWith("a[31mb")).toBe(true);
  expect(lines[2]!.slice(column).startsWith("-")).toBe(true);
});

test("who has left is told as one that has, in the table in place of a member", () => {
  const rows = reportOf([peer({ node_id: 1, left_ms: 5 }), peer({ node_id: 2 })]);
  expect(rows.map(({ left_ms, roster }) => [roster, left_ms])).toEqual([
    [true, 5],
    [true, undefined],
  ]);
  const table = peerTable(rows, (text) => text).map((line) => line.split(/ {2,}/)[2]);
  expect(table).toEqual(["ROSTER", "left", "true"]);
});
