import type { PublicKey } from "../../core/ids.ts";
import type { ReceiptRow } from "../../core/record/note-bodies.ts";
import type { Group } from "../group/group.ts";

/** Whether anything that can wake a member's agent listens. */
export interface ShownPresence {
  readonly listening: boolean;
  /** Since when, Unix milliseconds. */
  readonly sinceMs: number;
  /** The program that listens; empty where it is not told. */
  readonly host: string;
}

/** What came that somebody here may want to hear of. */
export type NoteNews =
  /** A reader says something else of these messages than before. */
  | {
      readonly kind: "receipt";
      readonly group: Group;
      readonly reader: PublicKey;
      readonly nobodySinceMs: number;
      readonly rows: readonly ReceiptRow[];
    }
  | { readonly kind: "presence"; readonly group: Group; readonly member: PublicKey; readonly presence: ShownPresence }
  /** A member, perhaps this node itself, says that it has left. */
  | { readonly kind: "leave"; readonly group: Group; readonly member: PublicKey; readonly leftMs: number };
