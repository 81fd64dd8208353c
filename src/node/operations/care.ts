import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, merkleRoot, messageId, publicKey, rosterEntryId, text } from "../../core/json/json-scalars.ts";
import {
  boundedBytes,
  boundedText,
  clippedText,
  count,
  instantMs,
  oneOf,
  plainList,
} from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { groupOrAll, ofGroup, theGroup } from "./shapes.ts";

/** Ours. Bytes of an archive told in one event; one line of it always fits. */
export const CHUNK_BYTES = 256 * 1024;
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;
const PATH_BYTES_MAX = 16_384;
const NAME_BYTES_MAX = 1024;

const exportChunk = struct(
  "piece of an archive",
  {
    chunk: documented("its next bytes", boundedBytes("chunk", { min: 0, max: CHUNK_BYTES_MAX })),
    messages: documented("how many are told by then", count),
    total: documented("how many there were at its beginning", count),
  },
  { required: ["chunk", "messages", "total"] },
);

const exported = struct(
  "exported",
  {
    group_id: groupId,
    messages: count,
    merkle_root: documented("over the messages of the archive", merkleRoot),
    roster_entries: count,
    roster_head: rosterEntryId,
    sha256: documented("of all but its last line, which says it too", text),
    exporter: documented("the key that signed it, this node's", publicKey),
  },
  { required: ["group_id", "messages", "merkle_root", "roster_entries", "roster_head", "sha256", "exporter"] },
);

export type Exported = Decoded<typeof exported>;
export type ExportChunk = Decoded<typeof exportChunk>;

/**
 * The bytes of an archive as events, in order; it is whole once the answer is there. Throws `group_not_found`, and
 * `unavailable` where too much was removed meanwhile.
 */
export const moot_export = operation({
  name: "moot_export",
  summary: "All of a moot as one signed archive: roster, policies, messages, root",
  scope: "owner",
  onlyLooks: true,
  request: ofGroup,
  answer: exported,
  event: exportChunk,
  eventMax: CHUNK_BYTES_MAX * 2,
  patienceMs: "endless",
});

const importRequest = struct(
  "import",
  { path: documented("an archive, as the node's own machine names it", boundedText("path", PATH_BYTES_MAX)) },
  { required: ["path"] },
);

const importProgress = struct(
  "import progress",
  {
    stage: oneOf("stage", ["verify", "store"]),
    done: documented("bytes of the file", count),
    total: count,
  },
  { required: ["stage", "done", "total"] },
);

export type ImportProgress = Decoded<typeof importProgress>;

const imported = struct(
  "imported",
  {
    group_id: groupId,
    name: documented("what it is called here", clippedText("name", NAME_BYTES_MAX)),
    created: documented("the moot was not here before", bool),
    member: documented("this node is on its roster", bool),
    messages: documented("how many the archive has", count),
    stored: documented("how many of them were new here", count),
    known: documented("held here before, or removed here before", count),
    owed: documented("not taken now, for the rates of their authors: ask again later", count),
    refused: documented("not taken: too old or too large by the policy that holds here", count),
    unknown_author: documented("not taken: by keys that the roster followed here does not have", count),
    reason: documented("why the first of those was not taken", optional(clippedText("reason", 1024))),
    roster: oneOf("roster", ["same", "extended", "behind", "forked"]),
    archive_root: documented("over the messages of the archive", merkleRoot),
    merkle_root: documented("over what is held here now", merkleRoot),
    exporter: documented("the key that signed the archive", publicKey),
    exporter_is_member: bool,
    founder: documented("the key that founded the moot", optional(publicKey)),
  },
  {
    required: [
      "group_id",
      "created",
      "member",
      "messages",
      "stored",
      "known",
      "archive_root",
      "merkle_root",
      "exporter",
    ],
  },
);

export type Imported = Decoded<typeof imported>;

/**
 * Verifies all of the archive, then takes in what is not here. Throws `invalid_argument` naming the line of a file that is
 * no archive or was changed, `roster_rejected` for one of another moot with this id, `conflict` for a file that changes
 * meanwhile; nothing was taken then.
 */
export const moot_import = operation({
  name: "moot_import",
  summary: "Take in what an archive of a moot has and this node lacks, once all of it is verified",
  scope: "owner",
  request: importRequest,
  answer: imported,
  event: importProgress,
  patienceMs: "endless",
});

const pruneRequest = struct(
  "prune",
  {
    group_id: theGroup,
    older_than_ms: documented("counted back from the date here, which must be known to be right", optional(count)),
    before_ms: documented(
      "an instant, in place of that; both are taken back to the start of a day of UTC",
      optional(instantMs),
    ),
    lift: documented("keep again what the policy keeps, in place of both", optional(bool)),
    dry_run: documented("only say what would go", optional(bool)),
  },
  { required: ["group_id"] },
);

const pruneProgress = struct("prune progress", { removed: count, total: count }, { required: ["removed", "total"] });

const pruned = struct(
  "pruned",
  {
    group_id: groupId,
    before_ms: documented("what is older is not kept here; 0: what the policy keeps is", instantMs),
    messages: documented("how many went, or would go", count),
    left: documented("how many are held, or would be", count),
    dry_run: bool,
  },
  { required: ["group_id", "before_ms", "messages", "left", "dry_run"] },
);

export type Pruned = Decoded<typeof pruned>;
export type PruneProgress = Decoded<typeof pruneProgress>;

/**
 * Throws `invalid_argument`, `group_not_found`, and `unavailable` for `older_than_ms` while nobody knows whether the date
 * here is right. Ended by its caller the rest goes when the group looks at its time.
 */
export const prune = operation({
  name: "prune",
  summary: "Keep of a moot what is not older than a day, on this node alone, and remove the rest here",
  scope: "owner",
  request: pruneRequest,
  answer: pruned,
  event: pruneProgress,
  patienceMs: "endless",
});

/** Ours. Faults told of one moot; one with more is damaged enough. */
export const FAULTS_TOLD_MAX = 100;

const verifyRequest = struct("verify", { group_id: groupOrAll });

const verifyProgress = struct(
  "verify progress",
  { group_id: groupId, done: count, total: count },
  { required: ["group_id", "done", "total"] },
);

export type VerifyProgress = Decoded<typeof verifyProgress>;

const fault = struct(
  "fault",
  {
    what: oneOf("what", ["unreadable", "roster", "message", "log", "index", "order", "root", "ad", "note"]),
    message_id: documented("of the message that it is about", optional(messageId)),
    fault: documented("what was expected and found", clippedText("fault", 1024)),
  },
  { required: ["what", "fault"] },
);

const verifiedMoot = struct(
  "verified moot",
  {
    group_id: groupId,
    name: clippedText("name", NAME_BYTES_MAX),
    sound: bool,
    entries: documented("of the roster, each signature looked at", count),
    messages: documented("each signature looked at", count),
    merkle_root: documented("over what was read; absent: it could not be", optional(merkleRoot)),
    faults: plainList(fault, FAULTS_TOLD_MAX),
    more_faults: documented("how many more there are", count),
  },
  { required: ["group_id", "sound", "entries", "messages", "faults"] },
);

export type VerifiedMoot = Decoded<typeof verifiedMoot>;

/** Ours. As many moots as a status tells of, in one answer. */
const MOOTS_MAX = 8192;
const verified = struct("verified", { moots: plainList(verifiedMoot, MOOTS_MAX) }, { required: ["moots"] });

/** Throws `group_not_found`. What is damaged is told, not thrown. */
export const verify = operation({
  name: "verify",
  summary: "Look at every signature, the order and the root of what is kept, and name what is damaged",
  scope: "owner",
  onlyLooks: true,
  request: verifyRequest,
  answer: verified,
  answerMax: 8 * 1024 * 1024,
  event: verifyProgress,
  patienceMs: "endless",
});

export const CARE_OPERATIONS = { moot_export, moot_import, prune, verify };
