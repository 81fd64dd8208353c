import type { GroupId, MessageId } from "../ids.ts";
import { encodeCanonical, list, optional, struct } from "../json/json-codec.ts";
import { bytes, groupId, i64, messageId, u32 } from "../json/json-scalars.ts";
import { sign, verifySignature } from "../signature.ts";
import { message } from "./record-codecs.ts";
import type { Message } from "./records.ts";

/** Wire. A message whose canonical form is longer is announced without its body, which the original then fetches. */
export const GOSSIP_INLINE_MAX_BYTES = 4096;

/** What a gossip frame signs; an inlined body is never part of it. */
interface GossipFields {
  readonly group_id: GroupId;
  readonly ids: readonly MessageId[] | null;
  /** int64, Unix milliseconds. */
  readonly timestamp: bigint;
}

/** What a hello frame signs. */
interface HelloFields {
  readonly node_id: number;
  readonly pubkey: Uint8Array | null;
  readonly groups: readonly GroupId[] | null;
  /** int64, Unix milliseconds. */
  readonly timestamp: bigint;
}

/** A whole gossip frame. */
export interface Gossip extends GossipFields {
  /** The one announced message, inlined when small; never covered by the signature. */
  readonly body: Message | undefined;
  readonly signature: Uint8Array | null;
}

/** A whole hello frame. */
interface Hello extends HelloFields {
  readonly signature: Uint8Array | null;
}

/** Wire. `signature` has no omit rule here, so the signing forms hold `"signature":null`. */
export const gossip = struct<Gossip>("gossip", {
  group_id: groupId,
  ids: list(messageId),
  timestamp: i64,
  body: optional(message),
  signature: bytes,
});

/** Wire. As `gossip`: its signing form holds `"signature":null` too. */
export const hello = struct<Hello>("hello", {
  node_id: u32,
  pubkey: bytes,
  groups: list(groupId),
  timestamp: i64,
  signature: bytes,
});

/** The bytes a gossip frame's signature covers; other fields of `frame` are ignored. */
export function gossipSigningForm(frame: GossipFields): Uint8Array<ArrayBuffer> {
  return encodeCanonical(gossip, { ...frame, body: undefined, signature: null });
}

/** The bytes a hello frame's signature covers; other fields of `frame` are ignored. */
export function helloSigningForm(frame: HelloFields): Uint8Array<ArrayBuffer> {
  return encodeCanonical(hello, { ...frame, signature: null });
}

/** 64 bytes. Every node that forwards a gossip frame signs it anew with its own key. */
export function signGossip({ seed, frame }: { seed: Uint8Array; frame: GossipFields }): Uint8Array {
  return sign(seed, gossipSigningForm(frame));
}

/** 64 bytes. */
export function signHello({ seed, frame }: { seed: Uint8Array; frame: HelloFields }): Uint8Array {
  return sign(seed, helloSigningForm(frame));
}

/** `key` is the roster key of the peer the transport authenticated. Never throws. */
export function verifyGossip({ key, frame }: { key: Uint8Array | null; frame: Omit<Gossip, "body"> }): boolean {
  return verifySignature(key, gossipSigningForm(frame), frame.signature);
}

/** `key` is the one the frame itself names. Never throws. */
export function verifyHello({ key, frame }: { key: Uint8Array | null; frame: Hello }): boolean {
  return verifySignature(key, helloSigningForm(frame), frame.signature);
}
