import type { PublicKey } from "../ids.ts";
import type { NodeEndpoint } from "../record/records.ts";

/** Every way to reach a peer that this program knows by name. */
export type CarrierName = "iroh" | "pilot" | "memory";

/** How a place is reached: `direct` by its own address, `relay` through another host. */
export type AddressKind = "direct" | "relay";

/** How the addresses of one carrier stand in what we sign and pass on: links, peer hints, invites. */
export interface CarrierCodec {
  /** Whether `address` is one, and of which kind. Throws `invalid_argument`. */
  kindOf(address: string): AddressKind;
  /** The endpoint of an invite that says `key` may be at `address`. Throws `invalid_argument`. */
  endpoint(key: PublicKey, address: string): NodeEndpoint;
  /** What an endpoint says; `undefined` when it is of another carrier, or does not parse, as any unknown one is skipped. */
  readEndpoint(endpoint: NodeEndpoint): { readonly key: PublicKey; readonly address: string } | undefined;
}
