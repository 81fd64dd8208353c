import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { decodeAbout } from "../../core/record/about.ts";
import {
  headOf,
  isNewerNote,
  isNoteSigned,
  type NoteHead,
  type NoteKind,
  type NoteName,
  noteKey,
  readNote,
  type SignedNote,
} from "../../core/record/note.ts";
import {
  decodeLeave,
  decodeNoteRule,
  decodePresence,
  decodeReceipt,
  NOTE_RULE_DEFAULT,
  type NoteRule,
  type Receipt,
} from "../../core/record/note-bodies.ts";
import { SaltedMap } from "../../core/salted-map.ts";
import { NoteExchange, type NotesView } from "../../machine/note-exchange.ts";
import type { Group } from "../group/group.ts";
import { isPublicMoot } from "../group/group-name.ts";
import { isLeaveOf, keepLeft, leftMs } from "../group/leaves.ts";
import { takeAbout } from "./about-moot.ts";
import type { NoteBudget } from "./note-budget.ts";
import type { NoteNews } from "./note-news.ts";
import { PresenceBook } from "./presence-book.ts";

/** Ours. Above so many members receipts and presence go straight to whom they concern: each version would go to everybody. */
export const PASSED_ON_MEMBERS_MAX = 64;
/** Ours. Kept of one moot. Those with the oldest versions make room. */
export const NOTES_BYTES_MAX = 8 * 1024 * 1024;

export interface MootNotesParts {
  readonly group: Group;
  readonly local: PublicKey;
  readonly clock: Clock;
  readonly budget: NoteBudget;
  /** Notes that are verified take turns. */
  readonly turn: () => Promise<void>;
  readonly onNews: (news: NoteNews) => void;
  /** One of this node itself came from others: this copy is older than it was. */
  readonly onOwn: () => void;
  readonly bytesMax?: number;
}

interface Indexed extends NoteHead {
  readonly bytes: number;
}

/** What became of a note that a peer brought. */
export type NoteVerdict =
  /** `head` is held now. */
  | { readonly kind: "kept"; readonly head: NoteHead }
  | { readonly kind: "late"; readonly head: NoteHead; readonly untilMs: SteadyMs }
  /** Nothing new, or nothing that is kept here. */
  | { readonly kind: "passed" };

/** The notes of one moot: which are held, which are taken, and to whom they may be told. */
export class MootNotes implements NotesView {
  readonly group: Group;
  readonly exchange: NoteExchange = new NoteExchange(this);
  readonly presence: PresenceBook;
  readonly #parts: MootNotesParts;
  /** Of what is on the disk; made when first looked at. */
  #index: SaltedMap<string, Indexed> | undefined;
  #bytes = 0;
  /** Whom this node's own receipt is about. */
  #askers: ReadonlySet<PublicKey> = new Set();

  constructor(parts: MootNotesParts) {
    const { clock, group } = parts;
    this.group = group;
    this.#parts = parts;
    this.presence = new PresenceBook(clock, () => group.retention.isTimeGood);
  }

  /** What the founder says; where nobody does, both. */
  get rule(): NoteRule {
    const { founder } = this.group.roster;
    const note = founder === undefined ? undefined : this.group.store.notes.get({ kind: "rule", author: founder });
    return note === undefined ? NOTE_RULE_DEFAULT : decodeNoteRule(note.body);
  }

  get isPublic(): boolean {
    return isPublicMoot(this.group.store);
  }

  /** Whether notes of this kind are told and kept in this moot. */
  allows(kind: NoteKind): boolean {
    if (kind !== "receipt" && kind !== "presence") return true;
    const { presence, receipts } = this.rule;
    return !this.isPublic && (kind === "receipt" ? receipts : presence);
  }

  get #isPassedOn(): boolean {
    return this.group.roster.members.size <= PASSED_ON_MEMBERS_MAX;
  }

  head(name: NoteName): NoteHead | undefined {
    if (name.kind !== "presence") return this.#indexed().get(noteKey(name));
    const note = this.presence.note(name.author);
    return note && headOf(note);
  }

  *heads(): Generator<NoteHead> {
    for (const held of this.#indexed().values()) if (held.kind === "rule") yield held;
    for (const held of this.#indexed().values()) if (held.kind !== "rule") yield held;
    for (const note of this.presence.notes()) yield headOf(note);
  }

  tells(peer: PublicKey, { author, kind }: NoteName): boolean {
    const { local } = this.#parts;
    const { members } = this.group.roster;
    if (!members.has(peer) || !members.has(local) || !members.has(author) || !this.allows(kind)) return false;
    if (isForAll(kind) || this.#isPassedOn) return true;
    return author === local && (kind === "presence" || this.#askers.has(peer));
  }

  wants({ author, kind }: NoteName, from: PublicKey): boolean {
    const { founder, members } = this.group.roster;
    if (!members.has(from) || !members.has(this.#parts.local) || !members.has(author)) return false;
    if (kind === "rule" || kind === "about") return author === founder;
    if (kind === "leave") return author !== founder;
    return this.allows(kind) && (this.#isPassedOn || author === from);
  }

  /** The whole note; `undefined` where none is held. */
  get(name: NoteName): SignedNote | undefined {
    return name.kind === "presence" ? this.presence.note(name.author) : this.group.store.notes.get(name);
  }

  /** Those of `names` that `peer` may be told. */
  toldTo(peer: PublicKey, names: readonly NoteName[]): Uint8Array[] {
    return names.flatMap((name) => (this.tells(peer, name) ? (this.get(name)?.bytes ?? []) : []));
  }

  /**
   * Takes what a peer brought, if it is the latest of a member and its author signed it: the author is charged for it, and
   * for what nobody signed who brought it alone. Throws `rate_limited`, `malformed_frame`, `signature_invalid`.
   */
  async take(bytes: Uint8Array, from: PublicKey): Promise<NoteVerdict> {
    const note = readNote(bytes);
    if (!this.#isNews(note, from)) return PASSED;
    checkBody(note);
    if (note.kind === "leave" && !isLeaveOf(note, this.group.roster)) return PASSED;
    const { budget, clock, local, onOwn, turn } = this.#parts;
    const head = headOf(note);
    const untilMs = this.exchange.charge(note, clock.steady());
    if (untilMs !== undefined) return { kind: "late", head, untilMs };
    try {
      budget.spend(from);
      await turn();
      if (!isNoteSigned(note)) throw new EntmootError("signature_invalid", "note: its signature is not its author's");
    } catch (error) {
      this.exchange.uncharge(note, clock.steady());
      throw error;
    }
    // Another may have come meanwhile, or its author have gone.
    if (!this.#isNews(note, from)) return PASSED;
    this.keep(note, from === note.author);
    if (note.author === local) onOwn();
    return { kind: "kept", head };
  }

  /** Keeps a note that is verified and the latest, and tells what is new in it. */
  keep(note: SignedNote, isDirect: boolean): void {
    if (note.kind === "presence") {
      this.presence.put(note, isDirect);
      this.lookAtPresence();
      return;
    }
    const before = note.kind === "receipt" ? this.#receiptOf(note.author) : undefined;
    const key = noteKey(note);
    const drop = this.#roomFor(note, key);
    this.group.store.notes.change({ drop, put: [note] });
    for (const name of drop) this.#forget(noteKey(name));
    this.#forget(key);
    this.#indexed().set(key, { ...headOf(note), bytes: note.bytes.length });
    this.#bytes += note.bytes.length;
    if (note.kind === "rule") this.settle();
    else if (note.kind === "leave") this.#tellLeave(note);
    else if (note.kind === "about") takeAbout(this.group, note);
    else if (note.author !== this.#parts.local) this.#tellReceipt(note, before);
  }

  /** Whom this node's own receipt is about. */
  setAskers(askers: ReadonlySet<PublicKey>): void {
    this.#askers = askers;
  }

  /** Members or the rule have changed: what is not to be held any more is deleted. */
  settle(): void {
    const { members } = this.group.roster;
    const isMember = members.has(this.#parts.local);
    const isGone = ({ author, kind }: NoteName) =>
      !isMember || !members.has(author) || !this.allows(kind) || (kind === "leave" && !this.#isLeave(author));
    const gone = [...this.#indexed().values()].filter(isGone);
    const { store } = this.group;
    for (const { author } of gone.filter(({ kind }) => kind === "leave")) {
      const note = store.notes.get({ kind: "leave", author });
      if (note !== undefined) keepLeft(this.group, note);
    }
    if (gone.length > 0) store.notes.change({ drop: gone });
    for (const name of gone) this.#forget(noteKey(name));
    for (const note of [...this.presence.notes()]) if (isGone(note)) this.presence.drop(note.author);
    this.exchange.forget();
  }

  /** Tells who began or ceased to show as listening. */
  lookAtPresence(): void {
    const { local, onNews } = this.#parts;
    for (const [member, presence] of this.presence.changed()) {
      if (member !== local) onNews({ kind: "presence", group: this.group, member, presence });
    }
  }

  #isNews(note: SignedNote, from: PublicKey): boolean {
    return note.groupId === this.group.id && this.wants(note, from) && isNewerNote(note, this.head(note));
  }

  /** Members that say they have left. */
  *leaving(): Generator<PublicKey> {
    for (const { author, kind } of this.#indexed().values()) if (kind === "leave") yield author;
  }

  #isLeave(author: PublicKey): boolean {
    const note = this.group.store.notes.get({ kind: "leave", author });
    return note !== undefined && isLeaveOf(note, this.group.roster);
  }

  #tellLeave(note: SignedNote): void {
    const { local, onNews } = this.#parts;
    if (note.author === local) this.group.noteLeave(note);
    onNews({ kind: "leave", group: this.group, member: note.author, leftMs: leftMs(note) });
  }

  /** Those that make room for a note, the oldest first, but none of this node's own. */
  #roomFor(note: SignedNote, key: string): NoteName[] {
    const { bytesMax = NOTES_BYTES_MAX, local } = this.#parts;
    const index = this.#indexed();
    let over = this.#bytes - (index.get(key)?.bytes ?? 0) + note.bytes.length - bytesMax;
    if (over <= 0) return [];
    const drop: Indexed[] = [];
    const others = [...index].filter(([other, held]) => other !== key && held.author !== local);
    const oldest = others.map(([, held]) => held).filter(({ kind }) => kind === "receipt");
    for (const held of oldest.sort((a, b) => (a.version < b.version ? -1 : 1))) {
      if (over <= 0) break;
      drop.push(held);
      over -= held.bytes;
    }
    return drop;
  }

  #forget(key: string): void {
    const held = this.#indexed().get(key);
    if (held === undefined) return;
    this.#bytes -= held.bytes;
    this.#indexed().delete(key);
  }

  #indexed(): SaltedMap<string, Indexed> {
    if (this.#index !== undefined) return this.#index;
    this.#index = new SaltedMap();
    for (const note of this.group.store.notes.all()) {
      this.#index.set(noteKey(note), { ...headOf(note), bytes: note.bytes.length });
      this.#bytes += note.bytes.length;
    }
    // The roster may have changed while nobody looked.
    this.settle();
    return this.#index;
  }

  #receiptOf(reader: PublicKey): Receipt | undefined {
    const note = this.group.store.notes.get({ kind: "receipt", author: reader });
    return note && decodeReceipt(note.body);
  }

  #tellReceipt(note: SignedNote, before: Receipt | undefined): void {
    const { nobodySinceMs, rows } = decodeReceipt(note.body);
    const isSameListening = before !== undefined && (before.nobodySinceMs === 0) === (nobodySinceMs === 0);
    const known = new Map(before?.rows.map((row) => [row.messageId, row.state]));
    const news = rows.filter(
      ({ messageId, state }) => known.get(messageId) !== state || (state === "arrived" && !isSameListening),
    );
    if (news.length === 0) return;
    this.#parts.onNews({ kind: "receipt", group: this.group, reader: note.author, nobodySinceMs, rows: news });
  }
}

/** Told to all members and passed on by them, however many they are: there are few, and they seldom change. */
function isForAll(kind: NoteKind): boolean {
  return kind !== "receipt" && kind !== "presence";
}

const PASSED = { kind: "passed" } as const;

/** Throws `malformed_frame` for a body that nobody could read. */
function checkBody({ body, kind }: SignedNote): void {
  if (kind === "receipt") decodeReceipt(body);
  else if (kind === "presence") decodePresence(body);
  else if (kind === "leave") decodeLeave(body);
  else if (kind === "about") decodeAbout(body);
  else decodeNoteRule(body);
}
