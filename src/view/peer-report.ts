import { instantText } from "../core/amounts.ts";
import { GroupId } from "../core/ids.ts";
import { dayText } from "../core/policy/retention.ts";
import type { PeerRow, ProbeRow } from "../node/operations/moots.ts";

/** One row of `peers`: the original's fields in its order, then what iroh knows besides. */
export interface PeerReportRow {
  readonly node_id: number;
  readonly hostname?: string;
  readonly roster: true;
  readonly profile: "ok" | "missing";
  readonly transport: "ok" | "missing";
  readonly trust: PeerRow["trust"];
  readonly route: string;
  readonly rtt_ms?: number;
  readonly error?: string;
  readonly diagnosis: string;
  readonly suggestion?: string;
  readonly next_command?: string;
  readonly entmoot_pubkey: string;
  readonly connected: boolean;
  readonly founder: boolean;
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
  readonly groupId: GroupId;
  /** Whether a daemon answered; without one nobody is connected. */
  readonly daemon: boolean;
  /** By node id; `undefined` when no probe was asked for. */
  readonly probed: ReadonlyMap<number, ProbeRow> | undefined;
  /** A command line of ours with these words, ready to paste. */
  readonly command: (words: readonly string[]) => string;
}

/** The rows of `peers`, with a diagnosis and a next step for each, in the order of `rows`. */
export function peerReport(rows: readonly PeerRow[], context: PeerReportContext): PeerReportRow[] {
  return rows.map((row) => {
    const probe = context.probed?.get(row.node_id);
    const route = routeOf(row, probe, context);
    const diagnosis = diagnose(row, route, context);
    const advice = ADVICE[diagnosis];
    const error = (probe === undefined || probe.ok ? undefined : probe.error) ?? row.error;
    const rtt = probe?.rtt_ms ?? row.rtt_ms;
    return {
      node_id: row.node_id,
      ...(row.hostname === "" ? {} : { hostname: row.hostname }),
      roster: true,
      profile: row.hostname === "" ? "missing" : "ok",
      transport: row.self || row.connected || row.hints.length > 0 ? "ok" : "missing",
      trust: row.trust,
      route,
      ...(rtt === undefined || rtt <= 0 ? {} : { rtt_ms: Math.round(rtt) }),
      ...(error === undefined || diagnosis === "ok" ? {} : { error }),
      diagnosis,
      ...(advice === undefined ? {} : { suggestion: advice.text }),
      ...(advice?.words === undefined ? {} : { next_command: context.command(advice.words(context.groupId)) }),
      entmoot_pubkey: row.entmoot_pubkey.toBase64(),
      connected: row.connected,
      founder: row.founder,
      ...(row.last_seen_ms === undefined ? {} : { last_seen_ms: row.last_seen_ms }),
      ...listeningOf(row),
      ...(row.copy === undefined ? {} : { copy: row.copy }),
      ...(row.copy_since_ms === 0 ? {} : { copy_since: dayText(BigInt(row.copy_since_ms)) }),
      ...(row.refusals === 0 ? {} : { refusals: row.refusals, refused_for: row.refused_for }),
    };
  });
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

interface Advice {
  readonly text: string;
  readonly words?: (groupId: GroupId) => readonly string[];
}

const probeAgain = (groupId: GroupId) => ["peers", "-group", GroupId.toBase64(groupId), "-probe"];

/** What to do about each diagnosis; one that is not here needs nothing. */
const ADVICE: Readonly<Record<string, Advice>> = {
  daemon_down: {
    text: "start the local daemon",
    words: (groupId) => ["serve", "-group", GroupId.toBase64(groupId)],
  },
  not_connected: { text: "no connection now; a probe tries to make one", words: probeAgain },
  transport_missing: { text: "nobody has said where this peer is; it joins in when its daemon finds ours" },
  route_timeout: { text: "check that the peer's daemon runs and the network between", words: probeAgain },
  route_refused: { text: "the peer does not serve this group just now" },
  probe_unsupported: { text: "update both sides" },
  probe_failed: { text: "look at the error, then probe again", words: probeAgain },
  unknown: { text: "look at the error, then probe again", words: probeAgain },
};

function routeOf(row: PeerRow, probe: ProbeRow | undefined, { daemon, probed }: PeerReportContext): string {
  if (probed !== undefined && !daemon) return "daemon_down";
  if (row.self) return "self";
  if (!daemon) return "not_checked";
  if (probed === undefined) return row.connected ? row.route : "none";
  if (probe === undefined) return row.connected ? row.route : "unknown";
  if (!probe.ok) return classify(probe.error ?? "");
  // The carrier knows by now how it got there; the original's word is for one that does not.
  return row.route === "direct" || row.route === "relay" ? row.route : "ok";
}

/** Wire. How a failed probe is named, by the words in its text. */
function classify(error: string): string {
  const text = error.toLowerCase();
  if (/timeout|deadline|no time left|in time/.test(text)) return "route_timeout";
  if (/not found|refused|closed/.test(text)) return "route_refused";
  return text.includes("unknown") ? "probe_unsupported" : "unknown";
}

const REACHED: readonly string[] = ["ok", "direct", "relay"];

function diagnose(row: PeerRow, route: string, { daemon, probed }: PeerReportContext): string {
  if (probed !== undefined && !daemon) return "daemon_down";
  // What counts as connected and has no way to it, or failed its probe, is not well.
  if (row.self || REACHED.includes(route)) return "ok";
  if (probed !== undefined && route !== "none") return route;
  if (!daemon) return "daemon_down";
  return row.hints.length === 0 ? "transport_missing" : "not_connected";
}

const HEADER = [
  "NODE",
  "HOSTNAME",
  "ROSTER",
  "PROFILE",
  "TRANSPORT",
  "TRUST",
  "ROUTE",
  "COPY",
  "LISTENING",
  "DIAGNOSIS",
  "SUGGESTION",
];
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
    String(row.roster),
    row.profile,
    row.transport,
    row.trust,
    row.rtt_ms === undefined || ["self", "none"].includes(row.route) ? row.route : `${row.route}/${row.rtt_ms}ms`,
    copyText(row),
    listeningText(row),
    row.diagnosis,
    row.next_command ?? row.suggestion ?? "-",
  ]);
  // Where nobody was compared, as without a daemon, the table is the original's.
  const isCompared = rows.some(({ copy }) => copy !== undefined);
  const isSaid = rows.some(({ listening }) => listening !== undefined);
  const isShown = (_: string, column: number) =>
    (isCompared || column !== COPY_COLUMN) && (isSaid || column !== LISTENING_COLUMN);
  const table = [HEADER, ...lines].map((cells) => cells.filter(isShown));
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  return table.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
