import type { Clock, SteadyMs, UnixMs } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { SignedNote } from "../../core/record/note.ts";
import { decodePresence, type Presence } from "../../core/record/note-bodies.ts";
import type { ShownPresence } from "./note-news.ts";

/** Ours. How long a presence counts; its author says it again well before. */
export const PRESENCE_MS = 12 * 60_000;
/** Ours. How far two clocks may be apart that have the same time, as for retention. */
const AHEAD_MAX_MS = 10 * 60_000;

interface KeptPresence {
  readonly note: SignedNote;
  readonly said: Presence;
  /** It came over its author's own connection: it was said then, whatever its date. */
  readonly isDirect: boolean;
  readonly cameAt: SteadyMs;
  readonly cameMs: UnixMs;
}

/** Who listens in one moot, as far as members said so of late. In memory alone; see `docs/receipts.md`. */
export class PresenceBook {
  readonly #clock: Pick<Clock, "steady" | "unix">;
  readonly #isTimeGood: () => boolean;
  /** Only of members, so the roster bounds it. */
  readonly #kept = new Map<PublicKey, KeptPresence>();
  /** As it was told last. */
  readonly #shown = new Map<PublicKey, ShownPresence>();

  constructor(clock: Pick<Clock, "steady" | "unix">, isTimeGood: () => boolean) {
    this.#clock = clock;
    this.#isTimeGood = isTimeGood;
  }

  /** Throws `malformed_frame`. */
  put(note: SignedNote, isDirect: boolean): void {
    const said = decodePresence(note.body);
    const [cameAt, cameMs] = [this.#clock.steady(), this.#clock.unix()];
    this.#kept.set(note.author, { note, said, isDirect, cameAt, cameMs });
  }

  note(author: PublicKey): SignedNote | undefined {
    return this.#kept.get(author)?.note;
  }

  /** Those that may still be told to others. */
  *notes(): Generator<SignedNote> {
    for (const { cameAt, note } of this.#kept.values()) {
      if (this.#clock.steady() - cameAt < PRESENCE_MS) yield note;
    }
  }

  drop(author: PublicKey): void {
    this.#kept.delete(author);
    this.#shown.delete(author);
  }

  /** `undefined` for one of whom nothing is known. */
  of(member: PublicKey): ShownPresence | undefined {
    const kept = this.#kept.get(member);
    if (kept === undefined || kept.said.state === "silent") return undefined;
    const { cameAt, cameMs, isDirect, said } = kept;
    const listening = said.state === "listening";
    const isOld = this.#clock.steady() - cameAt >= PRESENCE_MS;
    if (!isOld && (isDirect || this.#isDateGood(said))) return { listening, sinceMs: said.sinceMs, host: said.host };
    // Passed on while nobody knows what time it is: it may have been said long ago.
    if (!isOld && !this.#isTimeGood()) return undefined;
    const lastMs = isDirect ? cameMs : Math.min(said.issuedMs, cameMs);
    return { listening: false, sinceMs: listening ? lastMs : said.sinceMs, host: "" };
  }

  /** Those who show otherwise than when this was last asked. */
  *changed(): Generator<readonly [PublicKey, ShownPresence]> {
    for (const member of this.#kept.keys()) {
      const [now, before] = [this.of(member), this.#shown.get(member)];
      if (now === undefined) this.#shown.delete(member);
      else {
        this.#shown.set(member, now);
        if (now.listening !== before?.listening) yield [member, now];
      }
    }
  }

  #isDateGood({ issuedMs }: Presence): boolean {
    const ageMs = this.#clock.unix() - issuedMs;
    return this.#isTimeGood() && ageMs < PRESENCE_MS && ageMs >= -AHEAD_MAX_MS;
  }
}
