import { AHEAD_MAX_MS } from "../../core/ahead.ts";
import { sha256Hex } from "../../core/bytes/sha256.ts";
import { type UnixMs, unixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import {
  type Charging,
  ContentLimiter,
  type ForeseenWait,
  type PolicyRefusal,
} from "../../core/policy/content-limiter.ts";
import { formatPolicy, type Policy, parsePolicy, verifyPolicy } from "../../core/policy/policy.ts";
import { byDate, countingNotes, PolicyHistory, type PolicyNote } from "../../core/policy/policy-history.ts";
import { isPolicyUpdate, POLICY_TOPIC, parsePolicyUpdate } from "../../core/policy/policy-update.ts";
import { RateLedger } from "../../core/policy/rate-ledger.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import type { GroupStore } from "../../store/group-store.ts";

/** Ours. Of what an author published before a restart, so much is looked at, and no older than this. */
const RECALLED_MAX = 1024;
const RECALL_MS = 3_600_000;
/** Ours. Updates of the founder that count, the latest by date: only the founder makes more. */
const NOTES_MAX = 1024;

/** Ours. Updates told to who forgets all else of their time: one counts, and a few more in case it is refused. */
export const UPDATES_OFFERED = 8;

/** The name of the fact the policy in force is kept under, as JSON text. */
export const POLICY_FACT = "policy";
/** The name of the fact that says which signed policies what is held was held to; anything else while it was not. */
const POLICY_PASS_FACT = "policy_pass";
/** The name of the fact that has the one before the first update, where an update was applied; empty for none. */
const FIRST_POLICY_FACT = "policy_first";

export interface PolicySubject {
  readonly author: number;
  /** See `isPolicyUpdate`. */
  readonly isUpdate: boolean;
  readonly timestamp: bigint;
  /** Of the full canonical form. */
  readonly bytes: number;
  /** When its author was admitted, Unix milliseconds. */
  readonly admitted: bigint;
  /** Written here. */
  readonly isOwn: boolean;
  /** Messages older than this are past their retention, Unix milliseconds; `undefined` while nobody can say. */
  readonly oldest: bigint | undefined;
}

/** A refusal, with how long the author's rates are taken by the message once it is stored, in milliseconds. */
export type Delayed = PolicyRefusal & { readonly takesMs: number };

interface PolicyParts {
  /** The founder's node id, once there is one. */
  readonly founder: () => number | undefined;
  readonly unix: () => UnixMs;
  /** What the moot was founded with, as the roster has it; `undefined` where it says nothing of it. */
  readonly founding?: () => string | undefined;
}

/** The policies of one group on this node; without one everything is allowed. */
export class GroupPolicy {
  readonly #store: GroupStore;
  readonly #parts: PolicyParts;
  readonly #ledger: RateLedger;
  /** The first policy where the roster says none: as the founder told it, or as this node, its founder, set it. */
  #told: Policy | undefined;
  /** As the roster has it. */
  #founding: { readonly text: string | undefined; readonly policy: Policy | undefined } = NO_FOUNDING;
  /** What the founder's messages say that are held; `undefined` before they were read. */
  #notes: Map<MessageId, PolicyNote> | undefined;
  #history: PolicyHistory | undefined;
  #limiter: ContentLimiter | undefined;
  /** Whether what is stored counts, of an author of whom nothing is known: a policy that was set meanwhile starts afresh. */
  #recalls = true;

  /** Throws `invalid_argument` or `malformed_frame` when what is kept is no policy. */
  constructor(store: GroupStore, parts: PolicyParts) {
    this.#store = store;
    this.#parts = parts;
    this.#ledger = new RateLedger((author, from, until) => {
      return store.messages.spentBy(Number(author), BigInt(from), BigInt(until));
    });
    this.#told = readPolicy(store.getFact(FIRST_POLICY_FACT) ?? store.getFact(POLICY_FACT));
    this.followRoster();
  }

  /**
   * To be called when the roster has changed: another history of it may say another first policy. Gives whether it does.
   * What the roster says counts before what was told, for all who have that roster.
   */
  followRoster(): boolean {
    const text = this.#parts.founding?.();
    if (text === this.#founding.text) return false;
    const before = this.#first;
    this.#founding = { text, policy: foundingPolicy(text) };
    if (textOf(this.#first) === textOf(before)) return false;
    this.#changed();
    return true;
  }

  get #first(): Policy | undefined {
    return this.#founding.policy ?? this.#told;
  }

  /** What a message of some date is held to. Another object when it has changed. */
  get history(): PolicyHistory {
    this.#notes ??= this.#readNotes();
    this.#history ??= PolicyHistory.of(this.#first, [...(this.#notes?.values() ?? [])]);
    return this.#history;
  }

  /** The update that counts just before `ms` (Unix milliseconds) and the latest others from before it, ascending. */
  updatesBefore(ms: bigint): readonly PolicyNote[] {
    this.#notes ??= this.#readNotes();
    const before = [...(this.#notes?.values() ?? [])].filter(({ from }) => from < ms).sort(byDate);
    const latest = before.slice(-UPDATES_OFFERED);
    const counting = countingNotes(before).at(-1);
    return counting === undefined || latest.includes(counting) ? latest : [counting, ...latest.slice(1)];
  }

  /** The one in force now. */
  get current(): Policy | undefined {
    return this.history.at(BigInt(Math.floor(this.#parts.unix())));
  }

  /** The one before any update, which members without one take over, as JSON text; empty for none. */
  get firstText(): string {
    return textOf(this.#first);
  }

  /**
   * Takes the founder's first policy where this node has none, so that members hold themselves and each other to the same.
   * A text that is no policy changes nothing. Gives whether it did.
   */
  adopt(text: string): boolean {
    if (this.#first !== undefined || text === "") return false;
    try {
      this.set(parsePolicy(text));
      return true;
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      return false;
    }
  }

  /** Keeps a policy as the first one, or none, and starts with full budgets. Throws `invalid_argument`. */
  set(policy: Policy | undefined): void {
    if (policy !== undefined) verifyPolicy(policy);
    const before = this.#told;
    try {
      this.#told = policy;
      this.#changed();
      this.#keep("due");
    } catch (error) {
      this.#told = before;
      this.#changed();
      throw error;
    }
  }

  /** A message of the founder on the policy's topic was stored. Gives whether the history is another one now. */
  note(message: Pick<Message, "content" | "group_id" | "id" | "timestamp">): boolean {
    this.#notes ??= this.#readNotes();
    const note = noteOf(message);
    if (note === undefined || this.#notes === undefined) return false;
    const before = this.#notes.has(note.id);
    addNote(this.#notes, note);
    if (before) return false;
    this.#changed();
    try {
      this.#keep("due");
    } catch (error) {
      // For who looks without a daemon; the history itself is made of what is held.
      if (!(error instanceof EntmootError)) throw error;
    }
    return true;
  }

  /**
   * Whether what is held is to be held to the policies again: also after a crash, even one between an update's commit and
   * all else that it brings about, and where an earlier version took updates for messages like any other.
   */
  get isPassDue(): boolean {
    return this.#store.getFact(POLICY_PASS_FACT) !== this.#signed;
  }

  /** It was. Throws what keeps it from being noted. */
  passed(): void {
    this.#keep(this.#signed);
  }

  /** Which updates are held and what the roster says, 64 hex digits; `undefined` for neither. */
  get #signed(): string | undefined {
    this.#notes ??= this.#readNotes();
    const { text } = this.#founding;
    const said = [...(text === undefined ? [] : [text]), ...(this.#notes?.keys() ?? [])];
    return said.length === 0 ? undefined : sha256Hex(said.sort().join("\n"));
  }

  /** What is held changed by other ways than the way in. */
  forgetSpending(): void {
    this.#ledger.forget();
  }

  /** What is past its retention. */
  tooOld(subject: Pick<PolicySubject, "isUpdate" | "oldest" | "timestamp">): PolicyRefusal | undefined {
    const { current } = this;
    if (current === undefined) return undefined;
    return this.#limiterOf(current).screen({ ...subject, author: "" }, subject.oldest);
  }

  /** `undefined` when a message that is kept may be stored now; its author has paid then. */
  check({ admitted, isOwn, oldest, ...subject }: PolicySubject): Delayed | undefined {
    const { current } = this;
    if (current === undefined) return undefined;
    const limiter = this.#limiterOf(current);
    const candidate = { ...subject, author: String(subject.author) };
    const old = limiter.screen(candidate, oldest);
    if (old !== undefined) return { ...old, takesMs: 0 };
    const charging = this.#charging(limiter, { ...subject, admitted, isOwn });
    const late = charging && limiter.charge(candidate, charging);
    return late && { ...late, takesMs: limiter.takesMs(subject.bytes) };
  }

  /** Which rate would keep such a message waiting now, and until when; `undefined` for none. Charges nobody. */
  foresee({ admitted, isOwn, ...subject }: Omit<PolicySubject, "oldest">): ForeseenWait | undefined {
    const { current } = this;
    if (current === undefined) return undefined;
    const limiter = this.#limiterOf(current);
    const charging = this.#charging(limiter, { ...subject, admitted, isOwn });
    return charging && limiter.foresee({ ...subject, author: String(subject.author) }, charging);
  }

  /** The update that counts now; `undefined` while what counts is what the moot was founded with. */
  get inForce(): PolicyNote | undefined {
    const now = BigInt(Math.floor(this.#parts.unix()));
    return countingNotes([...this.#read().values()]).findLast(({ from }) => from <= now);
  }

  /** The greatest sequence of any update that is held; 0 for none. */
  get lastSequence(): bigint {
    return [...this.#read().values()].reduce((last, { sequence }) => (sequence > last ? sequence : last), 0n);
  }

  /** How a message is charged; `undefined` where nothing was limited at its date. */
  #charging(
    limiter: ContentLimiter,
    { admitted, author, isOwn, isUpdate, timestamp }: Omit<PolicySubject, "bytes" | "oldest">,
  ): Charging | undefined {
    const now = this.#parts.unix();
    const dated = this.history.at(timestamp);
    if (isUpdate || dated === undefined) return undefined;
    if (isOwn) this.#recall(limiter, author, now);
    return { now, admitted: Number(admitted) - AHEAD_MAX_MS, dated, ledger: this.#ledger };
  }

  #read(): ReadonlyMap<MessageId, PolicyNote> {
    this.#notes ??= this.#readNotes();
    return this.#notes ?? NO_NOTES;
  }

  #limiterOf(policy: Policy): ContentLimiter {
    if (this.#limiter?.policy === policy) return this.#limiter;
    // Another one is in force since the last look.
    if (this.#limiter !== undefined) this.#recalls = false;
    this.#limiter = new ContentLimiter(policy);
    return this.#limiter;
  }

  #changed(): void {
    this.#history = undefined;
    this.#ledger.forget();
    this.#recalls = false;
  }

  /** `pass`: what the next start finds of the last one. */
  #keep(pass: string | undefined): void {
    const { current } = this;
    this.#store.setFacts([
      [POLICY_FACT, textOf(current) || undefined],
      [FIRST_POLICY_FACT, this.#firstFact],
      [POLICY_PASS_FACT, pass],
    ]);
  }

  /** Only where updates may have made another one of it. */
  get #firstFact(): string | undefined {
    const told = textOf(this.#told);
    return (this.#notes?.size ?? 0) === 0 && told === textOf(this.current) ? undefined : told;
  }

  /** `undefined` while nobody knows who the founder is. */
  #readNotes(): Map<MessageId, PolicyNote> | undefined {
    const notes = new Map<MessageId, PolicyNote>();
    const founder = this.#parts.founder();
    if (founder === undefined) return undefined;
    const query = { topic: POLICY_TOPIC, author_node_id: founder, order: "asc", limit: RECALLED_MAX } as const;
    for (let from: TimePlace | undefined; ; ) {
      const { found, rest } = this.#store.messages.query(from === undefined ? query : { ...query, from });
      for (const { canonical } of found) {
        const message = decodeMessage(canonical);
        const isUpdate = isPolicyUpdate({ author: message.author.pilot_node_id, topics: message.topics }, founder);
        const note = isUpdate ? noteOf(message) : undefined;
        if (note !== undefined) addNote(notes, note);
      }
      if (rest === undefined) return notes;
      from = rest;
    }
  }

  /** Takes from the budget of who publishes here what a process before this one let it publish. */
  #recall(limiter: ContentLimiter, author: number, now: UnixMs): void {
    const key = String(author);
    if (!this.#recalls || limiter.knows(key)) return;
    const since = BigInt(Math.floor(now - Math.min(limiter.fillMs, RECALL_MS)));
    const query = {
      author_node_id: author,
      since,
      until: BigInt(now) + 1n,
      order: "desc",
      limit: RECALLED_MAX,
    } as const;
    const found: { readonly bytes: number; readonly message: Message }[] = [];
    let from: TimePlace | undefined;
    do {
      const piece = this.#store.messages.query(from === undefined ? query : { ...query, from });
      found.push(
        ...piece.found.map(({ canonical }) => ({ bytes: canonical.length, message: decodeMessage(canonical) })),
      );
      from = piece.rest;
    } while (from !== undefined && found.length < RECALLED_MAX);
    for (const { bytes, message } of found.reverse()) {
      const { timestamp, topics } = message;
      if (!isPolicyUpdate({ author, topics }, this.#parts.founder())) {
        limiter.spend(key, bytes, unixMs(Number(timestamp)));
      }
    }
  }
}

/** What a message of the founder says; `undefined` when that is nothing. */
function noteOf({ content, group_id, id, timestamp }: Parameters<GroupPolicy["note"]>[0]): PolicyNote | undefined {
  try {
    const update = parsePolicyUpdate(content);
    if (update.group_id !== group_id) return undefined;
    return { id, from: timestamp, sequence: update.sequence, policy: update.policy };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return undefined;
  }
}

function addNote(notes: Map<MessageId, PolicyNote>, note: PolicyNote): void {
  notes.set(note.id, note);
  if (notes.size <= NOTES_MAX) return;
  const [oldest] = [...notes.values()].sort(byDate);
  notes.delete(oldest!.id);
}

const NO_NOTES: ReadonlyMap<MessageId, PolicyNote> = new Map();
const NO_FOUNDING = { text: undefined, policy: undefined };

function textOf(policy: Policy | undefined): string {
  return policy === undefined ? "" : formatPolicy(policy);
}

/** In the roster of somebody else anything may stand in its place. */
function foundingPolicy(text: string | undefined): Policy | undefined {
  try {
    return readPolicy(text);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return undefined;
  }
}

/** The first policy as it was told here, as JSON text: what counts where the roster says none. */
export function toldPolicy(store: Pick<GroupStore, "getFact">): string | undefined {
  return (store.getFact(FIRST_POLICY_FACT) ?? store.getFact(POLICY_FACT)) || undefined;
}

function readPolicy(text: string | undefined): Policy | undefined {
  return text === undefined || text === "" ? undefined : parsePolicy(text);
}
