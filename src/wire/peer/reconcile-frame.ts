import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, fixedBytes, groupId, messageId, u8, u32 } from "../../core/json/json-scalars.ts";
import { FINGERPRINT_BYTES } from "../../core/record/fingerprint.ts";
import { plainList, shortList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { RANGE_RESP_IDS_MAX } from "./sync-frames.ts";

/** Ours. A range takes at least 150 bytes as peers write it, so an honest 16 MiB frame holds fewer. */
const RECONCILE_RANGES_MAX = 112_000;

/** The ids in [lo, hi), unsigned big-endian; `hi` all zero is 2^256. */
const range = struct("range", {
  lo: messageId,
  hi: messageId,
  /** 0: empty, 1: a fingerprint, 2: ids; a peer ends the session on any other number. */
  kind: u8,
  /** 16 bytes; all zero where it does not apply. */
  fingerprint: fixedBytes("fingerprint", FINGERPRINT_BYTES),
  ids: shortList(messageId, RANGE_RESP_IDS_MAX),
});

/** One step of a reconciliation session, in either direction. */
export type Reconcile = FrameOf<typeof reconcileBody>;

export const reconcileBody = jsonBody(
  "reconcile",
  struct("reconcile", {
    group_id: groupId,
    round: u32,
    ranges: plainList(range, RECONCILE_RANGES_MAX),
    done: omitted(bool),
  }),
);
