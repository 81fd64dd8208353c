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
  roster_forks_req: { type: 0x8f, lengthMax: SMALL, since: "0.1.0" },
  roster_forks_resp: { type: 0x90, lengthMax: MEBIBYTE, since: "0.1.0" },
  roster_proof_req: { type: 0x91, lengthMax: SMALL, since: "0.1.0" },
  roster_proof_resp: { type: 0x92, lengthMax: MEBIBYTE, since: "0.1.0" },
  note_heads: { type: 0x93, lengthMax: SMALL, since: "0.1.0" },
  notes: { type: 0x94, lengthMax: SMALL, since: "0.1.0" },
  notes_req: { type: 0x95, lengthMax: SMALL, since: "0.1.0" },
  notes_resp: { type: 0x96, lengthMax: 512 * 1024, since: "0.1.0" },
} as const satisfies Readonly<Record<string, Extension>>;

/**
 * Ours. The register of what we add to the control socket. The original later took 0x23 to 0x26
 * for itself, so nothing below 0x80 is ever ours. All our operations travel in one frame.
 */
export const CONTROL_EXTENSIONS = {
  refused: { type: 0x80, lengthMax: SMALL, since: "0.1.0" },
  operation: { type: 0x90, lengthMax: 16 * MEBIBYTE, since: "0.1.0" },
} as const satisfies Readonly<Record<string, Extension>>;
