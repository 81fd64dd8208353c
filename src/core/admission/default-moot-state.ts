import type { GroupId } from "../ids.ts";
import { decodeJson, encodeWire, omitted, optional, struct } from "../json/json-codec.ts";
import { indentJson } from "../json/json-indent.ts";
import { groupId, i64, text } from "../json/json-scalars.ts";

/** Wire. What the owner of a node has said about the default moot; the original knows no other words. */
export const CONSENTS = ["unconfigured", "joined", "declined"] as const;
export type Consent = (typeof CONSENTS)[number];

/** What a data root keeps of the default moot: the owner's word, which nobody else gives. */
export interface DefaultMootState {
  readonly consent: Consent;
  /** Which moot it is about, where that is known. */
  readonly group_id: GroupId | undefined;
  /** By which descriptor it was joined; empty and 0 for by none. */
  readonly descriptor_url: string;
  readonly descriptor_issued_at_ms: bigint;
  /** Unix milliseconds. */
  readonly updated_at_ms: bigint;
}

/** Where nobody has said anything. */
export const NO_CONSENT: DefaultMootState = {
  consent: "unconfigured",
  group_id: undefined,
  descriptor_url: "",
  descriptor_issued_at_ms: 0n,
  updated_at_ms: 0n,
};

/** Wire. Keys and omit rules of the original's file. */
const stateCodec = struct<Omit<DefaultMootState, "consent"> & { readonly consent: string }>("default moot state", {
  consent: text,
  group_id: optional(groupId),
  descriptor_url: omitted(text),
  descriptor_issued_at_ms: omitted(i64),
  updated_at_ms: i64,
});

/** Reads the file. Throws `malformed_frame`; a word that is no consent is none. */
export function parseDefaultMootState(content: Uint8Array): DefaultMootState {
  const read = decodeJson(stateCodec, content);
  return { ...read, consent: CONSENTS.find((word) => word === read.consent) ?? "unconfigured" };
}

/** The content of the file. */
export function formatDefaultMootState(state: DefaultMootState): string {
  return `${indentJson(formatStateLine(state))}\n`;
}

/** The same on one line, as commands print it. */
export function formatStateLine(state: DefaultMootState): string {
  return new TextDecoder().decode(encodeWire(stateCodec, state));
}
