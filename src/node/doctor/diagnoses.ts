import type { DoctorCheck } from "../operations/diagnosis.ts";

/** What a command that follows a diagnosis names. */
export interface Where {
  /** A moot's id as text. */
  readonly group?: string;
  /** A file or folder. */
  readonly path?: string;
  /** The head of a history of the roster. */
  readonly head?: string;
  readonly pid?: string;
  /** The user whose the data root is, by number. */
  readonly user?: string;
}

interface Meaning {
  /** One sentence for people, which names nobody and nothing of this machine. */
  readonly means: string;
  /** The one command to run next, `entmootd` for this program; absent where there is nothing to be done. */
  readonly next?: (at: Required<Where>) => readonly string[];
}

/** Nothing where no moot is meant, or the one that is meant is the only one there may be. */
const of = (group: string) => (group === "" ? [] : ["-group", group]);
const examineAgain = ({ group }: Required<Where>) => ["entmootd", "doctor", ...of(group), "-probe"];
const more = ({ group }: Required<Where>) => ["entmootd", "peers", ...of(group), "-probe", "-timeout", "30s"];
const showRepairs = () => ["entmootd", "doctor", "-fix", "-dry-run"];
const tell = (command: string) => () => ["entmootd", ...command.split(" ")];

/** Every diagnosis there is. `docs/doctor.md` has the same table; a test holds it to that. */
export const DIAGNOSES = {
  ok: { means: "nothing is wrong here" },
  not_checked: { means: "this was not asked for, or could not be asked", next: examineAgain },

  identity_missing: { means: "there is no identity yet; the first start makes one", next: tell("up") },
  identity_damaged: {
    means: "the identity file cannot be read as one; put it back from a backup",
    next: ({ path }) => ["ls", "-l", path],
  },
  identity_other: {
    means: "the daemon runs with another identity than the one that this command line names",
    next: tell("env"),
  },
  identity_twin: {
    means: "this node's key runs in another place too: two copies of one data root are in use; end one of them",
    next: tell("stop"),
  },

  data_missing: { means: "there is no data root here yet", next: tell("up") },
  data_foreign: {
    means: "the data root is another user's, and nothing of it can be read from here; run this as that user",
    next: ({ path, user }) => ["sudo", "-u", `#${user}`, "entmootd", "-data", path, "doctor"],
  },
  data_read_only: {
    means: "the file system of the data root is read-only; mount it writable, or name another place with -data",
    next: ({ path }) => ["findmnt", "-T", path],
  },
  data_open: { means: "others on this machine may read what is kept here", next: showRepairs },
  data_leftover: { means: "something an earlier run left behind lies in the data root", next: showRepairs },
  index_damaged: { means: "an index of a database does not fit what it is made from", next: showRepairs },
  data_damaged: { means: "the data root cannot be opened", next: showRepairs },
  data_gone: {
    means: "files were removed or swapped under the daemon; put them back, then restart it",
    next: tell("stop"),
  },
  data_fault: { means: "something keeps the node from storing", next: tell("info") },
  disk_full: { means: "no room is left on the disk of the data root", next: ({ path }) => ["df", "-h", path] },

  daemon_down: {
    means: "no daemon runs: nothing is sent or received",
    next: ({ group }) => ["entmootd", "serve", ...of(group)],
  },
  daemon_held: {
    means:
      "this data root was restored from a backup: nothing runs on it until its owner says that nothing else does under its identity",
    next: tell("restore -original-stopped"),
  },
  daemon_silent: { means: "a daemon is there and does not answer in time", next: tell("env") },
  daemon_stopped: { means: "the daemon's process is stopped", next: ({ pid }) => ["kill", "-CONT", pid] },
  daemon_old: {
    means: "the daemon is of an earlier version than this program; end it and start it again",
    next: tell("stop"),
  },
  daemon_newer: { means: "the daemon is of a later version than this program", next: tell("update") },
  daemon_original: { means: "the daemon is the original's, which knows nothing of this", next: tell("env") },

  carrier_down: { means: "no carrier is open: no peer can be reached", next: tell("env") },
  carrier_unsupported: { means: "the carrier that is asked for is not in this program", next: tell("serve --help") },
  address_unusable: { means: "the address to listen on is not one of this machine", next: tell("serve --help") },
  port_blocked: {
    means: "the UDP port of this node is taken by another program, or not permitted",
    next: tell("serve -iroh-port 0"),
  },
  no_address: { means: "this node knows no address of its own: there is no network", next: () => ["ip", "addr"] },
  nobody_reached: {
    means: "none of the members that were asked was reached: a firewall, or no network here",
    next: more,
  },

  clock_wrong: { means: "the clocks of the members say another time than the one here", next: () => ["date", "-u"] },
  clock_unproved: { means: "nobody has confirmed the time here yet" },

  voice_down: { means: "an agent's own daemon does not run", next: tell("voice list") },
  voice_starting: { means: "an agent's own daemon is starting" },

  moot_damaged: { means: "what is kept of the moot cannot be opened", next: showRepairs },
  moot_busy: { means: "the moot cannot be opened just now; it is tried again", next: tell("doctor") },
  moot_lost: { means: "the moot's files were removed, swapped or damaged under the daemon", next: tell("stop") },

  removed: { means: "the founder has removed this node from the moot", next: tell("join LINK") },
  left: { means: "this node has left the moot, and its founder has not removed it yet" },
  left_for_good: {
    means: "this node left the moot, and its founder has taken it off the roster",
    next: ({ group }) => ["entmootd", "group", "forget", "-group", group],
  },
  not_in_roster: { means: "this node's key is not in the moot's roster", next: tell("join LINK") },
  identity_mismatch: { means: "the roster has this node's id with another key", next: tell("env") },

  roster_forked: {
    means: "the founder has signed two histories of the roster; nothing more is followed until it keeps one",
    next: ({ group, head }) =>
      head === "" ? ["entmootd", "info"] : ["entmootd", "roster", "heal", "-group", group, "-keep", head, "-dry-run"],
  },
  founder_waits: {
    means: "this founder's copy may be an old one: nothing is signed for the roster until a member is met",
    next: examineAgain,
  },
  founder_alone: {
    means:
      "this founder's copy may be an old one, and nobody else is in it: nothing is signed for the roster until its owner says that there is no later one",
    next: ({ group }) => ["entmootd", "invite", "link", "-group", group, "-alone"],
  },

  policy_refuses: {
    means: "the moot's policy refused this node's latest message",
    next: ({ group }) => ["entmootd", "policy", "status", "-group", group],
  },
  policy_waits: {
    means: "the moot's policy refused this node's latest message for some time",
    next: ({ group }) => ["entmootd", "policy", "explain", "-group", group, "-file", "DRAFT"],
  },
  messages_owed: { means: "members sent more than the policy allows at once; the rest comes in its turn" },

  link_expired: {
    means: "a link into the moot has ended, and no other one that this node made is good",
    next: ({ group }) => ["entmootd", "invite", "link", "-group", group],
  },

  transport_missing: {
    means: "nobody has said where this peer is; it joins in when its daemon finds ours",
    next: more,
  },
  transport_stale: { means: "what is known of where this peer is has run out", next: more },
  not_connected: { means: "there is no connection to this peer now; a probe tries to make one", next: examineAgain },
  route_timeout: { means: "the peer did not answer in time: its daemon is down, or the network between", next: more },
  route_refused: { means: "the peer is there and does not serve this moot just now", next: more },
  peer_unreachable: { means: "no connection to the peer could be made", next: more },
  peer_stranger: { means: "the peer does not take this node for a member", next: tell("info") },
  probe_unsupported: {
    means: "the peer's program does not know the question; update both sides",
    next: tell("update"),
  },
  probe_failed: { means: "the probe itself failed", next: more },
  unknown: { means: "what became of the probe is not known", next: more },
  key_unproved: { means: "the connection does not prove the peer's key", next: more },
  roster_differs: {
    means: "the peer has another roster; it comes into step when both talk",
    next: ({ group }) => ["entmootd", "roster", "history", "-group", group],
  },
  roots_differ: {
    means: "the peer holds other messages; it comes into step when both talk, unless one copy is damaged",
    next: ({ group }) => ["entmootd", "verify", group],
  },
  message_missing: { means: "the peer does not hold this node's latest message yet", next: more },
} as const satisfies Readonly<Record<string, Meaning>>;

export type Diagnosis = keyof typeof DIAGNOSES;

/** What keeps a node from reaching anybody. */
export interface Unreachable {
  readonly diagnosis: Diagnosis;
  /** Of a daemon's process that is to go on. */
  readonly pid?: string;
}

export type Layer = DoctorCheck["layer"];

/** The words of the command that follows `diagnosis`; none where there is none. */
export function nextOf(
  diagnosis: Diagnosis,
  { group = "", head = "", path = "", pid = "", user = "" }: Where,
): readonly string[] {
  const { next }: Meaning = DIAGNOSES[diagnosis];
  return next?.({ group, head, path, pid, user }) ?? [];
}

export interface CheckDetails extends Where {
  readonly state?: DoctorCheck["state"];
  /** What was found, in words; what the diagnosis means when absent. */
  readonly why?: string | undefined;
}

/** One line of a report. */
export function checkOf(layer: string, diagnosis: Diagnosis, details: CheckDetails = {}): DoctorCheck {
  if (diagnosis === "ok") return { layer, state: details.state ?? "ok", diagnosis, why: "", next: [] };
  const { why = DIAGNOSES[diagnosis].means, state = diagnosis === "not_checked" ? "unknown" : "failed" } = details;
  const next = diagnosis === "not_checked" && details.group === undefined ? [] : nextOf(diagnosis, details);
  return { layer, state, diagnosis, why, next };
}

/** That something could not be told. */
export function notChecked(layer: string, details: CheckDetails = {}): DoctorCheck {
  return checkOf(layer, "not_checked", details);
}

/** The first that is so. */
export function worstOf(checks: readonly DoctorCheck[], state: DoctorCheck["state"]): DoctorCheck | undefined {
  return checks.find((each) => each.state === state);
}

export function isDiagnosis(word: string): word is Diagnosis {
  return Object.hasOwn(DIAGNOSES, word);
}
