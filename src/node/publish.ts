import { BoundedMap } from "../core/bounded-map.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { isReserved } from "../core/policy/topic.ts";
import { messageCanonical, signMessage } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import { MESSAGE_MAX_BYTES, newMessage } from "./group/ingest.ts";
import type { NodeContext } from "./node-context.ts";
import type { Caller } from "./operations/implementation.ts";
import type { Published, publish } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";
import { notePublishing, type PublishToken, publishedBefore, tokenOf } from "./publish-tokens.ts";
import { type OnlyWords, onlyOf } from "./read/moots.ts";

/** Ours. Answers remembered by moot and token, so that a retry publishes nothing twice; more are in the database. */
const TOKENS_MAX = 4096;

/** Wire. The original's words, by which its clients know the case. */
const PUBLISHING_WORDS: OnlyWords = {
  none: "no active groups",
  several: () => "group_id is required when multiple groups are active",
};

type PublishRequest = RequestOf<typeof publish>;

/** Makes, signs and stores messages of this node. */
export class Publisher {
  readonly #context: NodeContext;
  readonly #byToken = new BoundedMap<string, Promise<Published>>(TOKENS_MAX);

  constructor(context: NodeContext) {
    this.#context = context;
  }

  /**
   * Durable when it resolves. Throws `group_not_found`, `not_member`, `invalid_argument`, `rate_limited`, `disk_full`,
   * and `forbidden` for an agent that writes where the node and founders do.
   */
  async publish(request: PublishRequest, caller: Caller): Promise<Published> {
    if (caller === "agent") refuseReserved(request.topics);
    const group = this.#choose(request.group_id);
    if (request.token === undefined) return this.#publish(group, request, undefined);
    const token = tokenOf(caller, request.token);
    // Nothing is awaited up to the note, so that of two calls at once the second finds the first.
    const key = `${group.id} ${token}`;
    const earlier = this.#byToken.get(key);
    if (earlier !== undefined) return earlier;
    const published = this.#publish(group, request, token);
    this.#byToken.set(key, published);
    // What failed may be tried again under the same token.
    published.catch(() => this.#byToken.delete(key));
    return published;
  }

  async #publish(
    group: Group,
    { content, topics }: PublishRequest,
    token: PublishToken | undefined,
  ): Promise<Published> {
    const before = token === undefined ? undefined : publishedBefore(group, token);
    if (before !== undefined) return before;
    requireTopics(topics);
    const author = group.self;
    if (author === undefined) {
      throw new EntmootError("not_member", `local node ${this.#context.nodeIdNow()} is not a member`);
    }
    const now = this.#context.clock.unix();
    const message = signMessage({
      seed: this.#context.identity.seed,
      group_id: group.id,
      author,
      timestamp: BigInt(now),
      topics,
      parents: group.store.messages.nextParents(),
      content,
      references: [],
    });
    const canonical = messageCanonical(message);
    if (canonical.length > MESSAGE_MAX_BYTES) {
      throw new EntmootError(
        "invalid_argument",
        `message: expected at most ${MESSAGE_MAX_BYTES} bytes with all it carries, got ${canonical.length}; send a reference instead`,
      );
    }
    pay(group, message, now);
    if (token !== undefined) notePublishing(group, token, message);
    await group.writer.put([newMessage(message, canonical)]);
    group.tell({ kind: "stored", ids: [message.id], from: undefined, via: "publish" });
    return publishedForm(message);
  }

  #choose(groupId: GroupId | undefined): Group {
    return groupId === undefined
      ? onlyOf(this.#context.groups(), PUBLISHING_WORDS)
      : this.#context.requireGroup(groupId);
  }
}

/** What a caller is told of a message that is stored. */
export function publishedForm({ author, group_id, id, timestamp }: Message): Published {
  return { group_id, message_id: id, author, timestamp_ms: timestamp };
}

/** Takes the message from its author's budget. Throws `rate_limited`, saying when to try again, or `invalid_argument`. */
export function pay(group: Group, message: Message, now: UnixMs): void {
  const { author, content, timestamp, topics } = message;
  const refusal = group.policy.check({
    author: author.pilot_node_id,
    byFounder: author.pilot_node_id === group.roster.log.founder?.pilot_node_id,
    timestamp,
    contentBytes: content.length,
    topics,
    via: "publish",
    now,
  });
  if (refusal === undefined) return;
  if (refusal.retryAtMs === undefined) throw new EntmootError("invalid_argument", `group policy: ${refusal.message}`);
  const waitMs = Math.max(0, refusal.retryAtMs - now);
  const at = new Date(refusal.retryAtMs).toISOString();
  throw new EntmootError(
    "rate_limited",
    `group policy: ${refusal.message}; try again in ${(waitMs / 1000).toFixed(1)}s, at ${at}`,
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

function requireTopics(topics: readonly string[]): void {
  if (topics.length === 0) throw new EntmootError("invalid_argument", "no topics supplied");
  if (topics.some((topic) => topic === "")) throw new EntmootError("invalid_argument", "empty topic");
}
