/** One frame this project added to the original's. */
export interface Extension {
  /** The type byte: 0x80 or above. */
  readonly type: number;
  /** Greatest length field (type byte and body). */
  readonly lengthMax: number;
  /** The first version of this program that reads it. */
  readonly since: string;
}

const SMALL = 64 * 1024;
const MEBIBYTE = 1024 * 1024;

/**
 * Ours. The register of what the dialect `entmoot/1` adds between peers. A number is never used
 * again for something else; a JSON body may gain keys, which older readers ignore.
 */
export const PEER_EXTENSIONS = {
  refused: { type: 0x80, lengthMax: SMALL, since: "0.1.0" },
  status_req: { type: 0x81, lengthMax: SMALL, since: "0.1.0" },
  status_resp: { type: 0x82, lengthMax: SMALL, since: "0.1.0" },
  push: { type: 0x83, lengthMax: MEBIBYTE, since: "0.1.0" },
  fetch_many_req: { type: 0x84, lengthMax: 256 * 1024, since: "0.1.0" },
  fetch_many_resp: { type: 0x85, lengthMax: MEBIBYTE, since: "0.1.0" },
  ids_req: { type: 0x86, lengthMax: SMALL, since: "0.1.0" },
  ids_resp: { type: 0x87, lengthMax: MEBIBYTE, since: "0.1.0" },
  redeem_req: { type: 0x88, lengthMax: SMALL, since: "0.1.0" },
  redeem_resp: { type: 0x89, lengthMax: SMALL, since: "0.1.0" },
  peer_hint: { type: 0x8a, lengthMax: SMALL, since: "0.1.0" },
  peer_hints_req: { type: 0x8b, lengthMax: SMALL, since: "0.1.0" },
  peer_hints_resp: { type: 0x8c, lengthMax: 512 * 1024, since: "0.1.0" },
  roster_page_req: { type: 0x8d, lengthMax: SMALL, since: "0.1.0" },
  roster_page_resp: { type: 0x8e, lengthMax: MEBIBYTE, since: "0.1.0" },
} as const satisfies Readonly<Record<string, Extension>>;

/**
 * Ours. The register of what we add to the control socket. The original later took 0x23 to 0x26
 * for itself, so nothing below 0x80 is ever ours.
 */
export const CONTROL_EXTENSIONS = {
  refused: { type: 0x80, lengthMax: SMALL, since: "0.1.0" },
  node_status_req: { type: 0x90, lengthMax: SMALL, since: "0.1.0" },
  node_status_resp: { type: 0x91, lengthMax: 4 * MEBIBYTE, since: "0.1.0" },
  stop_req: { type: 0x92, lengthMax: SMALL, since: "0.1.0" },
  stop_resp: { type: 0x93, lengthMax: SMALL, since: "0.1.0" },
  group_create_req: { type: 0x94, lengthMax: 256 * 1024, since: "0.1.0" },
  group_create_resp: { type: 0x95, lengthMax: SMALL, since: "0.1.0" },
  link_create_req: { type: 0x96, lengthMax: SMALL, since: "0.1.0" },
  link_create_resp: { type: 0x97, lengthMax: SMALL, since: "0.1.0" },
  link_list_req: { type: 0x98, lengthMax: SMALL, since: "0.1.0" },
  link_list_resp: { type: 0x99, lengthMax: 8 * MEBIBYTE, since: "0.1.0" },
  link_revoke_req: { type: 0x9a, lengthMax: SMALL, since: "0.1.0" },
  link_revoke_resp: { type: 0x9b, lengthMax: SMALL, since: "0.1.0" },
  roster_change_req: { type: 0x9c, lengthMax: SMALL, since: "0.1.0" },
  roster_change_resp: { type: 0x9d, lengthMax: SMALL, since: "0.1.0" },
  invite_mint_req: { type: 0x9e, lengthMax: SMALL, since: "0.1.0" },
  invite_mint_resp: { type: 0x9f, lengthMax: 256 * 1024, since: "0.1.0" },
  join_start: { type: 0xa0, lengthMax: 512 * 1024, since: "0.1.0" },
  join_progress: { type: 0xa1, lengthMax: SMALL, since: "0.1.0" },
  joined: { type: 0xa2, lengthMax: SMALL, since: "0.1.0" },
  peers_req: { type: 0xa3, lengthMax: SMALL, since: "0.1.0" },
  peers_resp: { type: 0xa4, lengthMax: 16 * MEBIBYTE, since: "0.1.0" },
  watch_req: { type: 0xa5, lengthMax: MEBIBYTE, since: "0.1.0" },
  watch_message: { type: 0xa6, lengthMax: 16 * MEBIBYTE, since: "0.1.0" },
  watch_peer: { type: 0xa7, lengthMax: SMALL, since: "0.1.0" },
  publish_token_req: { type: 0xa8, lengthMax: 16 * MEBIBYTE, since: "0.1.0" },
  publish_token_resp: { type: 0xa9, lengthMax: SMALL, since: "0.1.0" },
  restart_req: { type: 0xaa, lengthMax: SMALL, since: "0.1.0" },
  restart_resp: { type: 0xab, lengthMax: 4 * MEBIBYTE, since: "0.1.0" },
} as const satisfies Readonly<Record<string, Extension>>;
