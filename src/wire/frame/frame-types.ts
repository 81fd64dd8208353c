/** Wire. Type byte of each frame between peers; the original closes the stream on any other. */
export const FRAME_TYPE = {
  hello: 0x01,
  roster_req: 0x02,
  roster_resp: 0x03,
  gossip: 0x04,
  fetch_req: 0x05,
  fetch_resp: 0x06,
  merkle_req: 0x07,
  merkle_resp: 0x08,
  range_req: 0x09,
  range_resp: 0x0a,
  ihave: 0x0b,
  graft: 0x0c,
  prune: 0x0d,
  transport_ad: 0x0e,
  transport_snapshot_req: 0x0f,
  transport_snapshot_resp: 0x10,
  reconcile: 0x11,
  member_profile_ad: 0x12,
  member_profile_snapshot_req: 0x13,
  member_profile_snapshot_resp: 0x14,
  diag_ping_req: 0x15,
  diag_ping_resp: 0x16,
} as const;

/**
 * What two peers speak. `pilot`: the original's frames and nothing else. `entmoot/1`: those and the
 * extensions of extensions.ts; the name is also the ALPN, so both ends know it before the first byte.
 */
export type Dialect = "pilot" | "entmoot/1";

/** Whether a frame of extensions.ts can be said in it, a refusal among them. */
export function hasExtensions(dialect: Dialect): boolean {
  return dialect === "entmoot/1";
}

/** Ours. Extensions are numbered from here, between peers and on the control socket alike; the original counts up from below. */
export const EXTENSION_TYPE_MIN = 0x80;
