import { type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, int, merkleRoot, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import {
  boundedBytes,
  boundedText,
  clippedText,
  count,
  instantMs,
  oneOf,
  plainList,
  shortList,
  u16,
} from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { nothing } from "./shapes.ts";

/** Ours. Each open moot holds files open, and systems allow a process fewer. */
const GROUPS_MAX = 8192;

/** Ours. Moots that cannot be opened, told with the reason; a root with more wants its log read. */
export const UNOPENED_MAX = 256;

/** Ours. Histories that part at one fork: each is two more runs of one founder. */
export const BRANCHES_MAX = 16;

/** Ours. There are fewer kinds of them. */
const FAULTS_MAX = 16;

/** Ours. What systems allow for one argument or variable, and more of them than a daemon gets. */
const ARGUMENT_MAX = 128 * 1024;
const ARGUMENTS_MAX = 8192;
const PATH_MAX = 16_384;

/** Ours. Asking what a daemon is takes it no time. */
const ASK_MS = 5_000;

const transportStatus = struct(
  "transport status",
  {
    carrier: documented("none in a process that opened no carrier", clippedText("carrier", 64)),
    reason: documented("why this carrier, or why none; not for agents", omitted(clippedText("reason", 4096))),
    port: documented("UDP port; absent: none, or asked by an agent", omitted(u16)),
    hints: documented(
      "where this node says it can be reached; not for agents",
      shortList(boundedText("hint", 1024), 64),
    ),
  },
  { required: ["carrier"] },
);

const retentionStatus = struct("retention", {
  days: documented("of the policy; absent: it keeps everything", optional(i64)),
  cutoff_ms: documented(
    "what is older goes once the time is certain, Unix milliseconds; absent: nothing does",
    omitted(instantMs),
  ),
  pruned: documented("messages removed here and not fetched again", count),
  pruned_to_ms: documented(
    "what is older was removed, or is not taken in any more, Unix milliseconds; absent: nothing was",
    omitted(instantMs),
  ),
  kept_from_ms: documented(
    "what is older is not kept here, by the word of this node's owner, Unix milliseconds; absent: the policy alone says",
    omitted(instantMs),
  ),
  clock: documented(
    "whether the date here counts: members agree, nobody heard and a day without a jump, nobody heard yet, members disagree; absent without a daemon",
    optional(oneOf("clock", ["agreed", "steady", "unproved", "disputed"])),
  ),
  clock_offset_ms: documented("disputed: how far most members are ahead, behind below 0", optional(int)),
  clock_heard: documented("members heard of late; absent for steady, and without a daemon", optional(count)),
  clock_rest_ms: documented("unproved: what is waited for yet, unless further members are heard", optional(count)),
  clock_jump_ms: documented("unproved after a jump: how far the date here went, back below 0", optional(int)),
});

const removal = struct(
  "removal",
  {
    entry_id: documented(
      "the roster entry that removed this node, or that was kept in place of what added it",
      rosterEntryId,
    ),
    at_ms: documented("the founder's clock, Unix milliseconds", i64),
    left_ms: documented(
      "when this node had left before, its own clock, Unix milliseconds; absent: it had not",
      omitted(instantMs),
    ),
    lost: documented("the founder gave up the history of the roster that had added it", omitted(bool)),
  },
  { required: ["entry_id", "at_ms"] },
);

const rosterBranch = struct(
  "roster branch",
  {
    head: documented("its last entry, to be named to roster_heal", rosterEntryId),
    entries: documented("how many it has behind the fork", count),
    first: documented("the first of them, signed: with the others the proof", rosterEntry),
    followed: documented("this node is on it", bool),
  },
  { required: ["head", "entries", "first"] },
);

const rosterFork = struct(
  "roster fork",
  {
    point: documented("the last entry that all have", rosterEntryId),
    branches: documented("the histories that the founder signed", plainList(rosterBranch, BRANCHES_MAX)),
  },
  { required: ["point", "branches"] },
);

const policyRefusal = struct(
  "policy refusal",
  {
    reason: clippedText("reason", 1024),
    at_ms: documented("Unix milliseconds", instantMs),
    retry_at_ms: documented("from when on the same may be taken, Unix milliseconds; absent: never", omitted(instantMs)),
  },
  { required: ["reason", "at_ms"] },
);

const groupStatus = struct(
  "moot status",
  {
    group_id: groupId,
    name: documented("local display name; empty when unknown", clippedText("name", 1024)),
    members: count,
    messages: count,
    apart: documented(
      "of them by authors who had been removed when they came, told nobody as new; absent: none",
      optional(count),
    ),
    owed: documented(
      "messages that came sooner than the rates of their authors allow: each is fetched and stored in its turn; absent: none",
      optional(count),
    ),
    merkle_root: merkleRoot,
    roster_head: rosterEntryId,
    local_node_id: documented("the node's id in this roster; 0 when it is not in it", u32),
    local_member: bool,
    founder: documented("the node's key is the founder's", bool),
    removal: documented("what ended this node's membership; absent for a member", optional(removal)),
    left_ms: documented(
      "since when this node has left, while its founder has not removed it yet, Unix milliseconds; absent: it stays",
      omitted(instantMs),
    ),
    fork: documented(
      "the founder signed two histories: nothing more is followed until it keeps one",
      optional(rosterFork),
    ),
    doubt: documented(
      "founder: why this copy may be an old one; nothing is signed for the roster until it was compared with a member's",
      optional(clippedText("doubt", 1024)),
    ),
    policy: documented(
      "the preset with the same limits, or custom, or none; what is kept is in retention",
      omitted(clippedText("policy", 64)),
    ),
    refused: documented(
      "why the policy refused the latest message of this node; absent: it did not, or a later one was taken",
      optional(policyRefusal),
    ),
    retention: optional(retentionStatus),
  },
  { required: ["group_id", "members", "messages", "merkle_root", "roster_head"] },
);

const unopenedMoot = struct(
  "unopened moot",
  {
    group_id: groupId,
    name: documented("what it was called; absent: not known", optional(clippedText("name", 1024))),
    reason: documented("what is wrong and what to do; not for agents", clippedText("reason", 4096)),
    code: documented("the same as the code of a failure", omitted(clippedText("code", 64))),
    passing: documented(
      "it may open by itself a moment later: another process holds it, or files run out",
      omitted(bool),
    ),
    lost: documented("it was open, and its files were removed, swapped or damaged since", omitted(bool)),
  },
  { required: ["group_id", "reason"] },
);

const nodeStatus = struct(
  "node status",
  {
    running: documented("a carrier is open", bool),
    version: boundedText("version", 64),
    pid: documented("0 for agents", u32),
    place: documented(
      "the machine and the pid namespace in which pid is the daemon's number; not for agents",
      omitted(boundedText("place", 256)),
    ),
    data_dir: documented("not for agents", omitted(boundedText("data_dir", PATH_MAX))),
    identity_path: documented("not for agents", omitted(boundedText("identity_path", PATH_MAX))),
    pilot_node_id: documented("the id the node would join a moot with now", u32),
    entmoot_pubkey: boundedBytes("public key", { min: 32, max: 32 }),
    listen_port: documented("not for agents", omitted(u16)),
    transport: transportStatus,
    groups: plainList(groupStatus, GROUPS_MAX),
    unopened: documented(
      "moots that are here and cannot be opened, or read, just now; not for agents",
      shortList(unopenedMoot, UNOPENED_MAX),
    ),
    twin_seen_ms: documented(
      "members saw this node's key run in another place too, last then, Unix milliseconds; absent: not of late",
      omitted(instantMs),
    ),
    faults: documented(
      "what keeps all of it from being stored just now, and what to do: files that are gone, a full disk; agents are told only that there is something",
      shortList(clippedText("fault", 4096), FAULTS_MAX),
    ),
    fault_codes: documented(
      "the same as codes of failures, in their order; not for agents",
      shortList(clippedText("code", 64), FAULTS_MAX),
    ),
    started_at_ms: documented("Unix milliseconds", count),
    peer_refusals: documented(
      "how often a peer asked, sent or left unread more than its part since the start; not for agents",
      omitted(count),
    ),
  },
  { required: ["version", "pid", "entmoot_pubkey", "transport", "groups"] },
);

export type RetentionStatus = Decoded<typeof retentionStatus>;
export type UnopenedMoot = Decoded<typeof unopenedMoot>;
export type MootStatus = Decoded<typeof groupStatus>;
export type NodeStatus = Decoded<typeof nodeStatus>;

/** Everything `info` and `doctor` show; for agents nothing of the machine. Throws nothing. */
export const status = operation({
  name: "status",
  summary: "What the node is, what it runs on and which moots it holds",
  onlyLooks: true,
  scope: "agent",
  request: nothing,
  answer: nodeStatus,
  answerMax: 4 * 1024 * 1024,
  patienceMs: ASK_MS,
});

// The operations below are what an update asks of a daemon of another version. Their shapes may gain keys and never
// lose or change one; test/control/lasting-frames.test.ts holds their bytes.

const programVersion = struct(
  "program version",
  {
    version: boundedText("version", 64),
    commit: boundedText("commit", 64),
    date: boundedText("date", 64),
    pid: documented("0 for agents", u32),
  },
  { required: ["version", "pid"] },
);

/** Lasting. Which program answers. */
export const version = operation({
  name: "version",
  summary: "Which version of the program answers",
  onlyLooks: true,
  scope: "agent",
  request: nothing,
  answer: programVersion,
  patienceMs: ASK_MS,
  needsDaemon: true,
});

const ended = struct("ending", { pid: u32 }, { required: ["pid"] });

/**
 * Lasting. A clean end: the answer comes first, and the connection stays open until the process is gone. Throws
 * `control_unavailable` where no daemon runs.
 */
export const stop = operation({
  name: "stop",
  summary: "End the daemon cleanly; its process is gone when the connection ends",
  scope: "owner",
  request: nothing,
  answer: ended,
  isLast: true,
});

const executable = struct(
  "executable",
  { path: documented("the executable that is meant; a daemon of another one refuses", boundedText("path", PATH_MAX)) },
  { required: ["path"] },
);

const startedAs = struct(
  "program",
  {
    pid: u32,
    path: documented("the executable, symbolic links resolved", boundedText("path", PATH_MAX)),
    argv: documented("from the program's own name on", plainList(boundedText("argument", ARGUMENT_MAX), ARGUMENTS_MAX)),
    cwd: boundedText("cwd", PATH_MAX),
    env: documented("NAME=value", plainList(boundedText("variable", ARGUMENT_MAX), ARGUMENTS_MAX)),
  },
  { required: ["pid", "path", "argv", "cwd", "env"] },
);

/** Ours. Twice what Linux takes as arguments and environment of a process at usual limits. */
const PROGRAM_MAX = 4 * 1024 * 1024;

/**
 * Lasting. Throws `control_unavailable` where no daemon runs, `unsupported` where it cannot start itself again, `conflict`
 * when it runs from another executable.
 */
export const program = operation({
  name: "program",
  summary: "How the daemon's process was started",
  onlyLooks: true,
  scope: "owner",
  request: executable,
  answer: startedAs,
  answerMax: PROGRAM_MAX,
  patienceMs: ASK_MS,
  needsDaemon: true,
});

/** Lasting. As `stop`, then what stands at the executable's path takes the process over. Throws as `program`. */
export const restart = operation({
  name: "restart",
  summary: "End the daemon cleanly and start it again from its executable, which may be another by now",
  scope: "owner",
  request: executable,
  answer: startedAs,
  answerMax: PROGRAM_MAX,
  isLast: true,
});

export const DAEMON_OPERATIONS = { status, version, stop, program, restart };
