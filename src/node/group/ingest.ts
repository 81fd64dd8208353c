import { isAhead, latestDate } from "../../core/ahead.ts";
import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock, UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, type MessageId, PublicKey } from "../../core/ids.ts";
import {
  factsOf,
  fieldFacts,
  isOutsider,
  type MessageFacts,
  possibleKeys,
  refusedUnsigned,
  whetherKept,
} from "../../core/kept.ts";
import { topologicalOrder } from "../../core/order/order.ts";
import type { PolicyHistory } from "../../core/policy/policy-history.ts";
import { isPolicyUpdate } from "../../core/policy/policy-update.ts";
import { decodeMessage, decodeMessageForms, decodeStored } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import { SaltedMap, SaltedSet } from "../../core/salted-map.ts";
import { verifySignature } from "../../core/signature.ts";
import { isNews, type Via } from "../../machine/event.ts";
import { isApart, type MessageStore, type NewMessage } from "../../store/group-store.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { noteIngested } from "./collect-garbage.ts";
import type { GroupPolicy } from "./group-policy.ts";
import type { GroupRoster } from "./group-roster.ts";
import type { Delay, Owed } from "./owed.ts";
import type { Retention } from "./retention.ts";
import { type SignedBytes, verifyElsewhere } from "./signature-pool.ts";

/** A message signed by a key that no roster entry here gives its author yet. */
export interface Unverifiable {
  readonly id: MessageId;
  readonly author: PublicKey;
  readonly canonical: Uint8Array;
}

/** What became of a batch of bodies; every readable one is in exactly one list. */
export interface Ingested {
  readonly stored: readonly MessageId[];
  /** Those of `stored` whose author was no member when they came. */
  readonly apart: readonly MessageId[];
  /** Held or pruned before, or stored by another stream meanwhile. */
  readonly known: readonly MessageId[];
  /** Invalid, of another group, or against policy. */
  readonly refused: readonly MessageId[];
  readonly unknownAuthor: readonly Unverifiable[];
  /** Too many of their authors for now: those that wait since they came before, and those of `delays`. */
  readonly owed: readonly MessageId[];
  readonly delays: readonly Omit<Delay, "from">[];
  /** Bodies no message could be read from. */
  readonly malformed: number;
  /** Why the first refused or malformed one was, for a log line. */
  readonly reason: string | undefined;
}

/**
 * Whether a message is signed by a key, of bodies that were verified before: each is in canonical form, and its id the hash
 * of it.
 */
export type KnownSigned = (message: Message, key: Uint8Array) => boolean;

export interface IngestParts {
  readonly groupId: GroupId;
  readonly messages: MessageStore;
  readonly roster: GroupRoster;
  readonly policy: GroupPolicy;
  readonly retention: Pick<Retention, "isTimeGood" | "oldest">;
  readonly writer: BatchWriter;
  readonly clock: Clock;
  /** What waits for its author's budget. */
  readonly owed?: Pick<Owed, "isWaiting">;
  /** Told when other policies hold than when something was looked at that is stored now. */
  readonly onPolicies?: () => void;
}

type DecodedBody = ReturnType<typeof decodeMessageForms>;

interface Incoming {
  readonly message: NewMessage;
  readonly facts: MessageFacts;
}

/** Ours. Messages of which is remembered which rule of the policy refused them, for who asks. */
const REFUSED_MAX = 1024;

/** What the policy has against a message. */
export interface PolicyNo {
  readonly rule: "max_message_bytes" | "retention_days";
  /** For people. */
  readonly reason: string;
}

/** A message whose signature is being looked at. */
interface Checking {
  readonly incoming: Incoming;
  /** The same facts, with what is known of its signature by then. */
  readonly checked: Promise<MessageFacts> | MessageFacts;
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
  readonly #inFlight = new SaltedMap<MessageId, Promise<void>>();

  readonly #refused = new BoundedMap<MessageId, PolicyNo>(REFUSED_MAX);

  constructor(parts: IngestParts) {
    this.#parts = parts;
  }

  /** Why the policy refused a message of late, as far as that is remembered. */
  refusal(id: MessageId): PolicyNo | undefined {
    return this.#refused.get(id);
  }

  /** Other policies hold. */
  forgetRefusals(): void {
    this.#refused.clear();
  }

  #refuseByPolicy(id: MessageId, rule: PolicyNo["rule"], reason: string): void {
    this.#refused.set(id, { rule, reason });
  }

  /**
   * Stores those of a batch of full messages that may be. `signed`: what was found out about their signatures before, with
   * all else that can be said of bytes alone.
   * Rejects with `disk_full` or `internal`.
   */
  async accept(bodies: readonly Uint8Array[], via: Via, signed?: KnownSigned): Promise<Ingested> {
    const sorting = new Sorting();
    const { roster } = this.#parts;
    for (let rest = bodies; rest.length > 0; ) {
      const { log } = roster;
      while (rest.length > 0) rest = await this.#pass(rest, sorting, signed);
      // Authors that became known while the others were stored would wait for an entry that has been.
      if (roster.log !== log) rest = sorting.takeUnknown();
    }
    // Fresh messages come at the pace people and agents write; only history comes as fast as it can be taken.
    if (!isNews(via))
      noteIngested(
        this.#parts.clock,
        bodies.reduce((sum, body) => sum + body.length, 0),
      );
    return sorting;
  }

  /** Looks at those whose id is not on its way already; gives the others once that way has ended. */
  async #pass(
    bodies: readonly Uint8Array[],
    sorting: Sorting,
    signed: KnownSigned | undefined,
  ): Promise<readonly Uint8Array[]> {
    const candidates: Checking[] = [];
    const check = bodies.length === 1 ? verifyHere : verifyElsewhere;
    const later: Uint8Array[] = [];
    const awaited = new Set<Promise<void>>();
    const ended = Promise.withResolvers<void>();
    const read = bodies.map((body) => this.#read(body, sorting, signed)).filter((decoded) => decoded !== undefined);
    const unknown = new SaltedSet(this.#parts.messages.unknown(read.map(({ message }) => message.id)));
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
      if (!unknown.has(id)) {
        sorting.known.push(id);
        continue;
      }
      if (this.#parts.owed?.isWaiting(id)) {
        sorting.owed.push(id);
        continue;
      }
      const incoming = this.#incoming(decoded, sorting, signed);
      if (incoming === undefined) continue;
      this.#inFlight.set(id, ended.promise);
      if (signed !== undefined) {
        candidates.push({ incoming, checked: incoming.facts });
        continue;
      }
      const keys = possibleKeys(decoded.message.author, this.#parts.roster.log);
      candidates.push({ incoming, checked: checked(incoming.facts, { keys, decoded, check }) });
    }
    try {
      const kept: Incoming[] = [];
      for (const { incoming, checked } of candidates) {
        const one = this.#kept({ ...incoming, facts: await checked }, sorting);
        if (one !== undefined) kept.push(one);
      }
      const { history } = this.#parts.policy;
      // By their dates, so that each is paid for where it stands.
      const accepted = parentsFirst(kept).filter((one) => this.#isWithinPolicy(one, sorting));
      if (accepted.length > 0) {
        const seqs = await this.#parts.writer.put(accepted.map(({ message }) => message));
        accepted.forEach(({ message }, i) => {
          const seq = seqs[i];
          (seq === undefined ? sorting.known : sorting.stored).push(message.id);
          if (seq !== undefined && isApart({ seq })) sorting.apart.push(message.id);
        });
        this.#notePolicies(accepted, history);
      }
    } finally {
      for (const { incoming } of candidates) this.#inFlight.delete(incoming.message.id);
      ended.resolve();
    }
    await Promise.all(awaited);
    return later;
  }

  #read(body: Uint8Array, sorting: Sorting, signed: KnownSigned | undefined): DecodedBody | undefined {
    let decoded: DecodedBody;
    try {
      decoded = signed === undefined ? decodeMessageForms(body) : verifiedForms(body);
    } catch (error) {
      sorting.malform(error instanceof EntmootError ? error.message : "message: cannot be read");
      return undefined;
    }
    const { group_id, id } = decoded.message;
    if (group_id === this.#parts.groupId) return decoded;
    return sorting.refuse(id, "message: expected this group's id, found another");
  }

  /** Nothing costly is looked at before what is cheap: `undefined` for what is refused without its signature. */
  #incoming(
    { canonical, message, signing }: DecodedBody,
    sorting: Sorting,
    signed: KnownSigned | undefined,
  ): Incoming | undefined {
    const { policy, roster } = this.#parts;
    const facts =
      signed === undefined ? factsOf(message, { canonical, signing }) : verifiedFacts(message, canonical, signed);
    const refused = refusedUnsigned(facts, roster.log, policy.history);
    if (refused?.until === "policy") this.#refuseByPolicy(message.id, "max_message_bytes", refused.reason);
    if (refused !== undefined) return sorting.refuse(message.id, refused.reason);
    return { message: newMessage(message, canonical), facts };
  }

  /** By the roster log and the policies as they are now, whatever they were when its signature was first looked at. */
  #kept({ facts, message }: Incoming, sorting: Sorting): Incoming | undefined {
    const { canonical, id } = message;
    const { log } = this.#parts.roster;
    const verdict = whetherKept(facts, log, this.#parts.policy.history);
    if (verdict.kept) {
      const placed = this.#dated(message);
      if (!isOutsider(verdict.key, log)) return { facts, message: placed };
      return { facts, message: { ...placed, outsider: PublicKey.fromBytes(verdict.key) } };
    }
    const author = verdict.until === "roster" ? verdict.signedBy : undefined;
    if (verdict.until === "policy") this.#refuseByPolicy(id, "max_message_bytes", verdict.reason);
    if (author === undefined) return sorting.refuse(id, verdict.reason);
    sorting.unknownAuthor.push({ id, author, canonical });
    return undefined;
  }

  /** With when it came, where its date lies ahead. */
  #dated(message: NewMessage): NewMessage {
    const { clock, retention } = this.#parts;
    const now = clock.unix();
    if (!isAhead(message.timestamp, now)) return message;
    return { ...message, ahead: { arrivedMs: BigInt(Math.floor(now)), isSure: retention.isTimeGood } };
  }

  /** Updates of the founder hold from now on, also for what was stored with them or looked at before. */
  #notePolicies(accepted: readonly Incoming[], history: PolicyHistory): void {
    const { policy } = this.#parts;
    for (const { message } of accepted) if (this.#isUpdate(message)) policy.note(decodeMessage(message.canonical));
    if (policy.history !== history) this.#parts.onPolicies?.();
  }

  #isUpdate({ author_node_id: author, topics }: NewMessage): boolean {
    return isPolicyUpdate({ author, topics }, this.#parts.roster.log.founder?.pilot_node_id);
  }

  #isWithinPolicy({ message }: Incoming, sorting: Sorting): boolean {
    const { clock, policy, retention, roster } = this.#parts;
    const { author_node_id: author, canonical, id, timestamp } = message;
    const late = policy.check({
      author,
      isUpdate: this.#isUpdate(message),
      timestamp,
      bytes: canonical.length,
      admitted: admittedAt(roster.log, author, clock.unix()),
      isOwn: false,
      oldest: retention.oldest,
    });
    if (late === undefined) return true;
    if (late.reason === "too_old" || late.retryAtMs === undefined) {
      if (late.reason === "too_old") this.#refuseByPolicy(id, "retention_days", late.message);
      sorting.refuse(id, late.message);
    } else {
      const waitMs = Math.max(0, late.retryAtMs - clock.unix());
      sorting.delay({ id, author, waitMs, takesMs: late.takesMs }, late.message);
    }
    return false;
  }
}

/** When an author was first admitted, Unix milliseconds, as far as that may be believed: before it nothing of it is within any rate. */
export function admittedAt(log: RosterLog, author: number, now: UnixMs): bigint {
  return log.believed(log.admittedAt(author) ?? 0n, latestDate(now));
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
    content: message.content,
  };
}

class Sorting implements Ingested {
  readonly stored: MessageId[] = [];
  readonly apart: MessageId[] = [];
  readonly known: MessageId[] = [];
  readonly refused: MessageId[] = [];
  readonly unknownAuthor: Unverifiable[] = [];
  readonly owed: MessageId[] = [];
  readonly delays: Omit<Delay, "from">[] = [];
  malformed = 0;
  reason: string | undefined;

  /** Those of unknown authors, which are in no list then. */
  takeUnknown(): readonly Uint8Array[] {
    return this.unknownAuthor.splice(0).map(({ canonical }) => canonical);
  }

  refuse(id: MessageId, reason: string): undefined {
    this.refused.push(id);
    this.reason ??= reason;
  }

  delay(delay: Omit<Delay, "from">, reason: string): void {
    this.owed.push(delay.id);
    this.delays.push(delay);
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
  const byId = new SaltedMap<MessageId, Incoming>();
  for (const candidate of candidates) byId.set(candidate.message.id, candidate);
  const nodes = candidates.map(({ message: { id, timestamp, parents, author_node_id: author } }) => {
    return { id, timestamp, parents, author };
  });
  return topologicalOrder(nodes).map((id) => byId.get(id)!);
}

/** Whether time and parents put them in the order they have already, as most answers are. */
function isInOrder(candidates: readonly Incoming[]): boolean {
  const ahead = new SaltedSet(candidates.map(({ message }) => message.id));
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

interface SignatureCheck {
  readonly keys: readonly Uint8Array[];
  readonly decoded: DecodedBody;
  readonly check: (signed: SignedBytes) => Promise<boolean> | boolean;
}

const NO_BYTES = new Uint8Array(0);

/** What nobody has to make again. */
function verifiedForms(body: Uint8Array): DecodedBody {
  return { message: decodeStored(body), canonical: body as Uint8Array<ArrayBuffer>, signing: NO_BYTES };
}

function verifiedFacts(message: Message, canonical: Uint8Array, signed: KnownSigned): MessageFacts {
  const isSignedBy = (key: Uint8Array) => signed(message, key);
  return { ...fieldFacts(message), canonicalBytes: canonical.length, idIsHash: true, isSignedBy };
}

/** `facts` once `check` was asked of one key after the other, of the first at once. A key nobody thought of is asked here. */
async function checked(facts: MessageFacts, { keys, decoded, check }: SignatureCheck): Promise<MessageFacts> {
  const { message, signing } = decoded;
  const known = new Map<string, boolean>();
  for (const key of keys) {
    const isSigned = await check({ bytes: signing, key, signature: message.signature });
    known.set(key.toHex(), isSigned);
    if (isSigned) break;
  }
  return { ...facts, isSignedBy: (key) => known.get(key.toHex()) ?? facts.isSignedBy(key) };
}

function verifyHere({ bytes, key, signature }: SignedBytes): boolean {
  return verifySignature(key, bytes, signature);
}
