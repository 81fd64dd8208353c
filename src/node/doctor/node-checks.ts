import { lengthText } from "../group/retention-words.ts";
import type { NodeStatus } from "../operations/daemon.ts";
import type { DoctorCheck, ProbeRow } from "../operations/diagnosis.ts";
import type { VoiceState } from "../operations/voices.ts";
import { checkOf, type Diagnosis, notChecked } from "./diagnoses.ts";

/** Ours. How far a clock may be from those of others: past it messages of the one are too old or too new for the other. */
const CLOCK_OFF_MS = 5 * 60_000;
/** Ours. Of one that is away nobody can say whether it is there or here that something is wrong. */
const NOBODY_MIN = 2;

export interface NodeFacts {
  readonly status: NodeStatus;
  /** `undefined` where nobody keeps any. */
  readonly voices: readonly VoiceState[] | undefined;
  /** Of all moots. */
  readonly probes: readonly ProbeRow[];
  /** The moot whose members were asked, as commands name it; the first of several. */
  readonly group?: string | undefined;
}

/** What holds for all moots of a node. */
export function nodeChecks({ group, probes, status, voices }: NodeFacts): DoctorCheck[] {
  return [
    identityOf(status, probes),
    ...dataOf(status),
    carrierOf(status, probes, group),
    clockOf(status, probes),
    ...(voices ?? []).map(voiceOf),
  ];
}

/** What keeps a node from reaching anybody; `undefined` for nothing. */
export function carrierFault({ running, transport }: NodeStatus): Diagnosis | undefined {
  if (!running) return "carrier_down";
  // A carrier without a port reaches peers by their key.
  return transport.port > 0 && transport.hints.length === 0 ? "no_address" : undefined;
}

function identityOf({ twin_seen_ms }: NodeStatus, probes: readonly ProbeRow[]): DoctorCheck {
  const isTwin = twin_seen_ms > 0 || probes.some(({ twin }) => twin);
  return checkOf("identity", isTwin ? "identity_twin" : "ok");
}

const DATA_FAULTS: Readonly<Record<string, Diagnosis>> = { disk_full: "disk_full", data_root_invalid: "data_gone" };

function dataOf({ data_dir, fault_codes, faults }: NodeStatus): DoctorCheck[] {
  if (faults.length === 0) return [checkOf("data", "ok")];
  return faults.map((why, at) =>
    checkOf("data", DATA_FAULTS[fault_codes[at] ?? ""] ?? "data_fault", { why, path: data_dir }),
  );
}

function carrierOf(status: NodeStatus, probes: readonly ProbeRow[], group: string | undefined): DoctorCheck {
  const fault = carrierFault(status);
  if (fault !== undefined) return checkOf("carrier", fault, { why: status.transport.reason || undefined });
  const asked = probes.filter(({ failure }) => failure !== "not_asked" && failure !== "no_member");
  const nobody = asked.every(({ failure }) => failure === "timeout" || failure === "unreachable");
  if (asked.length < NOBODY_MIN || !nobody) return checkOf("carrier", "ok");
  const port = status.transport.port === 0 ? "" : ` (UDP port ${status.transport.port})`;
  const why = `none of ${asked.length} members was reached: a firewall, or no network here${port}`;
  return checkOf("carrier", "nobody_reached", { why, ...(group === undefined ? {} : { group }) });
}

function clockOf({ groups }: NodeStatus, probes: readonly ProbeRow[]): DoctorCheck {
  const offsets = probes.flatMap(({ clock_offset_ms: offset }) => offset ?? []).sort((a, b) => a - b);
  const middle = offsets[Math.floor(offsets.length / 2)];
  if (middle !== undefined) {
    const why = `of ${offsets.length} ${offsets.length === 1 ? "member" : "members"} that answered, most have ${farText(middle)}`;
    return checkOf("clock", Math.abs(middle) > CLOCK_OFF_MS ? "clock_wrong" : "ok", { why });
  }
  const times = groups.flatMap(({ retention }) => retention ?? []);
  const disputed = times.find(({ clock }) => clock === "disputed");
  if (disputed !== undefined) {
    return checkOf("clock", "clock_wrong", {
      why: `most members heard have ${farText(disputed.clock_offset_ms ?? 0)}`,
    });
  }
  if (times.some(({ clock }) => clock === "agreed" || clock === "steady")) return checkOf("clock", "ok");
  const isWaiting = times.some(({ clock }) => clock === "unproved");
  return isWaiting ? checkOf("clock", "clock_unproved", { state: "unknown" }) : notChecked("clock");
}

function farText(offsetMs: number): string {
  return `a clock ${lengthText(Math.abs(offsetMs))} ${offsetMs > 0 ? "ahead of" : "behind"} the one here`;
}

function voiceOf({ failure, name, state }: VoiceState): DoctorCheck {
  if (state === "running") return checkOf("voice", "ok");
  if (state === "starting")
    return checkOf("voice", "voice_starting", { state: "unknown", why: `voice ${name} starts` });
  const how = failure === undefined ? "" : `: ${failure}`;
  return checkOf("voice", "voice_down", { why: `voice ${name} does not run${how}` });
}
