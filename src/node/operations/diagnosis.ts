import { type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, int, u32 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText, count, oneOf, plainList, shortList } from "../../wire/frame/bounded.ts";
import { jsonTextMax, moreRows, type Room } from "./fitting-rows.ts";
import { ERROR_BYTES_MAX, MEMBERS_MAX, PEERS_ROOM, peerRow, ROW_BYTES } from "./moots.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { groupOrAll, theGroup } from "./shapes.ts";

/** Wire. Peers of one probe, and the time for each. */
export const PROBE_PEERS_MAX = 256;
/** Ours. Peers asked at a time: eight that are away cost one time-out. */
export const PROBES_AT_ONCE = 8;
/** Ours. What one call may take for all of its peers together; who was not reached by then was not asked. */
export const PROBE_TOTAL_MAX_MS = 120_000;

/** Wire. The time for one peer: 3 s unless given, held between 250 ms and 30 s. */
export function probeTimeoutMs(ms: number): number {
  return ms <= 0 ? 3_000 : Math.min(Math.max(ms, 250), 30_000);
}

/** The time for so many of them together. */
export function probeBudgetMs(peers: number, timeoutMs: number): number {
  return Math.min(timeoutMs * Math.ceil(peers / PROBES_AT_ONCE) + 2_000, PROBE_TOTAL_MAX_MS);
}

const probeRequest = struct(
  "probe",
  {
    group_id: theGroup,
    peers: documented("node ids", plainList(u32, PROBE_PEERS_MAX)),
    timeout_ms: documented("for each; absent or 0: three seconds; held between 250 ms and 30 s", optional(count)),
  },
  { required: ["group_id", "peers"] },
);

const FAILURES = [
  "no_member",
  "no_carrier",
  "not_asked",
  "timeout",
  "unreachable",
  "refused",
  "stranger",
  "unsupported",
] as const;

export const probeRow = struct(
  "probe result",
  {
    node_id: u32,
    ok: bool,
    rtt_ms: optional(count),
    error: documented(
      "why not, in words; contains timeout when nothing came in time",
      optional(clippedText("error", ERROR_BYTES_MAX)),
    ),
    responder: documented("node id of the member that answered", optional(u32)),
    received_ms: documented("the peer's clock when it answered, Unix milliseconds", optional(count)),
    failure: documented(
      "why not, in a word: no_member here, no_carrier here, not_asked (the time for all was over), timeout, unreachable, refused, stranger (it takes us for none of its members), unsupported; absent where it answered, and from a daemon of before",
      optional(oneOf("failure", FAILURES)),
    ),
    clock_offset_ms: documented("how far its clock is ahead of this node's, behind below 0", optional(int)),
    roster: documented(
      "its roster beside this node's; absent: it did not say",
      optional(oneOf("roster", ["same", "different"])),
    ),
    roots: documented(
      "its messages beside this node's, in what both keep; absent: it did not say",
      optional(oneOf("roots", ["same", "different"])),
    ),
    last_message: documented(
      "whether it holds the latest message of this node: none where there is no such message; absent: it did not say",
      optional(oneOf("last_message", ["delivered", "missing", "none"])),
    ),
    twin: documented("it has seen this node's key run in another place too", optional(bool)),
    version: documented("of its program; absent: it did not say", optional(clippedText("version", 64))),
  },
  { required: ["node_id", "ok"] },
);

const probed = struct("probed", { peers: plainList(probeRow, PROBE_PEERS_MAX) }, { required: ["peers"] });

export type ProbeRow = Decoded<typeof probeRow>;

/** Of a peer that said nothing. */
export const NOTHING_SAID = {
  rtt_ms: undefined,
  error: undefined,
  responder: undefined,
  received_ms: undefined,
  failure: undefined,
  clock_offset_ms: undefined,
  roster: undefined,
  roots: undefined,
  last_message: undefined,
  twin: undefined,
  version: undefined,
} as const satisfies Partial<ProbeRow>;

/** One row a peer, in the order asked; who cannot be reached is a row. Throws `group_not_found`. */
export const probe = operation({
  name: "probe",
  summary: "Ask members for a sign of life and how they see the moot, eight at a time",
  onlyLooks: true,
  scope: "owner",
  request: probeRequest,
  answer: probed,
  answerMax: PROBE_PEERS_MAX * (6 * ERROR_BYTES_MAX + 2 * ROW_BYTES) + 1024,
  patienceMs: PROBE_TOTAL_MAX_MS + 10_000,
});

/** Ours. What one check says, and the words of the command to run next. */
const WHY_BYTES_MAX = 2048;
const WORD_BYTES_MAX = 16_384;
const WORDS_MAX = 16;
/** Ours. Of one node, moot or peer: there are fewer layers, and of a node one more for each voice. */
const CHECKS_MAX = 64;
/** Ours. As many as a node may hold. */
const MOOTS_MAX = 8192;

/** Of a node, of a moot, and on the way to a peer, each in the order that they stand on each other. */
export const LAYERS = [
  ...["identity", "data", "daemon", "carrier", "clock", "voice"],
  ...["open", "membership", "roster", "policy", "links"],
  ...["address", "dial", "key", "answer", "roots", "delivery"],
] as const;

const check = struct(
  "check",
  {
    layer: documented(`one of: ${LAYERS.join(", ")}`, boundedText("layer", 32)),
    state: documented(
      "noted: well, and worth knowing; unknown: it cannot be told from here, or was not asked",
      oneOf("state", ["ok", "noted", "unknown", "failed"]),
    ),
    diagnosis: documented("ok, or a word of docs/doctor.md", boundedText("diagnosis", 64)),
    why: documented("what was found; empty where all is well", omitted(clippedText("why", WHY_BYTES_MAX))),
    next: documented(
      "the one command to run next, word by word, entmootd for this program; empty: none",
      shortList(boundedText("word", WORD_BYTES_MAX), WORDS_MAX),
    ),
  },
  { required: ["layer", "state", "diagnosis"] },
);

export type DoctorCheck = Decoded<typeof check>;

const checks = plainList(check, CHECKS_MAX);

const examinedPeer = struct(
  "examined peer",
  { peer: peerRow, probe: documented("absent: not asked for, or this node itself", optional(probeRow)), checks },
  { required: ["peer", "checks"] },
);

const examinedMoot = struct(
  "examined moot",
  {
    group_id: groupId,
    name: clippedText("name", 1024),
    local_member: bool,
    local_member_status: oneOf("local member status", ["ok", "not_in_roster", "identity_mismatch", "unknown"]),
    members: count,
    messages: count,
    checks,
    peers: documented("ascending by node id, this node's own row among them", plainList(examinedPeer, MEMBERS_MAX)),
  },
  { required: ["group_id", "local_member", "local_member_status", "members", "messages", "checks", "peers"] },
);

const examined = struct(
  "examined",
  {
    checks: documented("of the node itself", checks),
    groups: plainList(examinedMoot, MOOTS_MAX),
    more: moreRows,
  },
  { required: ["checks", "groups"] },
);

export type ExaminedPeer = Decoded<typeof examinedPeer>;
export type ExaminedMoot = Decoded<typeof examinedMoot>;
export type Examined = Decoded<typeof examined>;

/** Ours. The keys of a check, its layer, state and diagnosis. */
const CHECK_BYTES = 128;

function checkBytes({ next, why }: DoctorCheck): number {
  return (
    CHECK_BYTES +
    jsonTextMax(why, WHY_BYTES_MAX) +
    next.reduce((sum, word) => sum + jsonTextMax(word, WORD_BYTES_MAX), 0)
  );
}

/** Room for the peers of all moots together. */
export const EXAMINED_ROOM: Room<ExaminedPeer> = {
  rowsMax: MEMBERS_MAX,
  answerMax: BODY_MAX - 4 * 1024 * 1024,
  bytesOf: ({ checks: told, peer, probe: asked }) =>
    PEERS_ROOM.bytesOf(peer) +
    (asked === undefined ? 0 : ROW_BYTES + jsonTextMax(asked.error ?? "", ERROR_BYTES_MAX)) +
    told.reduce((bytes, each) => bytes + checkBytes(each), 0),
};

/** One moot, or all there are. Throws `group_not_found` for one that is not here. */
export const doctor = operation({
  name: "doctor",
  summary: "Look for what is wrong, layer by layer, in the node, its moots and the ways to their members",
  onlyLooks: true,
  scope: "owner",
  request: struct("examination", {
    group_id: groupOrAll,
    probe: documented("also ask the members, which takes its time", optional(bool)),
    timeout_ms: documented("for each member; as of probe", optional(count)),
  }),
  answer: examined,
  answerMax: BODY_MAX,
  patienceMs: PROBE_TOTAL_MAX_MS + 15_000,
});

export const DIAGNOSIS_OPERATIONS = { probe, doctor };
