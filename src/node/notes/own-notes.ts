import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import type { SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";
import { NOTE_VERSION_MAX, type NoteKind, signNote } from "../../core/record/note.ts";
import {
  decodePresence,
  decodeReceipt,
  encodeNoteRule,
  encodePresence,
  encodeReceipt,
  type NoteRule,
  PRESENCE_HOST_BYTES_MAX,
  type PresenceState,
} from "../../core/record/note-bodies.ts";
import type { AgentStore } from "../../store/agent-store.ts";
import type { AgentListener } from "../agents/listener.ts";
import type { Group } from "../group/group.ts";
import type { NodeContext } from "../node-context.ts";
import { keepNoteSettings, type NoteSettings, readNoteSettings } from "./note-settings.ts";
import type { Notes } from "./notes.ts";
import { ownReceipt } from "./own-receipt.ts";

/** Ours. Receipts of a moot: two at once, as what came is often read soon, then one in so long; others take three at once. */
export const RECEIPT_EVERY_MS = 10_000;
const RECEIPTS_AT_ONCE = 2;
/** Ours. Between two words on who listens. */
export const PRESENCE_EVERY_MS = 60_000;
/** Ours. It is said again so often although nothing changed: two are lost before it counts no more. */
export const PRESENCE_AGAIN_MS = 270_000;
/** Ours. After a failure, such as a full disk. */
const AGAIN_MS = 60_000;
/** Ours. Moots whose rates are known by heart. */
const MOOTS_MAX = 4_096;
/** Ours. Moots looked at in one turn. */
const AT_ONCE = 16;

export interface OwnNotesParts {
  readonly context: NodeContext;
  readonly notes: Notes;
  readonly hasAgents: () => boolean;
  readonly agents: () => AgentStore;
  readonly listeners: () => readonly AgentListener[];
}

interface MootState {
  /** The ledger, or who listens, is another than at the last look. */
  isDirty: boolean;
  isListening: boolean;
  sinceMs: number;
  presenceAt: SteadyMs | undefined;
}

/** What this node tells of itself: made of its ledger and of who listens, no more often than others take it. */
export class OwnNotes {
  readonly #parts: OwnNotesParts;
  readonly #moots = new Map<GroupId, MootState>();
  readonly #receipts = new BucketTable<SteadyMs>(
    [{ perSecond: 1_000 / RECEIPT_EVERY_MS, burst: RECEIPTS_AT_ONCE }],
    MOOTS_MAX,
  );
  #settings: NoteSettings | undefined;
  #timer: Disposable | undefined;
  #dueAt: SteadyMs | undefined;
  #isOpen = false;

  constructor(parts: OwnNotesParts) {
    this.#parts = parts;
    parts.notes.onOwn((group) => this.moved(group.id));
  }

  /** From now on it tells. */
  start(): void {
    this.#isOpen = true;
    this.#lookWithin(0);
  }

  get settings(): NoteSettings {
    this.#settings ??= readNoteSettings(this.#parts.context.root.node);
    return this.#settings;
  }

  /** Durable on return; members learn of it soon. */
  set(settings: NoteSettings): void {
    keepNoteSettings(this.#parts.context.root.node, settings);
    this.#settings = settings;
    this.allMoved();
  }

  /** What the founder lets members tell in its moot; this node is the founder. Durable on return. */
  setRule(group: Group, rule: NoteRule): void {
    this.#publish(group, "rule", encodeNoteRule(rule));
    this.moved(group.id);
  }

  /** The ledger of a moot, or its roster, is another. */
  moved(id: GroupId): void {
    const state = this.#moots.get(id);
    if (state !== undefined) state.isDirty = true;
    this.#lookWithin(0);
  }

  /** Who listens, or what this node tells, is another. */
  allMoved(): void {
    for (const state of this.#moots.values()) state.isDirty = true;
    this.#lookWithin(0);
  }

  /** Says in all moots that nobody listens any more: the node ends. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#timer?.[Symbol.dispose]();
    for (const group of this.#parts.context.groups()) {
      if (this.#toldPresence(group)?.state !== "listening" || !this.#parts.notes.of(group).allows("presence")) continue;
      this.#guarded(() => this.#tellPresence(group, "away", this.#parts.context.clock.unix(), ""));
    }
  }

  #lookWithin(ms: number): void {
    const { clock } = this.#parts.context;
    const at = (clock.steady() + ms) as SteadyMs;
    if (!this.#isOpen || (this.#dueAt !== undefined && this.#dueAt <= at)) return;
    this.#timer?.[Symbol.dispose]();
    this.#dueAt = at;
    this.#timer = clock.after(ms, () => {
      this.#dueAt = undefined;
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const { context, notes } = this.#parts;
    let nextMs = PRESENCE_AGAIN_MS;
    for (const [n, group] of context.groups().entries()) {
      if (n % AT_ONCE === AT_ONCE - 1) await context.carrier?.budget.turns.take();
      if (!this.#isOpen) return;
      if (group.self === undefined || group.leftMs !== undefined) continue;
      const waitMs = this.#guarded(() => {
        if (group.isFounder && notes.of(group).isPublic && notes.of(group).rule.receipts) {
          this.setRule(group, { receipts: false, presence: false });
        }
        return this.#parts.hasAgents() ? this.#tell(group) : PRESENCE_AGAIN_MS;
      });
      nextMs = Math.min(nextMs, waitMs ?? AGAIN_MS);
    }
    this.#lookWithin(Math.max(1, nextMs));
  }

  /** Gives how long until there may be something to tell again. */
  #tell(group: Group): number {
    const state = this.#stateOf(group);
    const host = this.#lookWhoListens(group, state);
    const { notes } = this.#parts;
    const waits = [PRESENCE_AGAIN_MS];
    if (notes.of(group).allows("receipt") && state.isDirty) waits.push(this.#tellReceipt(group, state));
    else state.isDirty = false;
    if (notes.of(group).allows("presence")) waits.push(this.#tellWhoListens(group, state, host));
    return Math.min(...waits);
  }

  #tellReceipt(group: Group, state: MootState): number {
    const { agents, context, notes } = this.#parts;
    const { clock, local } = context;
    const of = notes.of(group);
    const nobodySinceMs = state.isListening ? 0 : state.sinceMs;
    const held = of.get({ kind: "receipt", author: local });
    const made = ownReceipt(agents(), group, nobodySinceMs);
    const isTold = this.settings.send;
    const body = encodeReceipt(isTold ? made.receipt : { nobodySinceMs: 0, rows: [] });
    of.setAskers(made.askers);
    const isNothing = held === undefined && (!isTold || made.receipt.rows.length === 0);
    if (isNothing || held?.body.toHex() === body.toHex()) {
      state.isDirty = false;
      return PRESENCE_AGAIN_MS;
    }
    const now = clock.steady();
    // Also across a restart: its version is when it was made.
    const sinceVersion = clock.unix() - Number(held?.version ?? 0n);
    const isFresh = sinceVersion >= 0 && sinceVersion < RECEIPT_EVERY_MS;
    if (!this.#receipts.has(group.id) && isFresh) this.#receipts.spend(group.id, [1], now);
    const grantedAt = this.#receipts.spend(group.id, [1], now);
    if (grantedAt !== undefined) return grantedAt - now;
    this.#publish(group, "receipt", body);
    state.isDirty = false;
    return PRESENCE_AGAIN_MS;
  }

  #tellWhoListens(group: Group, { isListening, presenceAt, sinceMs }: MootState, host: string): number {
    const { clock } = this.#parts.context;
    const told = this.#toldPresence(group);
    const isTold = this.settings.presence;
    if (!isTold && (told === undefined || told.state === "silent")) return PRESENCE_AGAIN_MS;
    const wanted: PresenceState = !isTold ? "silent" : isListening ? "listening" : "away";
    const name = isTold && this.settings.showHost ? host : "";
    const isSame = told?.state === wanted && told.host === name;
    const passedMs = presenceAt === undefined ? Number.POSITIVE_INFINITY : clock.steady() - presenceAt;
    const restMs = (isSame ? PRESENCE_AGAIN_MS : PRESENCE_EVERY_MS) - passedMs;
    if (restMs > 0) return restMs;
    this.#tellPresence(group, wanted, sinceMs, name);
    return PRESENCE_AGAIN_MS;
  }

  #tellPresence(group: Group, state: PresenceState, sinceMs: number, host: string): void {
    const { clock } = this.#parts.context;
    this.#publish(group, "presence", encodePresence({ state, sinceMs, issuedMs: clock.unix(), host }));
    this.#stateOf(group).presenceAt = clock.steady();
  }

  #toldPresence(group: Group): ReturnType<typeof decodePresence> | undefined {
    const note = this.#parts.notes.of(group).get({ kind: "presence", author: this.#parts.context.local });
    return note && decodePresence(note.body);
  }

  #stateOf(group: Group): MootState {
    const known = this.#moots.get(group.id);
    if (known !== undefined) return known;
    const { context, notes } = this.#parts;
    const held = notes.of(group).get({ kind: "receipt", author: context.local });
    // Who did not listen before the start has not begun by it.
    const before = held === undefined ? 0 : decodeReceipt(held.body).nobodySinceMs;
    const sinceMs = before === 0 ? context.clock.unix() : before;
    const state = { isDirty: true, isListening: false, sinceMs, presenceAt: undefined };
    this.#moots.set(group.id, state);
    return state;
  }

  /** Gives the program that listens. */
  #lookWhoListens(group: Group, state: MootState): string {
    const listener = this.#parts.listeners().find((each) => each.canWake && each.covers(group.id));
    if ((listener !== undefined) !== state.isListening) {
      state.isListening = listener !== undefined;
      state.sinceMs = this.#parts.context.clock.unix();
      state.isDirty = true;
    }
    return clipped(listener?.request.host ?? "", PRESENCE_HOST_BYTES_MAX);
  }

  #publish(group: Group, kind: NoteKind, body: Uint8Array): void {
    const { context, notes } = this.#parts;
    const { clock, identity, local } = context;
    const last = notes.of(group).head({ kind, author: local })?.version ?? 0n;
    const now = BigInt(clock.unix());
    const version = last >= now ? last + 1n : now;
    if (version > NOTE_VERSION_MAX) return;
    notes.publish(group, signNote({ seed: identity.seed, kind, groupId: group.id, version, body }));
  }

  /** The same is tried again later: a full disk, another process that writes. */
  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#parts.context.log.debug(`notes: ${error.message}`);
      return undefined;
    }
  }
}

/** As many of its first letters as fit. */
function clipped(text: string, maxBytes: number): string {
  let fitting = "";
  let bytes = 0;
  for (const letter of text) {
    bytes += encodeUtf8(letter).length;
    if (bytes > maxBytes) break;
    fitting += letter;
  }
  return fitting;
}
