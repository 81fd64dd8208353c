import type { DoctorCheck, ProbeRow } from "../operations/diagnosis.ts";
import type { PeerRow } from "../operations/moots.ts";
import { checkOf, type Diagnosis, notChecked, type Unreachable } from "./diagnoses.ts";

export interface PeerFacts {
  readonly row: PeerRow;
  /** What came of asking it; `undefined` where that was not tried. */
  readonly probe: ProbeRow | undefined;
  /** The moot as commands name it. */
  readonly group: string;
  /** Why this node is no member; `undefined` for a member. */
  readonly membership: Diagnosis | undefined;
  /** What keeps this node from reaching anybody. */
  readonly carrier: Unreachable | undefined;
}

/** Wire, but for the last two. How what came of a probe is named. */
export type ProbeWord =
  | "not_checked"
  | "self"
  | "ok"
  | "daemon_down"
  | "probe_failed"
  | "unknown"
  | "route_timeout"
  | "route_refused"
  | "probe_unsupported"
  | "unreachable"
  | "not_asked";

const WORD_OF: Readonly<Record<NonNullable<ProbeRow["failure"]>, ProbeWord>> = {
  no_member: "route_refused",
  no_carrier: "probe_failed",
  not_asked: "not_asked",
  timeout: "route_timeout",
  unreachable: "unreachable",
  refused: "route_refused",
  stranger: "route_refused",
  unsupported: "probe_unsupported",
};

/** A failed probe by what it says; that of a daemon of before, or of the original, by the words in its text. */
export function probeWord({ error = "", failure, ok }: ProbeRow): ProbeWord {
  if (ok) return "ok";
  const text = error.toLowerCase();
  if (failure !== undefined && (failure !== "unreachable" || !/refused|closed/.test(text))) return WORD_OF[failure];
  if (/timeout|deadline|no time left|in time/.test(text)) return "route_timeout";
  if (/not found|refused|closed/.test(text)) return "route_refused";
  return text.includes("unknown") ? "probe_unsupported" : "unknown";
}

const DIAGNOSIS_OF = {
  route_timeout: "route_timeout",
  route_refused: "route_refused",
  probe_unsupported: "probe_unsupported",
  probe_failed: "probe_failed",
  unreachable: "peer_unreachable",
  not_asked: "not_checked",
} as const satisfies Partial<Record<ProbeWord, Diagnosis>>;

function failureOf(probe: ProbeRow): Diagnosis {
  if (probe.failure === "stranger") return "peer_stranger";
  const word = probeWord(probe);
  return word in DIAGNOSIS_OF ? DIAGNOSIS_OF[word as keyof typeof DIAGNOSIS_OF] : "unknown";
}

/** The way to one member, layer by layer; what stands on a layer that fails is not known. */
export function peerChecks(facts: PeerFacts): DoctorCheck[] {
  const { carrier, group, membership, row } = facts;
  const identity = checkOf("identity", membership ?? "ok", { group, state: stateOf(membership) });
  const up = isReached(facts)
    ? checkOf("carrier", "ok")
    : checkOf("carrier", carrier?.diagnosis ?? "ok", {
        group,
        ...(carrier?.pid === undefined ? {} : { pid: carrier.pid }),
      });
  if (row.self) return [identity, up];
  const checks = [identity, up, addressOf(facts), dialOf(facts), keyOf(facts), answerOf(facts), ...agreement(facts)];
  const broken = checks.findIndex(({ state }, at) => at > 0 && state === "failed");
  if (broken < 0) return checks;
  return checks.map((each, at) => (at > broken && each.state === "failed" ? notChecked(each.layer) : each));
}

/** That this node left is as its owner wanted it. */
function stateOf(membership: Diagnosis | undefined): DoctorCheck["state"] {
  if (membership === undefined) return "ok";
  return membership === "left_for_good" ? "noted" : "failed";
}

/** Whether bytes went there and back, or do. */
function isReached({ probe, row }: PeerFacts): boolean {
  return probe?.ok === true || (row.connected && row.route !== "none");
}

function addressOf(facts: PeerFacts): DoctorCheck {
  const { group, row } = facts;
  if (isReached(facts)) return checkOf("address", "ok");
  if (row.hints.length === 0) return checkOf("address", "transport_missing", { group, why: row.error });
  return checkOf("address", row.hints_stale ? "transport_stale" : "ok", { group });
}

function dialOf(facts: PeerFacts): DoctorCheck {
  const { group, probe, row } = facts;
  if (isReached(facts)) return checkOf("dial", "ok");
  if (probe === undefined) {
    const state = row.error === undefined ? "unknown" : "failed";
    return checkOf("dial", "not_connected", { group, state, why: row.error });
  }
  // Who refused, did not understand or asked back was reached.
  const diagnosis = failureOf(probe);
  if (diagnosis === "not_checked") return notChecked("dial", { group, why: probe.error });
  const isThere = ["route_refused", "peer_stranger", "probe_unsupported"].includes(diagnosis);
  return isThere ? checkOf("dial", "ok") : checkOf("dial", diagnosis, { group, why: probe.error });
}

function keyOf(facts: PeerFacts): DoctorCheck {
  const { group, row } = facts;
  if (row.trust === "key") return checkOf("key", "ok");
  return row.connected ? checkOf("key", "key_unproved", { group }) : notChecked("key");
}

function answerOf(facts: PeerFacts): DoctorCheck {
  const { group, probe } = facts;
  if (probe === undefined) return notChecked("answer", { group });
  if (probe.ok) return checkOf("answer", "ok");
  const diagnosis = failureOf(probe);
  return diagnosis === "not_checked"
    ? notChecked("answer", { group })
    : checkOf("answer", diagnosis, { group, why: probe.error });
}

function agreement({ group, probe, row }: PeerFacts): DoctorCheck[] {
  const told = (layer: string, said: string | undefined, differs: Diagnosis, state: "failed" | "noted" = "failed") => {
    if (said === undefined) return notChecked(layer);
    return ["same", "delivered", "none"].includes(said)
      ? checkOf(layer, "ok")
      : checkOf(layer, differs, { group, state });
  };
  // What is known without asking is from the last comparison, and messages may be on their way since.
  const roots =
    probe?.roots === undefined
      ? told("roots", row.copy, "roots_differ", "noted")
      : told("roots", probe.roots, "roots_differ");
  return [
    told("roster", probe?.roster, "roster_differs"),
    roots,
    told("delivery", probe?.last_message, "message_missing"),
  ];
}
