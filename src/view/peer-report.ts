import { instantText } from "../core/amounts.ts";
import { dayText } from "../core/policy/retention.ts";
import { DIAGNOSES, isDiagnosis, worstOf } from "../node/doctor/diagnoses.ts";
import { type ProbeWord, probeWord } from "../node/doctor/peer-checks.ts";
import type { DoctorCheck, ExaminedPeer } from "../node/operations/diagnosis.ts";
import type { PeerRow } from "../node/operations/moots.ts";
import type { Teller } from "./doctor-teller.ts";

/** One row of `peers`: the original's fields in its order, then what iroh knows besides. */
export interface PeerReportRow {
  readonly node_id: number;
  readonly hostname?: string;
  readonly roster: true;
  readonly profile: "ok" | "missing";
  readonly transport: "ok" | "stale" | "missing";
  readonly trust: PeerRow["trust"];
  readonly route: PeerRow["route"];
  readonly rtt_ms?: number;
  readonly error?: string;
  readonly diagnosis: string;
  readonly suggestion?: string;
  readonly next_command?: string;
  /** The layer that does not hold. */
  readonly layer_failed?: string;
  /** What came of asking it, by the original's word. */
  readonly probe: ProbeWord;
  /** Of each layer on the way to it: ok, noted, unknown or failed. */
  readonly layers: Readonly<Record<string, DoctorCheck["state"]>>;
  /** How far its clock is ahead. */
  readonly clock_offset_ms?: number;
  /** Whether it holds this node's latest message. */
  readonly last_message?: NonNullable<ExaminedPeer["probe"]>["last_message"];
  /** Of its program. */
  readonly version?: string;
  readonly entmoot_pubkey: string;
  readonly connected: boolean;
  readonly founder: boolean;
  /** Since when it says that it has left, by its own clock: its founder removes it. */
  readonly left_ms?: number;
  readonly last_seen_ms?: number;
  /** Its messages beside ours when they were last compared, from a day on where one of the two has removed what is older. */
  readonly copy?: "same" | "different";
  /** Whether anything that can wake its agent listens there, and since when, where it says so. */
  readonly listening?: boolean;
  readonly listening_since_ms?: number;
  readonly not_listening_since_ms?: number;
  readonly listening_host?: string;
  readonly copy_since?: string;
  /** How often it was past its part of this node, and of what the last time. */
  readonly refusals?: number;
  readonly refused_for?: string;
}

export interface PeerReportContext {
  /** Whether a daemon answered; without one nobody is connected. */
  readonly daemon: boolean;
  readonly isProbed: boolean;
  readonly teller: Teller;
}

/** What names a release; any other text of a peer's may name a person. */
const VERSION = /^v?\d{1,4}(\.\d{1,4}){2}$/;

/** The rows of `peers`, with a diagnosis and a next step for each, in the order of `rows`. */
export function peerReport(rows: readonly ExaminedPeer[], context: PeerReportContext): PeerReportRow[] {
  return rows.map((examined) => {
    const { checks, peer: row, probe } = examined;
    const found = diagnose(examined, context);
    const error = (probe === undefined || probe.ok ? undefined : probe.error) ?? row.error;
    const rtt = probe?.rtt_ms ?? row.rtt_ms;
    const isWell = found === undefined;
    const { teller } = context;
    const isTold = !teller.isRedacted;
    const next = isWell ? [] : teller.next(found);
    return {
      node_id: teller.node(row.node_id),
      ...(row.hostname === "" || !isTold ? {} : { hostname: row.hostname }),
      roster: true,
      profile: row.hostname === "" ? "missing" : "ok",
      transport: transportOf(examined),
      trust: row.trust,
      route: routeOf(row, context),
      ...(rtt === undefined || rtt <= 0 ? {} : { rtt_ms: Math.round(rtt) }),
      ...(error === undefined || isWell || !isTold ? {} : { error }),
      diagnosis: found?.diagnosis ?? "ok",
      ...(isWell ? {} : { suggestion: meaningOf(found) }),
      ...(next.length === 0 ? {} : { next_command: teller.command(next) }),
      ...(found?.state === "failed" ? { layer_failed: found.layer } : {}),
      probe: probedAs(examined, context),
      layers: Object.fromEntries(checks.map(({ layer, state }) => [layer, state])),
      ...(probe?.clock_offset_ms === undefined ? {} : { clock_offset_ms: probe.clock_offset_ms }),
      ...(probe?.last_message === undefined ? {} : { last_message: probe.last_message }),
      ...(probe?.version === undefined || !(isTold || VERSION.test(probe.version)) ? {} : { version: probe.version }),
      entmoot_pubkey: isTold ? row.entmoot_pubkey.toBase64() : "",
      connected: row.connected,
      founder: row.founder,
      ...(row.left_ms === 0 ? {} : { left_ms: row.left_ms }),
      ...(row.last_seen_ms === undefined ? {} : { last_seen_ms: row.last_seen_ms }),
      ...listeningOf(isTold ? row : { ...row, listening_host: "" }),
      ...copyOf(row, probe),
      ...(row.copy_since_ms === 0 ? {} : { copy_since: dayText(BigInt(row.copy_since_ms)) }),
      ...(row.refusals === 0 ? {} : { refusals: row.refusals, refused_for: row.refused_for }),
    };
  });
}

/** As the probe just found it, which is later than the last comparison. */
function copyOf({ copy }: PeerRow, probe: ExaminedPeer["probe"]): Pick<PeerReportRow, "copy"> {
  const found = probe?.roots ?? copy;
  return found === undefined ? {} : { copy: found };
}

/** A daemon of another version may name what this program does not know. */
function meaningOf({ diagnosis, why }: DoctorCheck): string {
  return isDiagnosis(diagnosis) ? DIAGNOSES[diagnosis].means : why;
}

function listeningOf({ listening, listening_host, listening_since_ms, not_listening_since_ms }: PeerRow) {
  if (listening === undefined) return {};
  return {
    listening,
    ...(listening_since_ms > 0 ? { listening_since_ms } : {}),
    ...(not_listening_since_ms > 0 ? { not_listening_since_ms } : {}),
    ...(listening_host === "" ? {} : { listening_host }),
  };
}

/** What stands against this row; `undefined` where nothing does. */
function diagnose({ checks, peer }: ExaminedPeer, { daemon, isProbed }: PeerReportContext): DoctorCheck | undefined {
  // That this node is no member is said once, in its own row; without a daemon, in each that was to be probed.
  const meant =
    peer.self && !daemon && !isProbed ? [] : checks.filter(({ layer }) => peer.self || layer !== "identity");
  // Of copies that differed when they were last compared the row says so too, whatever else is not known of it.
  const differs = meant.find(({ diagnosis, state }) => diagnosis === "roots_differ" && state === "noted");
  return worstOf(meant, "failed") ?? meant.find(({ diagnosis }) => diagnosis === "not_connected") ?? differs;
}

function transportOf({ checks, peer }: ExaminedPeer): PeerReportRow["transport"] {
  if (peer.self) return "ok";
  const address = checks.find(({ layer }) => layer === "address")?.diagnosis;
  if (address === "transport_stale") return "stale";
  return peer.connected || peer.hints.length > 0 ? "ok" : "missing";
}

function routeOf(row: PeerRow, { daemon }: PeerReportContext): PeerRow["route"] {
  if (row.self) return "self";
  if (!daemon) return "not_checked";
  return row.connected ? row.route : "none";
}

/** The original's word for what came of asking. */
function probedAs({ peer, probe }: ExaminedPeer, { daemon, isProbed }: PeerReportContext): ProbeWord {
  if (!isProbed) return "not_checked";
  if (!daemon) return "daemon_down";
  if (peer.self) return "self";
  return probe === undefined ? "unknown" : probeWord(probe);
}

const HEADER = [
  "NODE",
  "HOSTNAME",
  "ROSTER",
  "PROFILE",
  "TRANSPORT",
  "TRUST",
  "ROUTE",
  "PROBE",
  "COPY",
  "LISTENING",
  "DIAGNOSIS",
  "SUGGESTION",
];
const PROBE_COLUMN = HEADER.indexOf("PROBE");
const COPY_COLUMN = HEADER.indexOf("COPY");
const LISTENING_COLUMN = HEADER.indexOf("LISTENING");

/** The column for people: since when somebody does, or nobody has. */
function listeningText({ listening, listening_since_ms = 0, not_listening_since_ms = 0 }: PeerReportRow): string {
  if (listening === undefined) return "-";
  const sinceMs = listening ? listening_since_ms : not_listening_since_ms;
  const word = listening ? "yes" : "no";
  return sinceMs === 0 ? word : `${word} since ${instantText(sinceMs)}`;
}

function copyText({ copy, copy_since }: PeerReportRow): string {
  if (copy === undefined) return "-";
  return copy_since === undefined ? copy : `${copy} since ${copy_since}`;
}

/** The rows as a table for people, columns padded and two blanks apart. */
export function peerTable(rows: readonly PeerReportRow[], clean: (text: string) => string): string[] {
  const lines = rows.map((row) => [
    String(row.node_id),
    row.hostname === undefined ? "-" : clean(row.hostname),
    row.left_ms === undefined ? String(row.roster) : "left",
    row.profile,
    row.transport,
    row.trust,
    row.rtt_ms === undefined || ["self", "none"].includes(row.route) ? row.route : `${row.route}/${row.rtt_ms}ms`,
    row.probe,
    copyText(row),
    listeningText(row),
    row.diagnosis,
    row.next_command ?? row.suggestion ?? "-",
  ]);
  // Where nobody was compared, as without a daemon, the table is the original's.
  const isCompared = rows.some(({ copy }) => copy !== undefined);
  const isProbed = rows.some(({ probe }) => probe !== "not_checked");
  const isSaid = rows.some(({ listening }) => listening !== undefined);
  const isShown = (_: string, column: number) =>
    (isProbed || column !== PROBE_COLUMN) &&
    (isCompared || column !== COPY_COLUMN) &&
    (isSaid || column !== LISTENING_COLUMN);
  const table = [HEADER, ...lines].map((cells) => cells.filter(isShown));
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  return table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
