import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { mootOfPlace, parsePlace } from "../../core/place.ts";
import { isApart } from "../../store/group-store.ts";
import { Deadline } from "../../transport/wait.ts";
import type { PresenceOf } from "../notes/kept-receipts.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import type { Call } from "../operations/implementation.ts";
import { INBOX_ROOM, INBOX_ROWS_MAX, type InboxRow, type inbox } from "../operations/inbox.ts";
import { WAIT_MAX_MS } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "../read/moots.ts";
import { placeOfSeq, seqsOfPlaces } from "../read/places.ts";
import { messageOf, Unread } from "../read/unread.ts";
import type { Ledger } from "./ledger.ts";
import type { InboxReader, MootWindow, UnreadEntry } from "./moot-inbox.ts";
import { Mutes } from "./mutes.ts";
import { inboxRowOf } from "./rows.ts";
import type { Windows } from "./windows.ts";

const LIMIT_DEFAULT = 50;

/** What the inbox is read from: a node at work, or a data root that is only looked at. */
export interface InboxServices extends Moots, Pick<InboxReader, "agents"> {
  /** Throws `identity_invalid` where no identity tells whose inbox it is. */
  readonly windows: () => Windows;
  /** `undefined` where nothing is written. */
  readonly ledger: Ledger | undefined;
  readonly presence: PresenceOf;
}

/** One that is unread, with what it is of. */
interface Waiting {
  readonly window: MootWindow;
  readonly entry: UnreadEntry;
}

/** What is unread, oldest first, at least one where that is waited for and comes in time. */
export async function listInbox(
  services: InboxServices,
  request: RequestOf<typeof inbox>,
  { signal, turnToGather }: Pick<Call<never>, "signal" | "turnToGather">,
): Promise<AnswerOf<typeof inbox>> {
  const { limit = LIMIT_DEFAULT, wait_ms = 0 } = request;
  if (limit < 1 || limit > INBOX_ROWS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${INBOX_ROWS_MAX}, found ${limit}`);
  }
  const windows = services.windows();
  services.ledger?.wake();
  if (request.group_id !== undefined) requireMoot(services, request.group_id);
  const search = new InboxSearch(services, windows, request);
  const { changed } = services;
  if (wait_ms === 0 || changed === undefined) {
    using _turn = await turnToGather?.();
    return search.answer(await search.look(), limit);
  }
  using deadline = new Deadline(services.clock, Math.min(wait_ms, WAIT_MAX_MS), signal);
  for (;;) {
    const { version } = changed;
    let isCutShort: boolean;
    {
      using _turn = await turnToGather?.();
      const found = await search.look();
      if (found.waiting.length > 0 || deadline.signal.aborted) return search.answer(found, limit);
      isCutShort = found.isCutShort;
    }
    if (!isCutShort) await changed.after(version, deadline.signal);
  }
}

interface Looked {
  readonly waiting: readonly Waiting[];
  /** There is more than was looked through, or than is known by heart. */
  readonly more: boolean;
  /** None was found so far, and there is more to look through. */
  readonly isCutShort: boolean;
  readonly unread: Unread;
}

/** One question for what is unread, asked again while it waits. */
class InboxSearch {
  readonly #services: InboxServices;
  readonly #windows: Windows;
  readonly #request: RequestOf<typeof inbox>;
  /** Of the places asked for: where each moot is looked on. */
  readonly #after: Map<GroupId, number>;
  /** Behind what was looked through without a find, in each moot. */
  readonly #lookedSeq = new Map<GroupId, number>();

  constructor(services: InboxServices, windows: Windows, request: RequestOf<typeof inbox>) {
    this.#services = services;
    this.#windows = windows;
    this.#request = request;
    this.#after = new Map(seqsOfPlaces(services, request.after ?? [], request.group_id).seqs);
  }

  async look(): Promise<Looked> {
    const { asks, group_id } = this.#request;
    const unread = new Unread(group_id);
    const runs: Waiting[][] = [];
    let more = false;
    const mutes = new Mutes(this.#services.agents().mutes());
    const now = this.#services.clock.unix();
    for (const moot of this.#moots(unread)) {
      const window = asks ? this.#windows.asking(moot) : this.#windows.of(moot);
      const found = await unread.readingOn(moot, () => this.#entries(window));
      if (found === undefined) continue;
      more ||= !found.isWhole;
      const heard = found.entries.filter(({ author }) => !mutes.hides(author, moot.id, now));
      runs.push(heard.map((entry) => ({ window, entry })));
    }
    const waiting = merged(runs);
    return { waiting, more, isCutShort: more && waiting.length === 0, unread };
  }

  answer({ more, unread, waiting }: Looked, limit: number): AnswerOf<typeof inbox> {
    const fitting = fittingRows(this.#rows(waiting, unread), { ...INBOX_ROOM, rowsMax: limit });
    const rows = fitting.rows;
    // Of each moot they are the first ones, so nothing is passed over; of one that has none here the place stays.
    const places = new Map(rows.map(({ group_id, place }) => [mootOfPlace(group_id), place]));
    for (const place of this.#request.after ?? []) {
      const moot = /^\d+$/.test(place) ? undefined : parsePlace(place).moot;
      if (moot !== undefined && !places.has(moot)) places.set(moot, place);
    }
    return {
      rows,
      unread: waiting.length,
      asks: waiting.filter(({ entry }) => entry.asks).length,
      more: more || fitting.more,
      places: [...places.values()],
      unread_moots: unread.moots,
    };
  }

  *#rows(waiting: readonly Waiting[], unread: Unread): Generator<InboxRow> {
    const { agents, presence } = this.#services;
    const store = agents();
    for (const { entry, window } of waiting) {
      const row = unread.reading(window.moot, () => {
        const stored = window.moot.store.messages.get(entry.id);
        // It may have left by retention since.
        if (stored === undefined || isApart(stored)) return undefined;
        return inboxRowOf(window, { stored, message: messageOf(stored), store, presence, asks: entry.asks });
      });
      if (row !== undefined) yield row;
    }
  }

  *#moots(unread: Unread): Generator<Moot> {
    const { group_id } = this.#request;
    if (group_id !== undefined) {
      yield requireMoot(this.#services, group_id);
      return;
    }
    const moots = this.#services.moots();
    for (const [id, error] of this.#services.unopened()) unread.note({ id }, error);
    yield* moots;
  }

  async #entries(window: MootWindow): Promise<{ entries: readonly UnreadEntry[]; isWhole: boolean }> {
    const { id } = window.moot;
    const after = this.#after.get(id);
    if (after === undefined) {
      await window.fill();
      return { entries: window.entries, isWhole: window.isWhole };
    }
    const found = await window.search(Math.max(after, this.#lookedSeq.get(id) ?? 0), INBOX_ROWS_MAX);
    if (found.entries.length === 0) this.#lookedSeq.set(id, found.seq);
    return { entries: found.entries, isWhole: found.isEnd };
  }
}

/** All of them, each moot's in its own order and among these the earliest first. */
function merged(runs: readonly (readonly Waiting[])[]): Waiting[] {
  const heads = runs.map((run) => ({ run, at: 0 }));
  const all: Waiting[] = [];
  for (;;) {
    let next: (typeof heads)[number] | undefined;
    for (const head of heads) {
      const entry = head.run[head.at]?.entry;
      if (entry !== undefined && (next === undefined || entry.dateMs < next.run[next.at]!.entry.dateMs)) next = head;
    }
    if (next === undefined) return all;
    all.push(next.run[next.at]!);
    next.at += 1;
  }
}

/** Behind the last message of a moot that everything up to is done. */
export async function donePlace(window: MootWindow): Promise<string> {
  const known = await window.known();
  return placeOfSeq(window.moot, window.doneSeqFrom(known.doneSeq));
}
