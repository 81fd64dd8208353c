import { ForksDigest, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import type { CopyPart } from "../../src/core/order/copy-part.ts";
import type { TimePlace } from "../../src/core/order/time-place.ts";
import type { Effect } from "../../src/machine/effect.ts";
import type { CopyStatus } from "../../src/machine/event.ts";
import type { MessageIndex, RosterView } from "../../src/machine/group-view.ts";

const hex = (n: number): string => n.toString(16).padStart(64, "0");

/** Key of the nth node; 0 is the local one. */
export const node = (n: number): PublicKey => PublicKey.fromHex(hex(0x1000_0000 + n));
export const id = (n: number): MessageId => MessageId.fromHex(hex(n));
export const ids = (from: number, count: number): MessageId[] => Array.from({ length: count }, (_, i) => id(from + i));
/** Of the message `id(n)`. */
export const place = (n: number): TimePlace => ({ timestamp: BigInt(n), author_node_id: 1, id: id(n) });
export const root = (n: number): MerkleRoot => MerkleRoot.fromHex(hex(n));
export const head = (n: number): RosterEntryId => RosterEntryId.fromHex(hex(n));
/** Members 0 to `count` - 1. */
export const members = (count: number): Set<PublicKey> => new Set(Array.from({ length: count }, (_, i) => node(i)));

/** What a member says that has removed nothing. */
export const NOTHING_PRUNED = {
  pruned_to_ms: 0,
  shared_since_ms: 0,
  shared_root: MerkleRoot.zero,
  shared_count: 0,
  now_ms: 1,
};

/** A group as the machines see it, to be changed at will. */
export class TestGroup implements MessageIndex, RosterView {
  readonly held = new Set<MessageId>();
  readonly pruned = new Set<MessageId>();
  readonly authors = new Set<PublicKey>();
  length = 1;
  fork = 0;
  forks = ForksDigest.zero;
  isForked = false;

  get head(): RosterEntryId {
    return head(this.length * 100 + this.fork);
  }

  get size(): number {
    return this.held.size;
  }

  /** Equal for equal numbers of messages, which is enough here. */
  merkleRoot(): MerkleRoot {
    return root(this.held.size);
  }

  wantedFromMs = 0;
  /** As the whole one, over what it is said to hold from then on; by the time asked for. */
  readonly parts = new Map<number, CopyPart>();

  sharedSince(sinceMs: number): CopyPart | undefined {
    return this.parts.get(sinceMs);
  }

  has(message: MessageId): boolean {
    return this.held.has(message);
  }

  knows(message: MessageId): boolean {
    return this.held.has(message) || this.pruned.has(message);
  }

  unknown(messages: readonly MessageId[]): MessageId[] {
    return messages.filter((message) => !this.knows(message));
  }

  knowsAuthor(author: PublicKey): boolean {
    return this.authors.has(author);
  }

  store(...messages: MessageId[]): MessageId[] {
    for (const message of messages) this.held.add(message);
    return messages;
  }

  /** What a peer with `count` messages and our roster says. */
  status(count: number): CopyStatus {
    const roster = { roster_head: this.head, roster_length: this.length };
    return { ...roster, merkle_root: root(count), message_count: count, ...NOTHING_PRUNED };
  }
}

/** Effects without wake-ups and reports. */
export function acts(effects: readonly Effect[]): Effect[] {
  return effects.filter(({ kind }) => kind !== "schedule" && kind !== "report");
}
