import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { type ShownTopics, shownTopics } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { ChangeSignal } from "../change-signal.ts";
import type { Call } from "../operations/implementation.ts";
import type { WatchEvent, WatchedPeer, watch } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { consumerNameOf } from "./consumers.ts";
import { type Moots, requireMoot } from "./moots.ts";
import { Rows, seqsOfPlaces } from "./places.ts";

/** Ours. What is read at a time, in messages and in bytes, which bounds the memory of a slow watcher. */
const PAGE = 256;
const PAGE_BYTES = 64 * 1024;

/** Ours. Peer events kept for a slow watcher; the oldest go first, for they only describe the moment. */
const PEER_EVENTS_MAX = 256;

/** What a watch reads from: the delivery logs themselves, so that nobody can miss or delay anything. */
export interface Watched extends Moots {
  readonly changed: ChangeSignal;
  /** Calls back for each peer event until the returned function is called. */
  onPeerEvent(listener: (event: WatchedPeer) => void): () => void;
}

/** Tells every message after the places asked for, in the order it arrived, each once, until the call ends. */
export async function watchLogs(
  watched: Watched,
  request: RequestOf<typeof watch>,
  call: Call<WatchEvent>,
): Promise<AnswerOf<typeof watch>> {
  const shown = shownOf(request);
  if (request.group_id !== undefined) requireMoot(watched, request.group_id);
  const peerEvents: WatchedPeer[] = [];
  const stop = request.peers ? watched.onPeerEvent((event) => note(peerEvents, event, request.group_id)) : undefined;
  try {
    await follow(watched, request, { call, shown, peerEvents, cursors: startOf(watched, request, call) });
  } finally {
    stop?.();
  }
  return {};
}

/** Throws `invalid_argument` in the original's words, by which its clients know the case. */
function shownOf(request: RequestOf<typeof watch>): ShownTopics {
  try {
    return shownTopics(request);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("invalid_argument", `invalid topic pattern: ${cause.message}`, { cause });
  }
}

function note(events: WatchedPeer[], event: WatchedPeer, groupId: GroupId | undefined): void {
  if (groupId !== undefined && event.group_id !== groupId) return;
  events.push(event);
  if (events.length > PEER_EVENTS_MAX) events.shift();
}

/** After which number each moot is watched; one that is not named is watched from its first message. */
function startOf(
  watched: Watched,
  { after, consumer, group_id }: RequestOf<typeof watch>,
  { caller }: Call<WatchEvent>,
): Map<GroupId, number> {
  const cursors = new Map<GroupId, number>();
  if (after === undefined && consumer === undefined) {
    for (const { id, store } of watched.moots()) cursors.set(id, store.messages.lastSeq());
    return cursors;
  }
  if (consumer !== undefined) {
    const name = consumerNameOf(caller, consumer);
    for (const { id, store } of watched.moots()) cursors.set(id, store.consumers.cursor(name) ?? 0);
  }
  for (const [id, seq] of seqsOfPlaces(watched, after ?? [], group_id)) cursors.set(id, seq);
  return cursors;
}

interface Following {
  readonly call: Call<WatchEvent>;
  readonly shown: ShownTopics;
  readonly peerEvents: WatchedPeer[];
  readonly cursors: Map<GroupId, number>;
}

async function follow(
  watched: Watched,
  { group_id }: RequestOf<typeof watch>,
  { call, cursors, peerEvents, shown }: Following,
): Promise<void> {
  const { signal } = call;
  /** Moots that were read to their end once. */
  const quiet = new Set<GroupId>();
  for (;;) {
    // All watchers wake at once, and a long log of which nothing matches is read on and on: others have their turn.
    await watched.turns.take();
    if (signal.aborted) return;
    const version = watched.changed.version;
    for (const event of peerEvents.splice(0)) await call.emit(event);
    let more = false;
    for (const moot of watched.moots()) {
      if (group_id !== undefined && moot.id !== group_id) continue;
      // Nothing came since: a moot that is quiet costs no look into its database.
      if (quiet.has(moot.id) && (cursors.get(moot.id) ?? 0) >= moot.store.messages.lastSeq()) continue;
      await watched.turns.take();
      if (signal.aborted) return;
      const page = moot.store.messages.arrivedAfter(cursors.get(moot.id) ?? 0, PAGE, PAGE_BYTES);
      if (page.length === 0) quiet.add(moot.id);
      const rows = page.length === 0 ? undefined : new Rows(moot);
      for (const stored of page) {
        if (signal.aborted) return;
        cursors.set(moot.id, stored.seq);
        const message = decodeMessage(stored.canonical);
        if (shown.shows(message.topics)) await call.emit({ kind: "message", ...rows!.of(stored, message) });
      }
      const bytes = page.reduce((sum, { canonical }) => sum + canonical.length, 0);
      if (page.length === PAGE || bytes >= PAGE_BYTES) more = true;
    }
    if (!more && peerEvents.length === 0) await watched.changed.after(version, signal);
  }
}
