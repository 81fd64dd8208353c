import { GroupId } from "../../src/core/ids.ts";
import { type PeerFacts, peerChecks } from "../../src/node/doctor/peer-checks.ts";
import { type ExaminedPeer, NOTHING_SAID, type ProbeRow } from "../../src/node/operations/diagnosis.ts";
import type { PeerRow } from "../../src/node/operations/moots.ts";

export const DOCTORED_MOOT = GroupId.fromBytes(new Uint8Array(32).fill(1));

/** A member of whom nothing is known. */
export function peerRow(change: Partial<PeerRow> = {}): PeerRow {
  return {
    node_id: 7,
    entmoot_pubkey: new Uint8Array(32).fill(7),
    hostname: "",
    self: false,
    founder: false,
    left_ms: 0,
    connected: false,
    trust: "unknown",
    route: "none",
    rtt_ms: undefined,
    last_seen_ms: undefined,
    error: undefined,
    hints: [],
    hints_stale: false,
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

/** A member that said nothing. */
export function probeRow(change: Partial<ProbeRow> = {}): ProbeRow {
  return { ...NOTHING_SAID, node_id: 7, ok: false, ...change };
}

/** The row as `doctor` examines it. */
export function examinedPeer(
  row: PeerRow,
  probe: ProbeRow | undefined = undefined,
  facts: Partial<PeerFacts> = {},
): ExaminedPeer {
  const group = GroupId.toBase64(DOCTORED_MOOT);
  const checks = peerChecks({ row, probe, group, membership: undefined, carrier: undefined, ...facts });
  return { peer: row, probe, checks };
}
