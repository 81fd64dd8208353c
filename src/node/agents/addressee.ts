import { type Mentionable, mentionsOf, nameForm, namesReader } from "../../core/agents/mentions.ts";
import { latestDate } from "../../core/ahead.ts";
import { BoundedMap } from "../../core/bounded-map.ts";
import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import type { Clock } from "../../core/clock.ts";
import { type MessageId, PublicKey } from "../../core/ids.ts";
import { isReserved } from "../../core/policy/topic.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message, NodeInfo } from "../../core/record/records.ts";
import type { DeliverRule } from "../../store/agent-store.ts";
import { profileName } from "../group/profiles.ts";
import type { Moot } from "../read/moots.ts";

/** Ours. Messages of which it is remembered who wrote them: a member that names them again and again costs no more reading. */
const WROTE_MAX = 1_024;

/** Whose inbox it is. */
export interface AgentOfMoots {
  readonly clock: Clock;
  /** The key of this node. */
  readonly local: PublicKey;
}

/** Who this node is in one moot, and whether a message of it asks this node. */
export class Addressee implements Mentionable {
  readonly #moot: Moot;
  readonly #agent: AgentOfMoots;
  readonly #authorPrefix: Uint8Array;
  readonly #wrote = new BoundedMap<MessageId, boolean>(WROTE_MAX);

  constructor(moot: Moot, agent: AgentOfMoots) {
    this.#moot = moot;
    this.#agent = agent;
    // The canonical form begins so, whoever wrote it: no body need be decoded to know that it is not ours.
    const key = PublicKey.toBytes(agent.local).toBase64();
    this.#authorPrefix = encodeUtf8(`{"author":{"entmoot_pubkey":"${key}",`);
  }

  /** What is dated before this, Unix milliseconds, was here before this node was a member, as far as its founder's date may be believed. */
  get historyMs(): number {
    const key = PublicKey.toBytes(this.#agent.local);
    const { log } = this.#moot.roster;
    const admission = log.entries.find(
      ({ op, subject }) => op === "add" && subject.entmoot_pubkey !== null && sameBytes(subject.entmoot_pubkey, key),
    );
    const ms = Number(log.believed(admission?.timestamp ?? 0n, latestDate(this.#agent.clock.unix())));
    return Number.isSafeInteger(ms) && ms > 0 ? ms : 0;
  }

  isOwn({ author }: Pick<Message, "author">): boolean {
    return keyOf(author) === this.#agent.local;
  }

  /** Whether it wakes by the rule of the moot. A message of this node, and what nodes say to nodes, never does. */
  asks(message: Message, { deliver, from }: DeliverRule): boolean {
    if (deliver === "none" || isForNodes(message.topics) || this.isOwn(message)) return false;
    if (from.length > 0) {
      const author = keyOf(message.author);
      if (author === undefined || !from.includes(author)) return false;
    }
    return deliver !== "mentions" || namesReader(mentionsOf(message), this);
  }

  /** `-1`, which nobody can name, where this node is no member. */
  get nodeId(): number {
    return this.#self?.pilot_node_id ?? -1;
  }

  name(): string {
    const own = this.#self;
    if (own === undefined) return "";
    const form = nameForm(profileName(this.#moot, own, this.#agent.clock.unix()));
    return form !== "" && this.#othersNamed(form) === 0 ? form : "";
  }

  wrote(id: MessageId): boolean {
    const known = this.#wrote.get(id);
    if (known !== undefined) return known;
    const stored = this.#moot.store.messages.get(id);
    // It may come later.
    if (stored === undefined) return false;
    const wrote = startsWith(stored.canonical, this.#authorPrefix);
    this.#wrote.set(id, wrote);
    return wrote;
  }

  get #self(): NodeInfo | undefined {
    return this.#moot.roster.members.get(this.#agent.local);
  }

  #othersNamed(form: string): number {
    const { members } = this.#moot.roster;
    const now = this.#agent.clock.unix();
    let found = 0;
    for (const [key, member] of members) {
      if (key !== this.#agent.local && nameForm(profileName(this.#moot, member, now)) === form) found += 1;
    }
    return found;
  }
}

/** Whether a message is what nodes and founders say to nodes. */
export function isForNodes(topics: readonly string[]): boolean {
  return topics.length > 0 && topics.every(isReserved);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && sameBytes(bytes.subarray(0, prefix.length), prefix);
}
