import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import type { PeerRow, ProbeRow } from "../../src/node/operations/moots.ts";
import { type PeerReportContext, peerReport, peerTable } from "../../src/view/peer-report.ts";

const groupId = GroupId.fromBytes(new Uint8Array(32).fill(1));
const context: PeerReportContext = {
  groupId,
  daemon: true,
  probed: undefined,
  command: (words) => ["entmootd", ...words].join(" "),
};

function peer(change: Partial<PeerRow>): PeerRow {
  return {
    node_id: 7,
    entmoot_pubkey: new Uint8Array(32).fill(7),
    hostname: "",
    self: false,
    founder: false,
    connected: false,
    trust: "unknown",
    route: "none",
    rtt_ms: undefined,
    last_seen_ms: undefined,
    error: undefined,
    hints: [],
    copy: undefined,
    copy_since_ms: 0,
    refusals: 0,
    refused_for: "",
    listening: undefined,
    listening_since_ms: 0,
    not_listening_since_ms: 0,
    listening_host: "",
    ...change,
  };
}

function probed(change: Partial<ProbeRow>): ReadonlyMap<number, ProbeRow> {
  const row = {
    node_id: 7,
    ok: false,
    rtt_ms: undefined,
    error: undefined,
    responder: undefined,
    received_ms: undefined,
  };
  return new Map([[7, { ...row, ...change }]]);
}

test("a peer that counts as connected is well only with a way to it, and with its probe", () => {
  const diagnosisOf = (change: Partial<PeerRow>, probe?: Partial<ProbeRow>) => {
    const rows = peerReport([peer({ connected: true, ...change })], {
      ...context,
      probed: probe === undefined ? undefined : probed(probe),
    });
    return [rows[0]!.route, rows[0]!.diagnosis];
  };
  const hints = ["192.0.2.1:4433"];
  expect(diagnosisOf({ route: "direct" })).toEqual(["direct", "ok"]);
  expect(diagnosisOf({ route: "none", hints })).toEqual(["none", "not_connected"]);
  expect(diagnosisOf({ route: "none" })).toEqual(["none", "transport_missing"]);
  expect(diagnosisOf({ route: "direct" }, { error: "no answer in time" })).toEqual(["route_timeout", "route_timeout"]);
  expect(diagnosisOf({ route: "none" }, { ok: true })).toEqual(["ok", "ok"]);
  expect(diagnosisOf({ route: "relay" }, { node_id: 8 })).toEqual(["unknown", "unknown"]);
});

test("a row begins with the original's fields in its order", () => {
  const [row] = peerReport(
    [peer({ hostname: "oak", connected: true, trust: "key", route: "direct", rtt_ms: 1.6 })],
    context,
  );
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

test.each([
  ["connected", peer({ connected: true, trust: "key", route: "relay" }), undefined, true, "relay", "ok"],
  ["self", peer({ self: true, trust: "self", route: "self" }), undefined, true, "self", "ok"],
  ["known place, no connection", peer({ hints: ["1.2.3.4:5"] }), undefined, true, "none", "not_connected"],
  ["no known place", peer({}), undefined, true, "none", "transport_missing"],
  ["no daemon", peer({}), undefined, false, "not_checked", "daemon_down"],
  ["no daemon, probe", peer({ self: true }), new Map(), false, "daemon_down", "daemon_down"],
  ["probe came back", peer({}), probed({ ok: true, rtt_ms: 12 }), true, "ok", "ok"],
  [
    "probe in time over",
    peer({}),
    probed({ error: "dial: timeout after 3 s" }),
    true,
    "route_timeout",
    "route_timeout",
  ],
  ["probe refused", peer({}), probed({ error: "connection refused" }), true, "route_refused", "route_refused"],
  [
    "probe not understood",
    peer({}),
    probed({ error: "unknown frame" }),
    true,
    "probe_unsupported",
    "probe_unsupported",
  ],
  ["probe failed somehow", peer({}), probed({ error: "boom" }), true, "unknown", "unknown"],
  ["probe without an answer", peer({}), new Map(), true, "unknown", "unknown"],
] as const)("%s", (_, row, answers, daemon, route, diagnosis) => {
  const [report] = peerReport([row], { ...context, daemon, probed: answers });
  expect(report).toMatchObject({ route, diagnosis });
});

test("each diagnosis but ok comes with advice, and commands name the group", () => {
  const [down] = peerReport([peer({})], { ...context, daemon: false });
  expect(down!.next_command).toBe(`entmootd serve -group ${GroupId.toBase64(groupId)}`);
  const [lost] = peerReport([peer({ hints: ["x"], error: "dial failed" })], context);
  expect(lost).toMatchObject({
    error: "dial failed",
    next_command: `entmootd peers -group ${GroupId.toBase64(groupId)} -probe`,
  });
});

test("where one of two copies begins later, they are compared from there", () => {
  const rows = peerReport(
    [
      peer({ copy: "same" }),
      peer({ copy: "same", copy_since_ms: Date.UTC(2031, 4, 5) }),
      peer({ copy: "different", copy_since_ms: Date.UTC(2031, 4, 5) }),
      peer({}),
    ],
    context,
  );
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
  const rows = peerReport(
    [peer({ hostname: "a\u001b[31mb" }), peer({ node_id: 4294967295, self: true, route: "self" })],
    context,
  );
  const lines = peerTable(rows, (text) => text.replace(/\p{Cc}/gu, ""));
  expect(lines).toHaveLength(3);
  expect(lines.join("\n")).not.toContain("\u001b");
  const column = lines[0]!.indexOf("HOSTNAME");
  expect(lines[1]!.slice(column).startsWith("a[31mb")).toBe(true);
  expect(lines[2]!.slice(column).startsWith("-")).toBe(true);
});
