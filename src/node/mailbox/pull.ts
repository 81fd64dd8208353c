import { isUtf8 } from "node:buffer";
import { mentionsOf, namesReader } from "../../core/agents/mentions.ts";
import type { PublicKey } from "../../core/ids.ts";
import { shownTopics } from "../../core/policy/topic.ts";
import type { Spoken } from "../../core/record/message.ts";
import type { StoredMessage } from "../../store/group-store.ts";
import { Deadline, pause } from "../../transport/wait.ts";
import type { Call } from "../operations/implementation.ts";
import type { Mail, mailbox_pull, Pulled } from "../operations/mailbox.ts";
import { PAGE_MESSAGES_MAX, WAIT_MAX_MS } from "../operations/messages.ts";
import type { RequestOf } from "../operations/operation.ts";
import { arrivalsAfter } from "../read/arrivals.ts";
import { type Moot, type Moots, pickMoot } from "../read/moots.ts";
import { mootOf, seqOfPlace } from "../read/places.ts";
import { messageOf, spokenIn } from "../read/unread.ts";
import { clientNameOf } from "./client-name.ts";
import { cursorAt, keysOfSeq, type Mailboxes, standing } from "./mailbox.ts";
import { readerHere } from "./reader-here.ts";
import type { ClientStanding } from "./standing.ts";

/** Ours. A page ends once its messages have this many bytes. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** Ours. What is looked through for one page, in messages and bytes, before what was found is given. */
const LOOKED_THROUGH_MAX = 4096;
const LOOKED_THROUGH_BYTES_MAX = 16 * 1024 * 1024;
const LIMIT_DEFAULT = 50;
/** Ours. How often the end of the log is looked at where nobody tells of what arrives: some microseconds each. */
const LOOK_EVERY_MS = 250;

interface KnowsLocal {
  readonly local: PublicKey | undefined;
}

type PullRequest = RequestOf<typeof mailbox_pull>;

/** What a client has not acknowledged, as far as one answer holds it. */
export async function pull(
  mailboxes: Mailboxes & KnowsLocal,
  request: PullRequest,
  call: Pick<Call<never>, "caller" | "signal" | "turnToGather">,
): Promise<Pulled> {
  const { after, client_id, group_id } = request;
  const name = clientNameOf(call.caller, client_id);
  const moot =
    after === undefined || group_id !== undefined ? pickMoot(mailboxes, group_id) : mootOf(mailboxes, after, undefined);
  const shows = filterOf(mailboxes, moot, request);
  let from = after === undefined ? 0 : seqOfPlace(moot, after);
  let note: string | undefined;
  const look = async () => {
    using _turn = await call.turnToGather?.();
    const at = await standing(mailboxes, { moot, name }, call);
    note ??= at.note;
    const search = new MailSearch(moot, shows, limitOf(request));
    await search.from(mailboxes, Math.max(from, at.seq), call.signal);
    from = search.seq;
    return { client_id, moot, at, search, note };
  };
  const waitMs = Math.min(request.wait_ms ?? 0, WAIT_MAX_MS);
  if (waitMs === 0) return pageOf(await look());
  using deadline = new Deadline(mailboxes.clock, waitMs, call.signal);
  for (;;) {
    const version = mailboxes.changed?.version ?? 0;
    const looked = await look();
    if (looked.search.found.length > 0 || deadline.signal.aborted) return pageOf(looked);
    if (looked.search.hasMore) continue;
    await somethingNew(mailboxes, { moot, seq: from, version, signal: deadline.signal });
  }
}

function limitOf({ limit = LIMIT_DEFAULT }: PullRequest): number {
  return limit === 0 ? PAGE_MESSAGES_MAX : Math.min(limit, PAGE_MESSAGES_MAX);
}

interface MailWait {
  readonly moot: Moot;
  /** What was looked through. */
  readonly seq: number;
  readonly version: number;
  readonly signal: AbortSignal;
}

/** Resolves when messages may have come, or the wait is over. */
async function somethingNew({ changed, clock }: Moots, { moot, seq, signal, version }: MailWait): Promise<void> {
  if (changed !== undefined) return changed.after(version, signal);
  while (!signal.aborted && moot.store.messages.lastSeq() <= seq) await pause(clock, LOOK_EVERY_MS, signal);
}

type Shows = (said: Spoken, stored: StoredMessage) => boolean;

/** Which messages are asked for; `undefined`: all, as of the original's mailbox, so that none has to be looked at. */
function filterOf(
  reading: Mailboxes & KnowsLocal,
  moot: Moot,
  { mentions = false, reserved, topic }: PullRequest,
): Shows | undefined {
  const byTopic = topic === undefined && reserved !== false ? undefined : shownTopics({ topic, reserved }).shows;
  const reader = mentions ? readerHere(reading, moot) : undefined;
  if (byTopic === undefined && reader === undefined) return undefined;
  return ({ topics }, stored) => {
    if (byTopic !== undefined && !byTopic(topics)) return false;
    if (reader === undefined) return true;
    const message = messageOf(stored);
    return !reader.isOwn(message) && namesReader(mentionsOf(message), reader);
  };
}

/** What is found for one page. */
class MailSearch {
  readonly found: { readonly stored: StoredMessage; readonly said: Spoken }[] = [];
  /** The last number looked at, up to the one before the first message that found no room. */
  seq = 0;
  hasMore = false;
  readonly #moot: Moot;
  readonly #shows: Shows | undefined;
  readonly #limit: number;
  #bytes = 0;
  #looked = 0;
  #lookedBytes = 0;

  constructor(moot: Moot, shows: Shows | undefined, limit: number) {
    this.#moot = moot;
    this.#shows = shows;
    this.#limit = limit;
  }

  async from(moots: Moots, after: number, signal: AbortSignal): Promise<void> {
    this.seq = after;
    for await (const piece of arrivalsAfter(moots, this.#moot, after, this.#pieceMax)) {
      for (const stored of piece) if (!this.#take(stored)) return;
      if (signal.aborted) return;
    }
  }

  /** Without a filter no more than are shown, and one that tells whether there is more. */
  get #pieceMax(): number | undefined {
    return this.#shows === undefined ? this.#limit + 1 : undefined;
  }

  /** `false` when the page ends ahead of this message. */
  #take(stored: StoredMessage): boolean {
    const { length } = stored.canonical;
    const isLong = this.#looked >= LOOKED_THROUGH_MAX || this.#lookedBytes >= LOOKED_THROUGH_BYTES_MAX;
    const isFull = this.found.length === this.#limit || this.#bytes >= PAGE_BYTES_MAX;
    this.hasMore = isLong || (isFull && this.#shows === undefined);
    if (this.hasMore) return false;
    this.#looked += 1;
    this.#lookedBytes += length;
    const said = spokenIn(stored);
    if (this.#shows?.(said, stored) ?? true) {
      this.hasMore = isFull;
      if (isFull) return false;
      this.found.push({ stored, said });
      this.#bytes += length;
    }
    this.seq = stored.seq;
    return true;
  }
}

interface PulledPage {
  readonly client_id: string;
  readonly moot: Moot;
  readonly at: ClientStanding;
  readonly search: MailSearch;
  readonly note: string | undefined;
}

function pageOf({ at, client_id, moot, note, search }: PulledPage): Pulled {
  const { found, hasMore, seq } = search;
  const last = found.at(-1);
  const keys =
    last?.stored.seq === seq
      ? { messageId: last.stored.id, timestamp: last.said.timestamp }
      : ((seq === at.seq ? at.keys : keysOfSeq(moot, seq)) ?? at.keys);
  return {
    client_id,
    group_id: moot.id,
    count: found.length,
    has_more: hasMore,
    next_cursor: cursorAt(moot, seq, keys),
    messages: found.map(mailOf),
    note,
  };
}

const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

function mailOf({ said, stored }: MailSearch["found"][number]): Mail {
  const { content, nodeId, timestamp, topics } = said;
  return {
    message_id: stored.id,
    author: nodeId,
    topic: topics,
    content: LOSSY.decode(content),
    timestamp_ms: timestamp,
    content_b64: isUtf8(content) ? undefined : content,
  };
}
