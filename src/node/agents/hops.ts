import { MENTIONS_MAX } from "../../core/agents/mentions.ts";
import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock } from "../../core/clock.ts";
import type { GroupId, MessageId, PublicKey } from "../../core/ids.ts";
import { decodeMessage } from "../../core/record/message.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import type { Moot } from "../read/moots.ts";

/** How far a message is from where its talk began. */
export interface Hops {
  /** From 1. */
  readonly hop: number;
  /** Messages of this node among those that its references lead back to. */
  readonly own: number;
}

/** Ours. Messages that are looked up for one: a chain that is longer is longer than any that wakes. */
const LOOKED_UP_MAX = 32;
/** Ours. References of one message that are looked up; a member may name many. What this node said is known without that. */
const FOLLOWED_MAX = 4;
/** Ours. Messages of which it is remembered, so that who waits is not counted anew each time somebody is woken. */
const COUNTED_MAX = 1024;
/** Ours. What was handed over, or said to somebody, so long ago is another talk. */
const TALK_MS = 600_000;
/** Ours. Messages of this node, and members that it spoke to, of which the hop is known; past it a talk begins anew, which rates still bound. */
const REMEMBERED_MAX = 4096;

interface Said {
  readonly hop: number;
  readonly atMs: number;
  /** Its number in the log: what stands before it was said without having heard it. */
  readonly seq: number;
}

/**
 * Counts hops along references. A message without any goes on from what its author was told last: this node's own from
 * what its agent was handed, another's from what this node said to it.
 */
export class HopCounter {
  readonly #clock: Clock;
  readonly #local: PublicKey;
  /** Own messages that reference nothing. */
  readonly #own = new BoundedMap<MessageId, number>(REMEMBERED_MAX);
  readonly #handed = new BoundedMap<GroupId, Said>(REMEMBERED_MAX);
  /** By moot and member. */
  readonly #saidTo = new BoundedMap<string, Said>(REMEMBERED_MAX);
  readonly #counted = new BoundedMap<MessageId, Hops>(COUNTED_MAX);

  constructor({ clock, local }: { readonly clock: Clock; readonly local: PublicKey }) {
    this.#clock = clock;
    this.#local = local;
  }

  of(moot: Moot, message: Message): Hops {
    const known = this.#counted.get(message.id);
    if (known !== undefined) return known;
    const counted = this.#count(moot, message, { left: LOOKED_UP_MAX, found: new Map() });
    this.#counted.set(message.id, counted);
    return counted;
  }

  /** The agent of this node was handed a message. */
  handed(groupId: GroupId, hop: number): void {
    this.#handed.set(groupId, { hop, atMs: this.#clock.steady(), seq: 0 });
  }

  /** This node said something that `named` are named in, or answered by. */
  published(moot: Moot, message: Message, named: Iterable<PublicKey>): void {
    const atMs = this.#clock.steady();
    if (message.references.length === 0) {
      this.#own.set(message.id, 1 + this.#recent(this.#handed.get(moot.id)));
    }
    const { hop } = this.of(moot, message);
    const seq = moot.store.messages.get(message.id)?.seq ?? 0;
    for (const key of named) this.#saidTo.set(pairOf(moot.id, key), { hop, atMs, seq });
  }

  #count(moot: Moot, message: Message, walk: Walk): Hops {
    const known = walk.found.get(message.id);
    if (known !== undefined) return known;
    // One that leads back to itself ends there.
    walk.found.set(message.id, { hop: 1, own: 0 });
    let before: Hops | undefined;
    let followed = 0;
    for (const id of message.references.slice(0, MENTIONS_MAX)) {
      // Whatever asks by one of its references is as far as that one, wherever it stands among them.
      let reached = this.#counted.get(id);
      if (reached === undefined && followed < FOLLOWED_MAX && walk.left > 0) {
        followed += 1;
        walk.left -= 1;
        const stored = moot.store.messages.get(id);
        if (stored !== undefined) reached = this.#count(moot, decodeMessage(stored.canonical), walk);
      }
      if (reached !== undefined && (before === undefined || reached.hop > before.hop)) before = reached;
    }
    const isOwn = keyOf(message.author) === this.#local;
    const hop = before === undefined ? this.#first(moot, message, isOwn) : before.hop + 1;
    const counted = { hop, own: (before?.own ?? 0) + (isOwn ? 1 : 0) };
    walk.found.set(message.id, counted);
    return counted;
  }

  /** Of one that leads back to nothing that is held. */
  #first(moot: Moot, { author, id }: Message, isOwn: boolean): number {
    if (isOwn) return this.#own.get(id) ?? 1;
    const key = keyOf(author);
    const said = key === undefined ? undefined : this.#saidTo.get(pairOf(moot.id, key));
    const seq = moot.store.messages.get(id)?.seq ?? 0;
    return 1 + (said !== undefined && seq > said.seq ? this.#recent(said) : 0);
  }

  #recent(said: Said | undefined): number {
    return said !== undefined && this.#clock.steady() - said.atMs < TALK_MS ? said.hop : 0;
  }
}

interface Walk {
  left: number;
  readonly found: Map<MessageId, Hops>;
}

function pairOf(groupId: GroupId, key: PublicKey): string {
  return groupId + key;
}
