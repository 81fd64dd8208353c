import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import { headOf, type NoteKind, type NoteName, noteKey, readNote, type SignedNote } from "../../core/record/note.ts";
import type { NoteEffect, NoteEvent } from "../../machine/note-exchange.ts";
import { NOTE_HEADS_MAX, type NoteHeadsFrame } from "../../wire/peer/note-frames.ts";
import type { PeerBudget } from "../carrier/peer-budget.ts";
import type { Peers } from "../carrier/peers.ts";
import { signaturesMs } from "../carrier/prices.ts";
import type { Group } from "../group/group.ts";
import type { NodeContext } from "../node-context.ts";
import { MootNotes } from "./moot-notes.ts";
import { NoteBudget } from "./note-budget.ts";
import type { NoteNews } from "./note-news.ts";

/** Ours. For an answer of half a mebibyte at most. */
const ASK_TIMEOUT_MS = 30_000;
/** Ours. Members that are asked whether they hold a note, and how long each has. */
const ASKED_AT_ONCE = 8;
const HOLDER_TIMEOUT_MS = 5_000;
/** Ours. Between two looks at whose presence is over. */
const PRESENCE_EVERY_MS = 15_000;

export interface NotesParts {
  readonly context: NodeContext;
  readonly peers: Peers;
  readonly budget: Pick<PeerBudget, "pay" | "turns">;
}

/** What members tell of themselves beside messages, in all moots: takes it from peers and tells them; see `docs/receipts.md`. */
export class Notes {
  readonly #parts: NotesParts;
  readonly #moots = new Map<GroupId, MootNotes>();
  readonly #budget: NoteBudget;
  readonly #timers = new Map<GroupId, Disposable>();
  readonly #listeners = new Set<(news: NoteNews) => void>();
  #onOwn: (group: Group) => void = () => {};
  #watching: Disposable | undefined;
  #isClosed = false;

  constructor(parts: NotesParts) {
    this.#parts = parts;
    this.#budget = new NoteBudget(parts.context.clock);
  }

  /** Calls back for what comes until the returned function is called. */
  onNews(listener: (news: NoteNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called for each moot in which others had a later note of this node than it. */
  onOwn(listener: (group: Group) => void): void {
    this.#onOwn = listener;
  }

  of(group: Group): MootNotes {
    const known = this.#moots.get(group.id);
    if (known?.group === group) return known;
    const { budget, context } = this.#parts;
    const notes = new MootNotes({
      group,
      local: context.local,
      clock: context.clock,
      budget: this.#budget,
      turn: () => budget.turns.take(),
      onNews: (news) => {
        for (const listener of this.#listeners) listener(news);
      },
      onOwn: () => this.#onOwn(group),
    });
    this.#moots.set(group.id, notes);
    return notes;
  }

  /** Two members of a group have met, or parted. */
  peer(group: Group, peer: PublicKey, isConnected: boolean): void {
    this.#handle(group, { kind: isConnected ? "met" : "lost", peer });
  }

  /** The roster of a group is another. */
  membersChanged(group: Group, before: Iterable<PublicKey>): void {
    this.#guarded(group, () => this.of(group).settle());
    for (const key of before) if (!group.roster.members.has(key)) this.#handle(group, { kind: "lost", peer: key });
  }

  /** A peer says what it holds. */
  heads(group: Group, from: PublicKey, { greeting, heads }: Pick<NoteHeadsFrame, "greeting" | "heads">): void {
    const told = heads.map(({ mark, ...head }) => ({ ...head, mark: mark.toHex() }));
    this.#handle(group, { kind: "heads", from, heads: told, isGreeting: greeting });
  }

  /** A member tells notes of its own. Throws `rate_limited`, `malformed_frame`, `signature_invalid`, `forbidden`. */
  async told(group: Group, from: PublicKey, notes: readonly Uint8Array[]): Promise<void> {
    for (const bytes of notes) {
      if (readNote(bytes).author !== from) {
        throw new EntmootError(
          "forbidden",
          "notes: expected those of the member that tells them; others are asked for",
        );
      }
      await this.#take(group, from, bytes);
    }
  }

  /** Those of `wanted` that may be told to `peer`. */
  answer(group: Group, peer: PublicKey, wanted: readonly NoteName[]): Uint8Array[] {
    const once = new Map(wanted.map((name) => [noteKey(name), name]));
    return this.of(group).toldTo(peer, [...once.values()]);
  }

  /** A note of this node, just signed: kept, and told to members. */
  publish(group: Group, note: SignedNote): void {
    this.of(group).keep(note, true);
    this.#handle(group, { kind: "kept", head: headOf(note), from: undefined });
  }

  /** How many of the members that are connected say that they hold this very note. */
  async holders(group: Group, note: SignedNote): Promise<number> {
    const { context, peers } = this.#parts;
    const others = [...group.roster.members.keys()].filter((key) => key !== context.local);
    const asked = others.filter((key) => peers.status(key).connected).slice(0, ASKED_AT_ONCE);
    const wanted = [{ kind: note.kind, author: note.author }];
    const answers = await Promise.allSettled(
      asked.map((to) =>
        peers.ask(to, { kind: "notes_req", group_id: group.id, wanted }, "notes_resp", HOLDER_TIMEOUT_MS),
      ),
    );
    return answers.filter((answer) => {
      if (answer.status === "rejected" && !(answer.reason instanceof EntmootError)) throw answer.reason;
      return answer.status === "fulfilled" && answer.value.notes.some((bytes) => sameBytes(bytes, note.bytes));
    }).length;
  }

  /** A group is here no more. */
  forget(id: GroupId): void {
    this.#moots.delete(id);
    this.#timers.get(id)?.[Symbol.dispose]();
    this.#timers.delete(id);
  }

  close(): void {
    this.#isClosed = true;
    this.#watching?.[Symbol.dispose]();
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  async #take(group: Group, from: PublicKey, bytes: Uint8Array): Promise<void> {
    const verdict = await this.of(group).take(bytes, from);
    if (verdict.kind === "kept") {
      this.#watch();
      this.#handle(group, { kind: "kept", head: verdict.head, from });
    } else if (verdict.kind === "late") {
      this.#handle(group, { kind: "late", head: verdict.head, from, untilMs: verdict.untilMs });
    }
  }

  #handle(group: Group, event: NoteEvent): void {
    if (this.#isClosed || this.#parts.context.group(group.id) !== group) return;
    this.#guarded(group, () => {
      const { exchange } = this.of(group);
      for (const effect of exchange.handle(event, this.#parts.context.clock.steady())) this.#carryOut(group, effect);
    });
  }

  /** What cannot be read or written just now is told again at the next meeting. */
  #guarded(group: Group, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.context.log.debug(`group ${group.id.slice(0, 12)}: notes: ${error.message}`);
    }
  }

  #carryOut(group: Group, effect: NoteEffect): void {
    const { context, peers } = this.#parts;
    switch (effect.kind) {
      case "schedule":
        this.#timers.get(group.id)?.[Symbol.dispose]();
        this.#timers.set(
          group.id,
          context.clock.after(effect.afterMs, () => this.#handle(group, { kind: "timer" })),
        );
        break;
      case "tell_heads":
        if (peers.status(effect.to).connected) this.#tellHeads(group, effect);
        break;
      case "tell_notes": {
        const notes = this.of(group).toldTo(effect.to, effect.names);
        if (notes.length === 0 || !peers.status(effect.to).connected) break;
        peers.send(effect.to, { kind: "notes", group_id: group.id, notes }, ignore);
        break;
      }
      case "ask":
        this.#ask(group, effect.to, effect.names).catch((error) => {
          if (!(error instanceof EntmootError)) throw error;
        });
    }
  }

  /** Kinds that earlier versions do not know stand in frames of their own: those refuse such a frame as a whole. */
  #tellHeads(group: Group, effect: Extract<NoteEffect, { kind: "tell_heads" }>): void {
    const { false: known = [], true: later = [] } = Object.groupBy(effect.heads, ({ kind }) => `${isLater(kind)}`);
    this.#tellFrames(group, { ...effect, heads: known });
    if (later.length > 0) this.#tellFrames(group, { ...effect, heads: later });
  }

  #tellFrames(group: Group, { heads, isGreeting, to }: Extract<NoteEffect, { kind: "tell_heads" }>): void {
    const told = heads.map(({ author, kind, mark, version }) => ({
      kind,
      author,
      version,
      mark: Uint8Array.fromHex(mark),
    }));
    let at = 0;
    do {
      const part = told.slice(at, at + NOTE_HEADS_MAX);
      this.#parts.peers.send(to, { kind: "note_heads", group_id: group.id, heads: part, greeting: isGreeting }, ignore);
      at += NOTE_HEADS_MAX;
    } while (at < told.length);
  }

  async #ask(group: Group, to: PublicKey, names: readonly NoteName[]): Promise<void> {
    const { budget, peers } = this.#parts;
    const asked = new Set(names.map(noteKey));
    try {
      const wanted = names.map(({ author, kind }) => ({ author, kind }));
      const question = { kind: "notes_req", group_id: group.id, wanted } as const;
      const answer = await peers.ask(to, question, "notes_resp", ASK_TIMEOUT_MS);
      await budget.pay(to, signaturesMs(answer.notes.length));
      for (const bytes of answer.notes) {
        // Each once, and nothing that was not asked for.
        if (asked.delete(noteKey(readNote(bytes)))) await this.#take(group, to, bytes);
      }
    } catch (error) {
      this.#handle(group, { kind: "failed", from: to });
      throw error;
    }
    this.#handle(group, { kind: "answered", from: to, asked: names });
  }

  /** Somebody's presence may be over without a word. */
  #watch(): void {
    if (this.#isClosed || this.#watching !== undefined) return;
    this.#watching = this.#parts.context.clock.after(
      PRESENCE_EVERY_MS,
      () => {
        this.#watching = undefined;
        for (const notes of this.#moots.values()) notes.lookAtPresence();
        this.#watch();
      },
      { idle: true },
    );
  }
}

function isLater(kind: NoteKind): boolean {
  return kind === "leave" || kind === "about";
}

function ignore(): void {}
