import type { GroupId } from "../core/ids.ts";
import type { TimePlace } from "../core/order/time-place.ts";
import { tailSees } from "../core/policy/topic.ts";
import { decodeMessage } from "../core/record/message.ts";
import type { Message } from "../core/record/records.ts";
import type { MessageStore, StoredMessage } from "../store/group-store.ts";
import type { ChangeSignal } from "./change-signal.ts";
import type { WatchEvent, WatchRequest } from "./operations.ts";

/** Ours. Messages read at a time, which bounds the memory of a slow consumer. */
const PAGE = 256;

/** Ours. Peer events kept for a slow consumer; the oldest go first, for they only describe the moment. */
const PEER_EVENTS_MAX = 256;

export type PeerEvent = Extract<WatchEvent, { kind: "peer" }>;

/** What a watch reads from: the delivery logs themselves, so that nobody can miss or delay anything. */
export interface WatchSource {
  /** Groups to watch now, in a fixed order. */
  groups(): readonly { readonly id: GroupId; readonly messages: MessageStore }[];
  readonly changed: ChangeSignal;
  /** Calls back for each peer event until the returned function is called. */
  onPeerEvent(listener: (event: PeerEvent) => void): () => void;
}

/**
 * First what `from` asks for, in time order over all groups; then every message in the order it arrives.
 * Each message once: the backlog ends at the sequence number from which the live part goes on. With `after`,
 * the live part goes on from there, and what arrived meanwhile comes first, in arrival order.
 */
export async function* watch(source: WatchSource, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const cursors = new Map<GroupId, number>();
  const peerEvents: PeerEvent[] = [];
  const stop = request.peers
    ? source.onPeerEvent((event) => {
        if (request.groupId !== undefined && event.group_id !== request.groupId) return;
        peerEvents.push(event);
        if (peerEvents.length > PEER_EVENTS_MAX) peerEvents.shift();
      })
    : () => {};
  try {
    const watched = source.groups().filter(({ id }) => request.groupId === undefined || id === request.groupId);
    if (request.after !== undefined) {
      for (const [id, seq] of request.after) cursors.set(id, seq);
    } else {
      for (const { id, messages } of watched) cursors.set(id, messages.lastSeq());
      yield* backlog(watched, cursors, request);
    }
    while (!request.signal.aborted) {
      const version = source.changed.version;
      yield* peerEvents.splice(0);
      let more = false;
      for (const { id, messages } of source.groups()) {
        if (request.groupId !== undefined && id !== request.groupId) continue;
        // A group joined after the start is watched from its first message.
        const after = cursors.get(id) ?? 0;
        const page = messages.arrivedAfter(after, PAGE);
        for (const stored of page) {
          cursors.set(id, stored.seq);
          const event = messageEvent(id, stored, request.topic);
          if (event !== undefined) yield event;
        }
        if (page.length === PAGE) more = true;
      }
      // A long log of which nothing matches must not keep everybody else from their turn.
      if (more) await new Promise((resolve) => setImmediate(resolve));
      if (!more && peerEvents.length === 0) await source.changed.after(version, request.signal);
    }
  } finally {
    stop();
  }
}

type Watched = ReturnType<WatchSource["groups"]>[number];

function* backlog(
  watched: readonly Watched[],
  cursors: ReadonlyMap<GroupId, number>,
  request: WatchRequest,
): Generator<WatchEvent> {
  if (request.from === "now" || request.from === 0) return;
  const limit = request.from === "all" ? undefined : request.from;
  const runs = watched.map(({ id, messages }) => {
    const events = limit === undefined ? everything(messages) : latest(messages, limit, request.topic);
    return until(id, events, cursors.get(id)!, request.topic);
  });
  const merged = mergeByTime(runs);
  if (limit === undefined) {
    yield* merged;
    return;
  }
  yield* [...merged].slice(-limit);
}

function latest(messages: MessageStore, limit: number, topic: string): Iterable<StoredMessage> {
  return messages.latest(limit, topic);
}

function* everything(messages: MessageStore): Generator<StoredMessage> {
  let from: TimePlace | undefined;
  for (;;) {
    const page = messages.query({ order: "asc", limit: PAGE, ...(from === undefined ? {} : { from }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    const { timestamp, author, id } = decodeMessage(last.canonical);
    from = { timestamp, author_node_id: author.pilot_node_id, id };
  }
}

type MessageEvent = Extract<WatchEvent, { kind: "message" }>;

/** Those that match and arrived up to `seq`: what arrives while the backlog is read belongs to the live part. */
function* until(
  groupId: GroupId,
  stored: Iterable<StoredMessage>,
  seq: number,
  topic: string,
): Generator<MessageEvent> {
  for (const message of stored) {
    if (message.seq > seq) continue;
    const event = messageEvent(groupId, message, topic);
    if (event !== undefined) yield event;
  }
}

function messageEvent(groupId: GroupId, stored: StoredMessage, topic: string): MessageEvent | undefined {
  const message = decodeMessage(stored.canonical);
  if (!tailSees(topic, message.topics)) return undefined;
  return { kind: "message", group_id: groupId, seq: stored.seq, message };
}

function* mergeByTime(runs: readonly Generator<MessageEvent>[]): Generator<MessageEvent> {
  const heads = runs.map((run) => ({ run, head: run.next() }));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const entry of heads) {
      if (entry.head.done) continue;
      if (first === undefined || isEarlier(entry.head.value.message, (first.head.value as MessageEvent).message)) {
        first = entry;
      }
    }
    if (first === undefined || first.head.done) return;
    yield first.head.value;
    first.head = first.run.next();
  }
}

function isEarlier(a: Message, b: Message): boolean {
  return a.timestamp < b.timestamp;
}
