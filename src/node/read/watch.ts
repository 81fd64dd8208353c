import { EntmootError } from "../../core/errors.ts";
import { GroupId, type PublicKey } from "../../core/ids.ts";
import { type ShownTopics, shownTopics } from "../../core/policy/topic.ts";
import type { ChangeSignal } from "../change-signal.ts";
import type { Call } from "../operations/implementation.ts";
import type { WatchEvent, WatchedPeer, WatchedPresence, WatchedReceipt, watch } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { consumerNameOf } from "./consumers.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { Rows, seqOfPlace, seqsOfPlaces } from "./places.ts";
import { messageOf, Unread } from "./unread.ts";

/** Ours. What is read at a time, in messages and in bytes, which bounds the memory of a slow watcher. */
const PAGE = 256;
const PAGE_BYTES = 64 * 1024;

/** Ours. Peer events kept for a slow watcher; the oldest go first, for they only describe the moment. */
const PEER_EVENTS_MAX = 256;

/** What members tell of themselves, as it is heard of. */
export type WatchedNote = WatchedReceipt | WatchedPresence;
/** What only describes the moment. */
type PassingEvent = WatchedPeer | WatchedNote;

/** What a watch reads from: the delivery logs themselves, so that nobody can miss or delay anything. */
export interface Watched extends Moots {
  readonly changed: ChangeSignal;
  /** The key of this node. */
  readonly local: PublicKey;
  /** Calls back for each peer event until the returned function is called. */
  onPeerEvent(listener: (event: WatchedPeer) => void): () => void;
  /** The same for what members tell of themselves. */
  onNoteEvent(listener: (event: WatchedNote) => void): () => void;
}

/** Tells every message after the places asked for, in the order it arrived, each once, until the call ends. */
export async function watchLogs(
  watched: Watched,
  request: RequestOf<typeof watch>,
  call: Call<WatchEvent>,
): Promise<AnswerOf<typeof watch>> {
  const shown = shownOf(request);
  if (request.group_id !== undefined) requireMoot(watched, request.group_id);
  const peerEvents: PassingEvent[] = [];
  const stop = watched.onPeerEvent((event) => {
    if (request.peers || isRemoval(event) || (request.members && isMembership(event)))
      note(peerEvents, event, request.group_id);
  });
  const stopNotes = watched.onNoteEvent((event) => {
    if (event.kind === "receipt" ? request.receipts : request.presence) note(peerEvents, event, request.group_id);
  });
  try {
    await follow(watched, request, {
      call,
      shown,
      peerEvents,
      cursors: new Cursors(watched, request, call),
      unread: new Unread(request.group_id),
    });
  } finally {
    stop();
    stopNotes();
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

function note(events: PassingEvent[], event: PassingEvent, groupId: GroupId | undefined): void {
  if (groupId !== undefined && event.group_id !== groupId) return;
  events.push(event);
  if (events.length <= PEER_EVENTS_MAX) return;
  // What became of this node itself is no passing thing.
  const passing = events.findIndex((each) => each.kind !== "peer" || !each.self);
  events.splice(Math.max(0, passing), 1);
}

/** After which number each moot is watched. */
class Cursors {
  readonly #cursors: Map<GroupId, number>;
  /** The places in moots that cannot be read yet. */
  readonly #places: ReadonlyMap<GroupId, string>;
  /** Where one begins that could not be read at the start. */
  readonly #begin: (moot: Moot) => number;
  readonly #late = new Set<GroupId>();

  constructor(
    watched: Watched,
    { after, consumer, group_id, unread }: RequestOf<typeof watch>,
    { caller }: Call<WatchEvent>,
  ) {
    const name = consumer === undefined ? undefined : consumerNameOf(caller, consumer);
    const found = seqsOfPlaces(watched, after ?? [], group_id);
    this.#cursors = new Map(found.seqs);
    this.#places = new Map([...found.unread].map(([id, { place }]) => [id, place]));
    const fresh = new Set(unread);
    this.#begin = (moot) => {
      const { id, store } = moot;
      const place = this.#places.get(id);
      if (place !== undefined) return seqOfPlace(moot, place);
      if (name !== undefined) return store.consumers.cursor(name) ?? 0;
      // One that is not named among places is watched from its first message.
      return after === undefined || fresh.has(id) ? store.messages.lastSeq() : 0;
    };
    for (const id of [...watched.unopened().keys(), ...fresh]) if (!this.#cursors.has(id)) this.#late.add(id);
    // Those that are joined later are told whole.
    for (const moot of watched.moots()) {
      if (this.#cursors.has(moot.id)) continue;
      try {
        this.#cursors.set(moot.id, this.#begin(moot));
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        this.#late.add(moot.id);
      }
    }
  }

  /** Throws what keeps the moot from being read. */
  of(moot: Moot): number {
    if (this.#late.has(moot.id)) this.set(moot, this.#begin(moot));
    return this.#cursors.get(moot.id) ?? 0;
  }

  set({ id }: Moot, seq: number): void {
    this.#late.delete(id);
    this.#cursors.set(id, seq);
  }
}

interface Following {
  readonly call: Call<WatchEvent>;
  readonly shown: ShownTopics;
  readonly peerEvents: PassingEvent[];
  readonly cursors: Cursors;
  readonly unread: Unread;
}

async function follow(watched: Watched, { group_id }: RequestOf<typeof watch>, following: Following): Promise<void> {
  const { call, peerEvents } = following;
  const { signal } = call;
  /** Moots that were read to their end once. */
  const quiet = new Set<GroupId>();
  for (;;) {
    // All watchers wake at once, and a long log of which nothing matches is read on and on: others have their turn.
    await watched.turns.take();
    if (signal.aborted) return;
    const version = watched.changed.version;
    // That this node was removed is told behind what came before it.
    const removals = peerEvents.filter(isRemoval);
    for (const event of peerEvents.splice(0)) if (!isRemoval(event)) await call.emit(event);
    let more = false;
    for (const moot of watched.moots()) {
      if (group_id !== undefined && moot.id !== group_id) continue;
      // Nothing came since: a moot that is quiet costs no look into its database.
      if (quiet.has(moot.id) && hasNothingNew(moot, following)) continue;
      await watched.turns.take();
      if (signal.aborted) return;
      using _turn = await call.turnToTell?.();
      if (signal.aborted) return;
      const { failure, rows, isFull } = readPage(moot, following);
      if (rows.length === 0 && failure === undefined) quiet.add(moot.id);
      for (const { event, seq } of rows) {
        if (signal.aborted) return;
        following.cursors.set(moot, seq);
        if (event !== undefined) await call.emit(event);
      }
      const news = failure === undefined ? undefined : following.unread.note(moot, failure);
      if (news !== undefined) await call.emit({ kind: "unread", ...news });
      if (isFull) more = true;
    }
    if (more) peerEvents.unshift(...removals);
    else for (const event of removals) await call.emit(event);
    if (!more && group_id !== undefined && !signal.aborted) requireMember(watched, group_id);
    if (!more && peerEvents.length === 0) await watched.changed.after(version, signal);
  }
}

function isMembership({ event }: WatchedPeer): boolean {
  return event === "joined" || event === "left" || event === "leaves";
}

/** Throws `not_member` where nothing new can come of the only moot that is watched. */
function requireMember(watched: Watched, id: GroupId): void {
  const moot = watched.moots().find((one) => one.id === id);
  if (moot === undefined || moot.roster.members.has(watched.local)) return;
  throw new EntmootError(
    "not_member",
    `this node is no member of the moot ${GroupId.toBase64(id)}: nothing new comes of it; its founder can add this node again`,
  );
}

function isRemoval(event: PassingEvent): boolean {
  return event.kind === "peer" && event.self === true && event.event === "left";
}

function hasNothingNew(moot: Moot, { cursors }: Following): boolean {
  try {
    return cursors.of(moot) >= moot.store.messages.lastSeq();
  } catch {
    return false; // Reading it tells why.
  }
}

interface ReadPage {
  /** What is read, of which only some is shown. */
  readonly rows: { readonly seq: number; readonly event: WatchEvent | undefined }[];
  /** What kept the rest from being read. */
  readonly failure: EntmootError | undefined;
  /** There may be more behind it. */
  readonly isFull: boolean;
}

/** What came next in a moot, as far as it can be read. */
function readPage(moot: Moot, { cursors, shown }: Following): ReadPage {
  const rows: ReadPage["rows"] = [];
  try {
    const page = moot.store.messages.arrivedAfter(cursors.of(moot), PAGE, PAGE_BYTES);
    const made = page.length === 0 ? undefined : new Rows(moot);
    for (const stored of page) {
      const message = messageOf(stored);
      const isShown = shown.shows(message.topics);
      const event = isShown ? ({ kind: "message", ...made!.of(stored, message) } as const) : undefined;
      rows.push({ seq: stored.seq, event });
    }
    const bytes = page.reduce((sum, { canonical }) => sum + canonical.length, 0);
    return { rows, failure: undefined, isFull: page.length === PAGE || bytes >= PAGE_BYTES };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { rows, failure: error, isFull: false };
  }
}
