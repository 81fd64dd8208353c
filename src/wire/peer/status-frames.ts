import { type Decoded, omitted, struct } from "../../core/json/json-codec.ts";
import { bool, forksDigest, groupId, merkleRoot, rosterEntryId } from "../../core/json/json-scalars.ts";
import { boundedText, count, instantMs } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

const summaryFields = {
  group_id: groupId,
  roster_head: rosterEntryId,
  roster_length: count,
  merkle_root: merkleRoot,
  message_count: count,
  /** The sender's date, Unix milliseconds; 0 when it does not say. */
  now_ms: omitted(instantMs),
  /** Everything older may have been removed there, Unix milliseconds; 0: nothing was. */
  pruned_to_ms: omitted(instantMs),
  /** From when on `shared_root` counts, Unix milliseconds; 0: it says nothing. */
  shared_since_ms: omitted(instantMs),
  shared_root: omitted(merkleRoot),
  shared_count: omitted(count),
  /** Over what the sender knows of forks of the roster; zero for nothing. */
  roster_forks: omitted(forksDigest),
  /** Drawn when the sender's program started: one key with two of them in turns runs twice. Empty when it does not say. */
  instance: omitted(boundedText("instance", 32)),
};
const summaryKeys = ["group_id", "roster_head", "roster_length", "merkle_root", "message_count"] as const;
const copySummary = struct("status_req", summaryFields, { required: summaryKeys });

/** What a peer says of its copy of a group. */
export type CopySummary = Decoded<typeof copySummary>;

/** Tells a peer how we see a group and asks how it does: one round trip tells both sides whether anything is missing. */
export type StatusReq = FrameOf<typeof statusReqBody>;

export const statusReqBody = jsonBody("status_req", copySummary);

export type StatusResp = FrameOf<typeof statusRespBody>;

export const statusRespBody = jsonBody(
  "status_resp",
  struct(
    "status_resp",
    {
      ...summaryFields,
      /** Of the peer's program. At most 64 bytes. */
      version: boundedText("version", 64),
      /** The group's policy as JSON text, from its founder alone; empty for none. At most 4,096 bytes. */
      policy: omitted(boundedText("policy", 4096)),
      /** The asker's key runs in another place too: both asked here in turns. */
      twin: omitted(bool),
    },
    { required: [...summaryKeys, "version"] },
  ),
);
