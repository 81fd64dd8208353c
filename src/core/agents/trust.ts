import type { PublicKey } from "../ids.ts";

/**
 * What this machine itself knows of an author, from least to most. `known`: another agent of this machine, or a member on the
 * owner's allow list. `operator`: the node that this voice belongs to. None of them is the user of the agent that is told.
 */
export const TRUSTS = ["peer", "known", "operator"] as const;
export type Trust = (typeof TRUSTS)[number];

/** What the roster says of an author. `none`: it is no current member. */
export const ROLES = ["founder", "member", "none"] as const;
export type Role = (typeof ROLES)[number];

/** Keys of this machine, as the daemon above a voice tells them: no member has a say in it. */
export interface Neighbours {
  /** `undefined`: this node is no voice. */
  readonly operator: PublicKey | undefined;
  readonly voices: ReadonlySet<PublicKey>;
}

export const NO_NEIGHBOURS: Neighbours = { operator: undefined, voices: new Set() };

/** `allowed`: whom the owner lets through in the moot. */
export function trustOf(
  author: PublicKey | undefined,
  { allowed, neighbours }: { readonly allowed: readonly PublicKey[]; readonly neighbours: Neighbours },
): Trust {
  if (author === undefined) return "peer";
  if (author === neighbours.operator) return "operator";
  return neighbours.voices.has(author) || allowed.includes(author) ? "known" : "peer";
}
