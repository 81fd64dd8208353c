import { sizeText } from "../../core/amounts.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, type MessageId, PublicKey } from "../../core/ids.ts";
import { topologicalOrder } from "../../core/order/order.ts";
import { decodeMessageForms, messageIdOf } from "../../core/record/message.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { verifySignature } from "../../core/signature.ts";
import { isNews, type Via } from "../../machine/event.ts";
import type { MessageStore, NewMessage } from "../../store/group-store.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { noteIngested } from "./collect-garbage.ts";
import type { GroupPolicy } from "./group-policy.ts";
import type { GroupRoster } from "./group-roster.ts";
import type { Retention } from "./retention.ts";
import { type SignedBytes, verifyElsewhere } from "./signature-pool.ts";

/** Ours. Full canonical bytes of one message at most; a frame of ours on a peer stream holds 1 MiB. */
export const MESSAGE_MAX_BYTES = 1_000_000;

/** A message signed by a key that no roster entry here names yet. */
export interface Unverifiable {
  readonly id: MessageId;
  readonly author: PublicKey;
  readonly canonical: Uint8Array;
}

/** What became of a batch of bodies; every readable one is in exactly one list. */
export interface Ingested {
  readonly stored: readonly MessageId[];
  /** Held or pruned before, or stored by another stream meanwhile. */
  readonly known: readonly MessageId[];
  /** Invalid, of another group, or against policy. */
  readonly refused: readonly MessageId[];
  readonly unknownAuthor: readonly Unverifiable[];
  /** Bodies no message could be read from. */
  readonly malformed: number;
  /** Why the first refused or malformed one was, for a log line. */
  readonly reason: string | undefined;
}

export interface IngestParts {
  readonly groupId: GroupId;
  readonly messages: MessageStore;
  readonly roster: GroupRoster;
  readonly policy: GroupPolicy;
  readonly retention: Pick<Retention, "oldest">;
  readonly writer: BatchWriter;
  readonly clock: Clock;
}

type DecodedBody = ReturnType<typeof decodeMessageForms>;

interface Incoming {
  readonly message: NewMessage;
  readonly contentBytes: number;
  /** The keys that may have signed it, likeliest first; at most two. */
  readonly keys: readonly Uint8Array[];
  readonly signed: Omit<SignedBytes, "key">;
  /** The key it names, when no roster entry here does; then it can only be held. */
  readonly author: PublicKey | undefined;
}

/** A message whose signature is being looked at. */
interface Checking {
  readonly incoming: Incoming;
  readonly isSigned: Promise<boolean>;
}

/**
 * The way in for every message of a group that was not made here: read, of this group, new, by a known
 * author, signed, within policy, stored. Nothing is stored, shown or passed on before all of it holds.
 */
export class Ingest {
  readonly #parts: IngestParts;
  /**
   * Ids on their way through, with the end of that way, so that two streams do not store and announce one message
   * twice. An id says nothing of the signature, so the first copy may be a bad one, and only the end tells.
   */
  readonly #inFlight = new Map<MessageId, Promise<void>>();

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /**
   * Stores those of a batch of full messages that may be. Rejects with `disk_full` or `internal`.
   */
  async accept(bodies: readonly Uint8Array[], via: Via): Promise<Ingested> {
    const sorting = new Sorting();
    let rest = bodies;
    while (rest.length > 0) rest = await this.#pass(rest, via, sorting);
    // Fresh messages come at the pace people and agents write; only history comes as fast as it can be taken.
    if (!isNews(via)) noteIngested(bodies.reduce((sum, body) => sum + body.length, 0));
    return sorting;
  }

  /** Looks at those whose id is not on its way already; gives the others once that way has ended. */
  async #pass(bodies: readonly Uint8Array[], via: Via, sorting: Sorting): Promise<readonly Uint8Array[]> {
    const candidates: Checking[] = [];
    const check = bodies.length === 1 ? verifyHere : verifyElsewhere;
    const later: Uint8Array[] = [];
    const awaited = new Set<Promise<void>>();
    const ended = Promise.withResolvers<void>();
    const read = bodies.map((body) => this.#read(body, sorting)).filter((decoded) => decoded !== undefined);
    const unknown = new Set(this.#parts.messages.unknown(read.map(({ message }) => message.id)));
    for (const decoded of read) {
      const { id } = decoded.message;
      const underWay = this.#inFlight.get(id);
      if (underWay === ended.promise) {
        // Twice in one batch, which no honest peer sends: looking at each copy in turn would cost their square.
        sorting.known.push(id);
        continue;
      }
      if (underWay !== undefined) {
        later.push(decoded.canonical);
        awaited.add(underWay);
        continue;
      }
      const candidate = this.#candidate(decoded, { isUnknown: unknown.has(id), via }, sorting);
      if (candidate === undefined) continue;
      this.#inFlight.set(id, ended.promise);
      candidates.push({ incoming: candidate, isSigned: isSigned(candidate, check) });
    }
    try {
      const verified = await signedOnes(candidates, sorting);
      const allowed = verified.filter((candidate) => {
        const { author, message } = candidate;
        if (author === undefined) return this.#isWithinPolicy(candidate, via, sorting);
        sorting.unknownAuthor.push({ id: message.id, author, canonical: message.canonical });
        return false;
      });
      const accepted = parentsFirst(allowed);
      if (accepted.length > 0) {
        const seqs = await this.#parts.writer.put(accepted.map(({ message }) => message));
        accepted.forEach(({ message }, i) => {
          (seqs[i] === undefined ? sorting.known : sorting.stored).push(message.id);
        });
      }
    } finally {
      for (const { incoming } of candidates) this.#inFlight.delete(incoming.message.id);
      ended.resolve();
    }
    await Promise.all(awaited);
    return later;
  }

  #read(body: Uint8Array, sorting: Sorting): DecodedBody | undefined {
    let decoded: DecodedBody;
    try {
      decoded = decodeMessageForms(body);
    } catch (error) {
      sorting.malform(error instanceof EntmootError ? error.message : "message: cannot be read");
      return undefined;
    }
    const { group_id, id } = decoded.message;
    if (group_id === this.#parts.groupId) return decoded;
    return sorting.refuse(id, "message: expected this group's id, found another");
  }

  #candidate(
    { canonical, message, signing }: DecodedBody,
    { isUnknown, via }: { readonly isUnknown: boolean; readonly via: Via },
    sorting: Sorting,
  ): Incoming | undefined {
    const { log } = this.#parts.roster;
    const { id } = message;
    if (!isUnknown) {
      sorting.known.push(id);
      return undefined;
    }
    if (canonical.length > MESSAGE_MAX_BYTES) {
      return sorting.refuse(
        id,
        `message: expected at most ${sizeText(MESSAGE_MAX_BYTES)}, found ${sizeText(canonical.length)}`,
      );
    }
    if (messageIdOf(signing) !== id) return sorting.refuse(id, "message: its id is not its hash");
    const candidate = {
      message: newMessage(message, canonical),
      contentBytes: message.content.length,
      signed: { bytes: signing, signature: message.signature },
    };
    const keys = log.authorKeys(message).map(({ key }) => key);
    if (keys.length > 0) {
      return {
        ...candidate,
        keys: keys.filter((key): key is Uint8Array => key !== null),
        author: undefined,
      };
    }
    const author = keyOf(message.author);
    if (author === undefined) return sorting.refuse(id, "message: its author is not in the roster and names no key");
    const named = [PublicKey.toBytes(author)];
    const wasMember = log.history(message.author.pilot_node_id).some(({ key }) => key?.toHex() === author);
    if (!wasMember) return { ...candidate, keys: named, author };
    // Written after its author's removal. A member that holds it took it before it heard of that; were it refused
    // here for good, the two would never agree again. What a peer pushes is news, and for news it is too late.
    if (!isNews(via)) return { ...candidate, keys: named, author: undefined };
    return sorting.refuse(id, "message: its author was removed before it was written");
  }

  #isWithinPolicy({ message, contentBytes }: Incoming, via: Via, sorting: Sorting): boolean {
    const { clock, policy, retention } = this.#parts;
    const byFounder = message.author_node_id === this.#parts.roster.log.founder?.pilot_node_id;
    const subject = { author: message.author_node_id, byFounder, timestamp: message.timestamp, contentBytes };
    const refusal = policy.check({
      ...subject,
      topics: message.topics,
      via,
      now: clock.unix(),
      oldest: retention.oldest,
    });
    if (refusal === undefined) return true;
    sorting.refuse(message.id, refusal.message);
    return false;
  }
}

/** A message as the store takes it. */
export function newMessage(message: Message, canonical: Uint8Array): NewMessage {
  return {
    id: message.id,
    author_node_id: message.author.pilot_node_id,
    timestamp: message.timestamp,
    topics: message.topics,
    parents: message.parents,
    canonical,
  };
}

class Sorting implements Ingested {
  readonly stored: MessageId[] = [];
  readonly known: MessageId[] = [];
  readonly refused: MessageId[] = [];
  readonly unknownAuthor: Unverifiable[] = [];
  malformed = 0;
  reason: string | undefined;

  refuse(id: MessageId, reason: string): undefined {
    this.refused.push(id);
    this.reason ??= reason;
  }

  malform(reason: string): void {
    this.malformed += 1;
    this.reason ??= reason;
  }
}

/**
 * Readers of the delivery log see messages as they were stored: what one answer brings comes in the order it was
 * written, whatever order the ids had on the way.
 */
function parentsFirst(candidates: readonly Incoming[]): readonly Incoming[] {
  if (isInOrder(candidates)) return candidates;
  const byId = new Map(candidates.map((candidate) => [candidate.message.id, candidate]));
  const nodes = candidates.map(({ message: { id, timestamp, parents, author_node_id: author } }) => {
    return { id, timestamp, parents, author };
  });
  return topologicalOrder(nodes).map((id) => byId.get(id)!);
}

/** Whether time and parents put them in the order they have already, as most answers are. */
function isInOrder(candidates: readonly Incoming[]): boolean {
  const ahead = new Set(candidates.map(({ message }) => message.id));
  let before: bigint | undefined;
  for (const { message } of candidates) {
    const { id, parents, timestamp } = message;
    if (before !== undefined && timestamp <= before) return false;
    if (parents.some((parent) => ahead.has(parent))) return false;
    ahead.delete(id);
    before = timestamp;
  }
  return true;
}

/** Those that one of their keys signed; the others are refused. */
async function signedOnes(candidates: readonly Checking[], sorting: Sorting): Promise<Incoming[]> {
  const signed: Incoming[] = [];
  for (const { incoming, isSigned } of candidates) {
    if (await isSigned) signed.push(incoming);
    else sorting.refuse(incoming.message.id, "message: its signature does not hold under its author's key");
  }
  return signed;
}

/** Asks `check` of one key after the other, of the first at once. */
async function isSigned(
  { keys, signed }: Incoming,
  check: (signed: SignedBytes) => Promise<boolean> | boolean,
): Promise<boolean> {
  for (const key of keys) if (await check({ ...signed, key })) return true;
  return false;
}

function verifyHere({ bytes, key, signature }: SignedBytes): boolean {
  return verifySignature(key, bytes, signature);
}
