import { PEER_EXTENSIONS } from "./extensions.ts";
import { type Dialect, EXTENSION_TYPE_MIN, FRAME_TYPE, hasExtensions } from "./frame-types.ts";

/** Wire. Greatest length field, which counts the type byte and the body; the original ends the stream at more. */
export const FRAME_LENGTH_MAX = 16 * 1024 * 1024;

/** Wire. Bytes of the length field, big-endian, with which every frame of the original begins. */
export const FRAME_PREFIX_BYTES = 4;

/** Ours. Frames of a few fixed fields; the slack is for keys we do not know. */
const SMALL = 64 * 1024;

/** Ours. A message of 4,096 canonical bytes grows at most sixfold by escapes, 4,096 ids take 193 KB. */
const MEDIUM = 256 * 1024;

/** Ours. The cap of an extension nobody has told us about, and the greatest any extension may have. */
export const EXTENSION_LENGTH_MAX = 1024 * 1024;

/** Ours. Greatest length field of each of the original's frames, which no honest original exceeds. */
const ORIGINAL_LIMITS: Readonly<Record<keyof typeof FRAME_TYPE, number>> = {
  hello: SMALL,
  roster_req: SMALL,
  roster_resp: FRAME_LENGTH_MAX,
  gossip: MEDIUM,
  fetch_req: SMALL,
  fetch_resp: FRAME_LENGTH_MAX,
  merkle_req: SMALL,
  merkle_resp: SMALL,
  range_req: SMALL,
  range_resp: FRAME_LENGTH_MAX,
  ihave: MEDIUM,
  graft: MEDIUM,
  prune: SMALL,
  transport_ad: SMALL,
  transport_snapshot_req: SMALL,
  transport_snapshot_resp: FRAME_LENGTH_MAX,
  reconcile: FRAME_LENGTH_MAX,
  member_profile_ad: SMALL,
  member_profile_snapshot_req: SMALL,
  member_profile_snapshot_resp: FRAME_LENGTH_MAX,
  diag_ping_req: SMALL,
  diag_ping_resp: SMALL,
};

/** Greatest length field for each type byte; a frame reader refuses more as soon as it has read the type. */
export type FrameLimits = (type: number) => number;

/** What the original itself allows: 16 MiB whatever the type. */
export const PROTOCOL_LIMITS: FrameLimits = () => FRAME_LENGTH_MAX;

/** The caps between peers, in both directions. */
export function peerLimits(dialect: Dialect): FrameLimits {
  return hasExtensions(dialect) ? entmoot1Limits : pilotLimits;
}

const pilotLimits: FrameLimits = (type) => PILOT[type]!;
const entmoot1Limits: FrameLimits = (type) => ENTMOOT_1[type]!;

const PILOT = new Array<number>(256).fill(SMALL);
for (const [name, type] of Object.entries(FRAME_TYPE)) PILOT[type] = ORIGINAL_LIMITS[name as keyof typeof FRAME_TYPE];

const ENTMOOT_1 = PILOT.slice(0, EXTENSION_TYPE_MIN).concat(new Array<number>(128).fill(EXTENSION_LENGTH_MAX));
for (const { type, lengthMax } of Object.values(PEER_EXTENSIONS)) ENTMOOT_1[type] = lengthMax;
