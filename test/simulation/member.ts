import { ForksDigest, MerkleRoot, type MessageId, type PublicKey, type RosterEntryId } from "../../src/core/ids.ts";
import type { CopyPart } from "../../src/core/order/copy-part.ts";
import { MessageSet } from "../../src/core/order/message-set.ts";
import { comparePlaces, type TimePlace } from "../../src/core/order/time-place.ts";
import { GroupMachine } from "../../src/machine/group-machine.ts";
import type { MessageIndex, RosterView } from "../../src/machine/group-view.ts";
import type { Random } from "../../src/machine/random.ts";
import type { World } from "./world.ts";

export interface SimMessage {
  readonly id: MessageId;
  readonly author: PublicKey;
  readonly authorNumber: number;
  readonly timestamp: number;
  readonly parents: readonly MessageId[];
}

/** One node: what survives a restart (messages, length of the roster log) and the machine, which does not. */
export class Member implements MessageIndex, RosterView {
  readonly key: PublicKey;
  readonly number: number;
  readonly messages = new Map<MessageId, SimMessage>();
  /** Distance from the author at which each message came. */
  readonly hops = new Map<MessageId, number>();
  /** Came when its author was no member, as far as was known here. */
  readonly apart = new Set<MessageId>();
  readonly #set = new MessageSet();
  readonly #forgotten = new Set<MessageId>();
  readonly #world: World;
  machine: GroupMachine;
  /** Applied entries of the world's one roster log. */
  rosterLength = 0;
  /** Grows with every restart; what was meant for an earlier life is dropped. */
  life = 0;
  alive = true;

  constructor(world: World, key: PublicKey, number: number, random: Random) {
    this.#world = world;
    this.key = key;
    this.number = number;
    this.machine = this.#newMachine(random);
  }

  /** A new process over the same disk. */
  restart(random: Random): void {
    this.life += 1;
    this.machine = this.#newMachine(random);
  }

  /** Forgets what is older, and takes no such message any more. */
  forgetBefore(ms: number): void {
    this.wantedFromMs = ms;
    const old = [...this.messages.values()].filter(({ timestamp }) => timestamp < ms).map(({ id }) => id);
    for (const id of old) {
      this.messages.delete(id);
      this.#forgotten.add(id);
    }
    this.#set.remove(old);
  }

  /** `false` when it was there already. */
  add(message: SimMessage, hops: number, isApart = false): boolean {
    if (this.messages.has(message.id)) return false;
    if (isApart) this.apart.add(message.id);
    this.messages.set(message.id, message);
    this.hops.set(message.id, hops);
    const { id, timestamp, authorNumber, parents } = message;
    this.#set.add({ id, timestamp: BigInt(timestamp), author: authorNumber, parents: [...parents] });
    return true;
  }

  nextParents(): MessageId[] {
    return this.#set.nextParents().filter((id) => !this.apart.has(id));
  }

  has(id: MessageId): boolean {
    return this.messages.has(id);
  }

  knows(id: MessageId): boolean {
    return this.messages.has(id) || this.#forgotten.has(id);
  }

  unknown(ids: readonly MessageId[]): MessageId[] {
    return ids.filter((id) => !this.knows(id));
  }

  merkleRoot(): MerkleRoot {
    return this.#set.root();
  }

  /** What is older it has forgotten, and does not take. */
  wantedFromMs = 0;

  sharedSince(sinceMs: number): CopyPart {
    const set = new MessageSet();
    for (const { id, timestamp, authorNumber, parents } of this.messages.values()) {
      if (timestamp >= sinceMs)
        set.add({ id, timestamp: BigInt(timestamp), author: authorNumber, parents: [...parents] });
    }
    return { root: set.size === 0 ? MerkleRoot.zero : set.root(), count: set.size };
  }

  get size(): number {
    return this.messages.size;
  }

  get head(): RosterEntryId {
    return this.#world.headAt(this.rosterLength);
  }

  readonly forks = ForksDigest.zero;
  readonly isForked = false;

  get length(): number {
    return this.rosterLength;
  }

  knowsAuthor(author: PublicKey): boolean {
    return this.#world.everMembersAt(this.rosterLength).has(author);
  }

  /** Ids after a place in time order, and the place of the last when more follow. */
  idsAfter(after: TimePlace | undefined, limit: number): { ids: MessageId[]; next: TimePlace | undefined } {
    const places = [...this.messages.values()]
      .map(({ id, timestamp, authorNumber }) => ({ id, timestamp: BigInt(timestamp), author_node_id: authorNumber }))
      .filter((place) => after === undefined || comparePlaces(place, after) > 0)
      .sort(comparePlaces);
    const page = places.slice(0, limit);
    return { ids: page.map(({ id }) => id), next: places.length > limit ? page.at(-1) : undefined };
  }

  #newMachine(random: Random): GroupMachine {
    return new GroupMachine({ local: this.key, messages: this, roster: this, random, config: this.#world.config });
  }
}
