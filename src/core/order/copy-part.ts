import type { MerkleRoot } from "../ids.ts";

/** The messages of a copy of a group from some time on. */
export interface CopyPart {
  readonly root: MerkleRoot;
  readonly count: number;
}
