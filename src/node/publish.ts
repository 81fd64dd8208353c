import { latestDate } from "../core/ahead.ts";
import { durationText, instantText, sizeText } from "../core/amounts.ts";
import { BoundedMap } from "../core/bounded-map.ts";
import { sameBytes } from "../core/bytes/byte-strings.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { fieldFacts, MESSAGE_MAX_BYTES, type MessageFacts, type NotKept, whetherKept } from "../core/kept.ts";
import { isPolicyUpdate, POLICY_TOPIC, parsePolicyUpdate } from "../core/policy/policy-update.ts";
import { isReserved, publishTopics } from "../core/policy/topic.ts";
import { messageCanonical, messageSigningForm, signMessage } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import { refuseSecrets } from "./agents/refuse-secrets.ts";
import { unmetMentions } from "./agents/unmet-mentions.ts";
import { awaitComparison, requireMaySign } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import { admittedAt, newMessage } from "./group/ingest.ts";
import { requireTimely } from "./group/own-clock.ts";
import { removalText } from "./group/removal.ts";
import type { NodeContext } from "./node-context.ts";
import type { MootStatus } from "./operations/daemon.ts";
import type { Caller } from "./operations/implementation.ts";
import { type Published, type publish, tooLongText } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";
import {
  notePublishing,
  type Once,
  otherWords,
  publishedBefore,
  tokenOf,
  type WordsHash,
  wordsOf,
} from "./publish-tokens.ts";
import { type OnlyWords, onlyOf } from "./read/moots.ts";
import { whenWritable } from "./when-writable.ts";

/** Ours. Answers remembered by moot and token, so that a retry publishes nothing twice; more are in the database. */
const TOKENS_MAX = 4096;

/** Wire. The original's words, by which its clients know the case. */
const PUBLISHING_WORDS: OnlyWords = {
  none: "no active groups",
  several: () => "group_id is required when multiple groups are active",
};

/** Ours. Moots whose last refusal is remembered, as many as one node holds. */
const REFUSED_MAX = 8192;

/** What a policy keeps from being published, and nothing else does. */
class RefusedByPolicy extends EntmootError {}

/** Ours. Content below this fits with as many topics as there may be. */
const SURELY_FITS_BYTES = MESSAGE_MAX_BYTES / 4;
/** Wire. What the canonical form has beyond the signing form: the signature, its key and their quotes. */
export const SIGNATURE_TEXT_BYTES = 103;

type PublishRequest = RequestOf<typeof publish>;

/** Makes, signs and stores messages of this node. */
export class Publisher {
  readonly #context: NodeContext;
  readonly #byToken = new BoundedMap<string, { readonly words: WordsHash; readonly published: Promise<Published> }>(
    TOKENS_MAX,
  );

  /** What the policy of a moot refused last, until it takes one again; as many as there are moots. */
  readonly #refused = new BoundedMap<GroupId, NonNullable<MootStatus["refused"]>>(REFUSED_MAX);

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /** Why the policy refused the latest message of this node, unless a later one was taken. */
  refusedOf(id: GroupId): MootStatus["refused"] {
    return this.#refused.get(id);
  }

  /**
   * Durable when it resolves. Throws `group_not_found`, `not_member`, `invalid_argument`, `rate_limited`, `disk_full`,
   * `unavailable` where the clock here is so far behind that nobody would keep it, and `forbidden` for an agent that writes where the node and founders do.
   */
  async publish(asked: PublishRequest, caller: Caller): Promise<Published> {
    const request = { ...asked, topics: publishTopics(asked.topics, asked.verbatim) };
    if (caller === "agent") refuseReserved(request.topics);
    if (caller === "agent" && asked.force !== true) refuseSecrets(asked.content);
    if (request.content.length === 0 && !asked.verbatim)
      throw new EntmootError("invalid_argument", "content is empty; expected the text of the message");
    const group = this.#choose(request.group_id);
    if (request.token === undefined) return this.#publish(group, request, undefined);
    const token = tokenOf(caller, request.token);
    const words = wordsOf(request);
    // Nothing is awaited up to the note, so that of two calls at once the second finds the first.
    const key = `${group.id} ${token}`;
    const earlier = this.#byToken.get(key);
    if (earlier !== undefined) {
      if (earlier.words !== words) throw otherWords();
      return { ...(await earlier.published), duplicate: true };
    }
    const published = this.#publish(group, request, { token, words });
    this.#byToken.set(key, { words, published });
    // What failed may be tried again under the same token, with other words too.
    published.catch(() => this.#byToken.delete(key));
    return published;
  }

  async #publish(
    group: Group,
    { content, references = [], topics }: PublishRequest,
    once: Once | undefined,
  ): Promise<Published> {
    const before = once === undefined ? undefined : publishedBefore(group, once);
    if (before !== undefined) return before;
    // The note of a token is written at once; the message itself waits in the batch writer.
    if (once !== undefined) await whenWritable(this.#context.clock, [group.store]);
    const author = group.self;
    if (author === undefined) throw notMember(group, this.#context.nodeIdNow());
    if (group.leftMs !== undefined) throw hasLeft(group.leftMs);
    await this.#beforeSigning(group, topics);
    const ordering = group.ordered("parents");
    if (ordering !== undefined) await ordering;
    if (isUpdate(group, { author, topics })) requireLater(group, content);
    const now = this.#context.clock.unix();
    const behind_ms = requireTimely(group, now);
    const fields = {
      group_id: group.id,
      author,
      timestamp: BigInt(now),
      topics,
      parents: group.store.messages.nextParents(latestDate(now)),
      content,
      references: [...new Set(references)],
    };
    // What can be refused is refused before anything is signed, and what cannot be sent before it is paid for.
    const isCounted = content.length > SURELY_FITS_BYTES || group.policy.current !== undefined;
    const canonicalBytes = isCounted ? messageSigningForm(fields).length + SIGNATURE_TEXT_BYTES : content.length;
    const { publicKey, seed } = this.#context.identity;
    // Its id will be its hash.
    const signed = { idIsHash: true, isSignedBy: (key: Uint8Array) => sameBytes(key, publicKey) };
    this.#askPolicy(group, now, () => {
      requireKept(group, { ...fieldFacts(fields), ...signed, canonicalBytes });
      pay(group, fields, { bytes: canonicalBytes, now });
    });
    const message = signMessage({ ...fields, seed });
    const canonical = messageCanonical(message);
    // Many topics make a long message of a short one.
    if (canonical.length > MESSAGE_MAX_BYTES) throw tooLong(canonical.length);
    if (once !== undefined) notePublishing(group, once, message);
    await group.writer.put([newMessage(message, canonical)]);
    if (isUpdate(group, message) && group.policy.note(message)) group.policiesChanged();
    group.tell({ kind: "stored", ids: [message.id], from: undefined, via: "publish" });
    return { ...publishedForm(message), behind_ms, unmet_mentions: unmetMentions(group, message, now) };
  }

  /** Runs `check` and remembers what came of it where the policy decides. */
  #askPolicy(group: Group, now: UnixMs, check: () => void): void {
    try {
      check();
      this.#refused.delete(group.id);
    } catch (error) {
      if (error instanceof RefusedByPolicy) {
        const { message, retryAfterMs } = error;
        const retry_at_ms = retryAfterMs === undefined ? 0 : Math.ceil(now + retryAfterMs);
        this.#refused.set(group.id, { reason: message, at_ms: Math.floor(now), retry_at_ms });
      }
      throw error;
    }
  }

  /** A founder that may have an old copy fetches what is missing first; a policy is the founder's word as a roster is. */
  async #beforeSigning(group: Group, topics: readonly string[]): Promise<void> {
    if (!group.isFounder) return;
    if (group.doubt.reason !== undefined) await awaitComparison(this.#context, group.id);
    if (topics.includes(POLICY_TOPIC)) requireMaySign(this.#context, group, { alone: false });
  }

  #choose(groupId: GroupId | undefined): Group {
    return groupId === undefined
      ? onlyOf(this.#context.groups(), this.#context.unopened(), PUBLISHING_WORDS)
      : this.#context.requireGroup(groupId);
  }
}

/** Throws `conflict` for an update that would never count, since a later one is held. */
function requireLater(group: Group, content: Uint8Array): void {
  let sequence: bigint;
  try {
    ({ sequence } = parsePolicyUpdate(content));
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    // Kept as what it is, and without effect.
    return;
  }
  const last = group.policy.lastSequence;
  if (sequence >= last) return;
  throw new EntmootError(
    "conflict",
    `policy update sequence ${sequence} is older than ${last}, which is held; it would have no effect: "entmootd group policy set" takes the next`,
  );
}

/** In the words of the original, then with what ended the membership. */
function notMember({ removal }: Group, nodeId: number): EntmootError {
  const why =
    removal === undefined ? "" : `: ${removalText(removal)}; nothing is published here until it adds this node again`;
  return new EntmootError("not_member", `local node ${nodeId} is not a member${why}`);
}

function hasLeft(ms: number): EntmootError {
  return new EntmootError(
    "not_member",
    `this node left the moot at ${instantText(ms)}; nothing is published here any more; its founder can add it again once it has removed it`,
  );
}

/** What a caller is told of a message that is stored. */
export function publishedForm({ author, group_id, id, timestamp }: Message): Published {
  return {
    group_id,
    message_id: id,
    author,
    timestamp_ms: timestamp,
    duplicate: undefined,
    behind_ms: undefined,
    unmet_mentions: undefined,
  };
}

/** Takes a message of this node from its budget. Throws `rate_limited`, saying when to try again, or `invalid_argument`. */
function pay(
  group: Group,
  message: Pick<Message, "author" | "timestamp" | "topics">,
  { bytes, now }: { readonly bytes: number; readonly now: UnixMs },
): void {
  const author = message.author.pilot_node_id;
  const late = group.policy.check({
    author,
    isUpdate: isUpdate(group, message),
    timestamp: message.timestamp,
    bytes,
    admitted: admittedAt(group.roster.log, author, now),
    isOwn: true,
    oldest: group.retention.oldest,
  });
  if (late === undefined) return;
  if (late.retryAtMs === undefined) throw new RefusedByPolicy("invalid_argument", `group policy: ${late.message}`);
  throw tooMany(late.message, late.retryAtMs - now, now);
}

/** Whether a message says what the policy is. */
export function isUpdate(group: Group, { author, topics }: Pick<Message, "author" | "topics">): boolean {
  return isPolicyUpdate({ author: author.pilot_node_id, topics }, group.roster.log.founder?.pilot_node_id);
}

/** What a caller is told of a message for which its author has no room for so long. */
export function tooMany(reason: string, forMs: number, now: UnixMs): EntmootError {
  const waitMs = Math.max(0, forMs);
  // Rounded up: who comes at that time is let in.
  const at = instantText(Math.ceil((now + waitMs) / 1000) * 1000);
  return new RefusedByPolicy(
    "rate_limited",
    `group policy: ${reason}; try again in ${durationText(Math.ceil(waitMs / 100) * 100)}, at ${at}`,
    { retryAfterMs: Math.max(1, Math.ceil(waitMs)) },
  );
}

function refuseReserved(topics: readonly string[]): void {
  const reserved = topics.find(isReserved);
  if (reserved === undefined) return;
  throw new EntmootError(
    "forbidden",
    `topic ${JSON.stringify(reserved.slice(0, 80))}: reserved; an agent publishes to any other`,
  );
}

/** Throws `invalid_argument` for what no member would keep. */
function requireKept(group: Group, facts: MessageFacts): void {
  const verdict = whetherKept(facts, group.roster.log, group.policy.history);
  if (!verdict.kept) throw refusal(verdict, facts);
}

/** What a caller is told of a message that no member would keep. */
export function refusal({ fault, reason, until }: NotKept, { canonicalBytes }: MessageFacts): EntmootError {
  if (fault === "too_long") return tooLong(canonicalBytes);
  if (until === "policy") return new RefusedByPolicy("invalid_argument", `group policy: ${reason}`);
  return new EntmootError("invalid_argument", reason);
}

function tooLong(bytes: number): EntmootError {
  return new EntmootError("invalid_argument", tooLongText(sizeText(bytes)));
}
