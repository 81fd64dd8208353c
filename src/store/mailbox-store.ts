import type { UnixMs } from "../core/clock.ts";
import { type GroupId, MessageId } from "../core/ids.ts";

/** By which the original knows where a client is: a message and its date. */
export interface MailboxKeys {
  readonly messageId: MessageId;
  /** Unix milliseconds. */
  readonly timestamp: bigint;
}

/** What a client that never acknowledged has. */
export const NO_MESSAGE_READ: MailboxKeys = { messageId: MessageId.zero, timestamp: 0n };

/** Where a client of a moot's mailbox is, as it is kept. */
export interface MailboxRow {
  /** `undefined`: they are damaged. */
  readonly keys: MailboxKeys | undefined;
  /** The place written here last, and the keys that it was written with: others now are the original's since. */
  readonly placed: { readonly place: string; readonly keys: MailboxKeys } | undefined;
  /** Another one when anything of the row is. */
  readonly stamp: string;
}

export interface MailboxChange {
  readonly groupId: GroupId;
  readonly client: string;
  /** The stamp of the row as it was read; `undefined`: there was none. */
  readonly expected: string | undefined;
  readonly place: string;
  readonly keys: MailboxKeys;
  readonly nowMs: UnixMs;
  /** For a row that is new: may throw, given how many clients of the moot begin with a prefix. */
  readonly checkRoom: (countOf: (prefix: string) => number) => void;
}

/**
 * Where each named client of the mailbox is, of all moots of a data root. Other processes read and write it too, with
 * or without the lock of the data root. Looking makes nothing. Throws `StoreBusy` while another process writes it,
 * `data_root_invalid` when it is damaged or not writable, `disk_full`.
 */
export interface MailboxStore extends Disposable {
  row(groupId: GroupId, client: string): MailboxRow | undefined;
  /** Durable on return. `false`, and nothing done, when the row is another than expected by now. */
  put(change: MailboxChange): boolean;
  /** Whether there was one. */
  forget(groupId: GroupId, client: string): boolean;
  /** Where each message stands in the order in which the original tells a moot, where its database is still here. Costs as much as that holds. */
  originalOrder(groupId: GroupId): ReadonlyMap<MessageId, number> | undefined;
}
