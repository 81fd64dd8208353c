import { EntmootError } from "../../core/errors.ts";
import { PEER_EXTENSIONS } from "../frame/extensions.ts";
import type { FrameBodies, FrameBody } from "../frame/frame-body.ts";
import type { FrameLanguage } from "../frame/frame-language.ts";
import { FRAME_PREFIX_BYTES, peerLimits } from "../frame/frame-limits.ts";
import { type Dialect, EXTENSION_TYPE_MIN, FRAME_TYPE, hasExtensions } from "../frame/frame-types.ts";
import { writeFrame } from "../frame/frame-writer.ts";
import { type Refused, refusedBody } from "../frame/refused-frame.ts";
import {
  type MemberProfileAdFrame,
  type MemberProfileSnapshotReq,
  type MemberProfileSnapshotResp,
  memberProfileAdBody,
  memberProfileSnapshotReqBody,
  memberProfileSnapshotRespBody,
  type TransportAdFrame,
  type TransportSnapshotReq,
  type TransportSnapshotResp,
  transportAdBody,
  transportSnapshotReqBody,
  transportSnapshotRespBody,
} from "./ad-frames.ts";
import { type DiagPingReq, type DiagPingResp, diagPingReqBody, diagPingRespBody } from "./diag-frames.ts";
import { type FetchReq, type FetchResp, fetchReqBody, fetchRespBody } from "./fetch-frames.ts";
import { type FetchManyReq, type FetchManyResp, fetchManyReqBody, fetchManyRespBody } from "./fetch-many-frames.ts";
import {
  type GossipFrame,
  type Graft,
  gossipBody,
  graftBody,
  type HelloFrame,
  helloBody,
  type IHave,
  ihaveBody,
  type Prune,
  pruneBody,
} from "./gossip-frames.ts";
import { type IdsReq, type IdsResp, idsReqBody, idsRespBody } from "./ids-frames.ts";
import {
  type NoteHeadsFrame,
  type NotesFrame,
  type NotesReq,
  type NotesResp,
  noteHeadsBody,
  notesBody,
  notesReqBody,
  notesRespBody,
} from "./note-frames.ts";
import {
  type PeerHintFrame,
  type PeerHintsReq,
  type PeerHintsResp,
  peerHintBody,
  peerHintsReqBody,
  peerHintsRespBody,
} from "./peer-hint-frames.ts";
import { type Push, pushBody } from "./push-frame.ts";
import { type Reconcile, reconcileBody } from "./reconcile-frame.ts";
import { type RedeemReq, type RedeemResp, redeemReqBody, redeemRespBody } from "./redeem-frames.ts";
import {
  type RosterForksReq,
  type RosterForksResp,
  type RosterProofReq,
  type RosterProofResp,
  rosterForksReqBody,
  rosterForksRespBody,
  rosterProofReqBody,
  rosterProofRespBody,
} from "./roster-forks-frames.ts";
import { type RosterReq, type RosterResp, rosterReqBody, rosterRespBody } from "./roster-frames.ts";
import {
  type RosterPageReq,
  type RosterPageResp,
  rosterPageReqBody,
  rosterPageRespBody,
} from "./roster-page-frames.ts";
import { type StatusReq, type StatusResp, statusReqBody, statusRespBody } from "./status-frames.ts";
import {
  type MerkleReq,
  type MerkleResp,
  merkleReqBody,
  merkleRespBody,
  type RangeReq,
  type RangeResp,
  rangeReqBody,
  rangeRespBody,
} from "./sync-frames.ts";

/** The frames an original peer understands. */
export type OriginalFrame =
  | HelloFrame
  | RosterReq
  | RosterResp
  | GossipFrame
  | FetchReq
  | FetchResp
  | MerkleReq
  | MerkleResp
  | RangeReq
  | RangeResp
  | IHave
  | Graft
  | Prune
  | TransportAdFrame
  | TransportSnapshotReq
  | TransportSnapshotResp
  | Reconcile
  | MemberProfileAdFrame
  | MemberProfileSnapshotReq
  | MemberProfileSnapshotResp
  | DiagPingReq
  | DiagPingResp;

/** The frames `entmoot/1` adds. */
type ExtensionFrame =
  | Refused
  | StatusReq
  | StatusResp
  | Push
  | FetchManyReq
  | FetchManyResp
  | IdsReq
  | IdsResp
  | RedeemReq
  | RedeemResp
  | PeerHintFrame
  | PeerHintsReq
  | PeerHintsResp
  | RosterPageReq
  | RosterPageResp
  | RosterForksReq
  | RosterForksResp
  | RosterProofReq
  | RosterProofResp
  | NoteHeadsFrame
  | NotesFrame
  | NotesReq
  | NotesResp;

/** Everything one peer says to another. */
export type Frame = OriginalFrame | ExtensionFrame;

/** A frame of an `entmoot/1` newer than ours: to be answered with `refused`, not by closing. */
export interface UnknownExtension {
  readonly kind: "unknown_extension";
  readonly type: number;
}

/** The type byte of every kind of frame. */
const TYPE_OF_KIND: Readonly<Record<Frame["kind"], number>> = {
  ...FRAME_TYPE,
  ...(Object.fromEntries(Object.entries(PEER_EXTENSIONS).map(([kind, { type }]) => [kind, type])) as Record<
    keyof typeof PEER_EXTENSIONS,
    number
  >),
};

const BODIES: FrameBodies<Frame> = {
  hello: helloBody,
  roster_req: rosterReqBody,
  roster_resp: rosterRespBody,
  gossip: gossipBody,
  fetch_req: fetchReqBody,
  fetch_resp: fetchRespBody,
  merkle_req: merkleReqBody,
  merkle_resp: merkleRespBody,
  range_req: rangeReqBody,
  range_resp: rangeRespBody,
  ihave: ihaveBody,
  graft: graftBody,
  prune: pruneBody,
  transport_ad: transportAdBody,
  transport_snapshot_req: transportSnapshotReqBody,
  transport_snapshot_resp: transportSnapshotRespBody,
  reconcile: reconcileBody,
  member_profile_ad: memberProfileAdBody,
  member_profile_snapshot_req: memberProfileSnapshotReqBody,
  member_profile_snapshot_resp: memberProfileSnapshotRespBody,
  diag_ping_req: diagPingReqBody,
  diag_ping_resp: diagPingRespBody,
  refused: refusedBody,
  status_req: statusReqBody,
  status_resp: statusRespBody,
  push: pushBody,
  fetch_many_req: fetchManyReqBody,
  fetch_many_resp: fetchManyRespBody,
  ids_req: idsReqBody,
  ids_resp: idsRespBody,
  redeem_req: redeemReqBody,
  redeem_resp: redeemRespBody,
  peer_hint: peerHintBody,
  peer_hints_req: peerHintsReqBody,
  peer_hints_resp: peerHintsRespBody,
  roster_page_req: rosterPageReqBody,
  roster_page_resp: rosterPageRespBody,
  roster_forks_req: rosterForksReqBody,
  roster_forks_resp: rosterForksRespBody,
  roster_proof_req: rosterProofReqBody,
  roster_proof_resp: rosterProofRespBody,
  note_heads: noteHeadsBody,
  notes: notesBody,
  notes_req: notesReqBody,
  notes_resp: notesRespBody,
};

const BODY_OF_TYPE = new Map(
  Object.entries(TYPE_OF_KIND).map(([kind, type]) => [type, BODIES[kind as Frame["kind"]] as FrameBody<Frame>]),
);

/** The type byte of a kind of frame. */
export function frameType(kind: Frame["kind"]): number {
  return TYPE_OF_KIND[kind];
}

/** What is said in a dialect; a frame of an `entmoot/1` newer than ours is heard as `unknown_extension`. */
export function peerLanguage(dialect: Dialect): FrameLanguage<Frame, Frame | UnknownExtension> {
  return LANGUAGES[dialect];
}

/**
 * The bytes of a frame, to be handed over in one write. Throws `unsupported` for an extension over
 * `pilot`, `frame_too_large` past the type's limit and `invalid_argument` for what no peer would accept.
 */
export function encodeFrame(frame: Frame, dialect: Dialect): Uint8Array<ArrayBuffer> {
  return encodeSized(sizeFrame(frame), dialect);
}

/** A frame whose body is written, so that its size is known before it is which dialect will carry it. */
export interface SizedFrame {
  readonly kind: Frame["kind"];
  /** In pieces, some of them views into what the frame holds. */
  readonly body: readonly Uint8Array[];
  /** Bytes of the whole frame. */
  readonly length: number;
}

/** Throws `invalid_argument` for what no peer would accept. */
export function sizeFrame(frame: Frame): SizedFrame {
  const body = (BODIES[frame.kind] as FrameBody<Frame>).encode(frame);
  return { kind: frame.kind, body, length: body.reduce((sum, { length }) => sum + length, FRAME_PREFIX_BYTES + 1) };
}

/** As `encodeFrame`; throws `unsupported` and `frame_too_large`. */
export function encodeSized({ kind, body }: SizedFrame, dialect: Dialect): Uint8Array<ArrayBuffer> {
  const type = TYPE_OF_KIND[kind];
  if (!hasExtensions(dialect) && type >= EXTENSION_TYPE_MIN) {
    throw new EntmootError("unsupported", `${kind}: an extension, not part of the dialect ${dialect}`);
  }
  return writeFrame(type, body, peerLimits(dialect));
}

/**
 * The frame a reader of the same dialect gave. Throws `unknown_frame` or `malformed_frame`.
 * The frame may hold views into `body`.
 */
export function decodeFrame(type: number, body: Uint8Array, dialect: "pilot"): OriginalFrame;
export function decodeFrame(type: number, body: Uint8Array, dialect: Dialect): Frame | UnknownExtension;
export function decodeFrame(type: number, body: Uint8Array, dialect: Dialect): Frame | UnknownExtension {
  const isExtension = type >= EXTENSION_TYPE_MIN;
  const codec = isExtension && !hasExtensions(dialect) ? undefined : BODY_OF_TYPE.get(type);
  if (codec !== undefined) return codec.decode(body);
  if (isExtension && hasExtensions(dialect)) return { kind: "unknown_extension", type };
  const name = `0x${type.toString(16).padStart(2, "0")}`;
  // An empty body is looked at before the type, as original peers do.
  if (body.length === 0) throw new EntmootError("malformed_frame", `frame ${name}: expected a body, found nothing`);
  throw new EntmootError("unknown_frame", `frame: expected a type of the dialect ${dialect}, found ${name}`);
}

const languageOf = (dialect: Dialect): FrameLanguage<Frame, Frame | UnknownExtension> => ({
  limits: peerLimits(dialect),
  decode: (type, body) => decodeFrame(type, body, dialect),
  encode: (frame) => encodeFrame(frame, dialect),
});

const LANGUAGES: Readonly<Record<Dialect, FrameLanguage<Frame, Frame | UnknownExtension>>> = {
  pilot: languageOf("pilot"),
  "entmoot/1": languageOf("entmoot/1"),
};
