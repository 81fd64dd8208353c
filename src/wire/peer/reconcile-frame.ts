import type { GroupId, MessageId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, fixedBytes, groupId, messageId, u8, u32 } from "../../core/json/json-scalars.ts";
import { FINGERPRINT_BYTES } from "../../core/record/fingerprint.ts";
import { plainList, shortList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { RANGE_RESP_IDS_MAX } from "./sync-frames.ts";

/** Ours. A range takes at least 150 bytes as peers write it, so an honest 16 MiB frame holds fewer. */
const RECONCILE_RANGES_MAX = 112_000;

/** The ids in [lo, hi), unsigned big-endian; `hi` all zero is 2^256. */
export interface Range {
  readonly lo: MessageId;
  readonly hi: MessageId;
  /** 0: empty, 1: a fingerprint, 2: ids; a peer ends the session on any other number. */
  readonly kind: number;
  /** 16 bytes; all zero where it does not apply. */
  readonly fingerprint: Uint8Array;
  readonly ids: readonly MessageId[];
}

/** One step of a reconciliation session, in either direction. */
export interface Reconcile {
  readonly kind: "reconcile";
  readonly group_id: GroupId;
  readonly round: number;
  readonly ranges: readonly Range[];
  readonly done: boolean;
}

const range = struct<Range>("range", {
  lo: messageId,
  hi: messageId,
  kind: u8,
  fingerprint: fixedBytes("fingerprint", FINGERPRINT_BYTES),
  ids: shortList(messageId, RANGE_RESP_IDS_MAX),
});

export const reconcileBody: FrameBody<Reconcile> = jsonBody(
  "reconcile",
  struct<Omit<Reconcile, "kind">>("reconcile", {
    group_id: groupId,
    round: u32,
    ranges: plainList(range, RECONCILE_RANGES_MAX),
    done: omitted(bool),
  }),
);
