import { concat } from "../bytes/byte-strings.ts";
import { type GroupId, PublicKey } from "../ids.ts";
import { encodeCanonical } from "../json/json-codec.ts";
import { MessageSet } from "../order/message-set.ts";
import type { OrderNode } from "../order/order.ts";
import type { RosterEntry } from "../record/records.ts";
import { rosterEntryCanonical } from "../roster/roster-entry.ts";
import { type RosterHeal, rosterHeal } from "../roster/roster-heal.ts";
import { publicKeyOf, sign } from "../signature.ts";
import {
  ARCHIVE_END_TYPE,
  ARCHIVE_VERSION,
  type ArchiveEnd,
  archiveEnd,
  archiveEndSigningForm,
  archiveHead,
  archiveLine,
  archivePart,
  type LineKind,
  PART_BYTES,
  PART_LINES,
} from "./archive-lines.ts";

export interface ArchiveOpening {
  readonly group_id: GroupId;
  readonly made_ms: number;
  readonly metadata: string | undefined;
  readonly policy: string | undefined;
  /** The log that is followed. */
  readonly roster: readonly RosterEntry[];
  /** Entries of other histories of its founder, parents first, and what heals the forks. */
  readonly side: readonly RosterEntry[];
  readonly heals: readonly RosterHeal[];
}

/** Makes the bytes of an archive, piece by piece; see `docs/care.md`. Nothing is verified. */
export class ArchiveWriter {
  readonly #all = new Bun.CryptoHasher("sha256");
  #part = new Bun.CryptoHasher("sha256");
  #partLines = 0;
  #partBytes = 0;
  readonly #set: MessageSet;
  readonly #entries: readonly RosterEntry[];

  /** `seed`: 32 random bits for the table of ids. `roster` is not empty. */
  constructor(seed: number, entries: readonly RosterEntry[]) {
    this.#set = new MessageSet(seed);
    this.#entries = entries;
  }

  get messages(): number {
    return this.#set.size;
  }

  /** What stands before the messages, in pieces of some 64 KiB. */
  *opening({ heals, roster, side, ...head }: ArchiveOpening): Generator<Uint8Array<ArrayBuffer>> {
    yield this.#line("archive", encodeCanonical(archiveHead, { version: ARCHIVE_VERSION, ...head }));
    for (const entry of roster) yield this.#line("roster", rosterEntryCanonical(entry));
    for (const entry of side) yield this.#line("side", rosterEntryCanonical(entry));
    for (const heal of heals) yield this.#line("heal", encodeCanonical(rosterHeal, heal));
  }

  /** The next messages in their order; `undefined` when one of them does not stand behind all that were given before. */
  messageLines(
    messages: readonly (OrderNode & { readonly canonical: Uint8Array })[],
  ): Uint8Array<ArrayBuffer> | undefined {
    const from = this.#set.size;
    for (const message of messages) this.#set.add(message);
    if (!standsAtEnd(this.#set, from, messages)) return undefined;
    // Little of the tree is hashed twice where it is asked for often.
    this.#set.root();
    return joined(messages.map(({ canonical }) => this.#line("message", canonical)));
  }

  /** The last bytes, signed. */
  end(identity: { readonly seed: Uint8Array }): { readonly bytes: Uint8Array<ArrayBuffer>; readonly end: ArchiveEnd } {
    const part = this.#endPart();
    const unsigned: ArchiveEnd = {
      type: ARCHIVE_END_TYPE,
      messages: this.#set.size,
      merkle_root: this.#set.root(),
      roster_entries: this.#entries.length,
      roster_head: this.#entries.at(-1)!.id,
      sha256: this.#all.digest("hex"),
      exporter: PublicKey.fromBytes(publicKeyOf(identity.seed)),
      signature: null,
    };
    const end = { ...unsigned, signature: sign(identity.seed, archiveEndSigningForm(unsigned)) };
    return { bytes: joined([part, archiveLine("end", encodeCanonical(archiveEnd, end))]), end };
  }

  #line(kind: LineKind, body: Uint8Array): Uint8Array<ArrayBuffer> {
    const line = archiveLine(kind, body);
    this.#all.update(line);
    this.#part.update(line);
    this.#partLines += 1;
    this.#partBytes += line.length;
    if (this.#partLines < PART_LINES && this.#partBytes < PART_BYTES) return line;
    return joined([line, this.#endPart()]);
  }

  #endPart(): Uint8Array<ArrayBuffer> {
    if (this.#partLines === 0) return new Uint8Array(0);
    const part = { lines: this.#partLines, sha256: this.#part.digest("hex") };
    const line = archiveLine("part", encodeCanonical(archivePart, part));
    this.#all.update(line);
    this.#part = new Bun.CryptoHasher("sha256");
    this.#partLines = 0;
    this.#partBytes = 0;
    return line;
  }
}

/** Whether those that were added last stand at the end of the order, as they were given. */
export function standsAtEnd(set: MessageSet, from: number, added: readonly Pick<OrderNode, "id">[]): boolean {
  return firstAstray(set, from, added) === undefined;
}

/** The first of them that does not, by its number among them. */
export function firstAstray(
  set: MessageSet,
  from: number,
  added: readonly Pick<OrderNode, "id">[],
): number | undefined {
  let at = 0;
  for (const id of set.ids(from)) {
    if (added[at]?.id !== id) return at;
    at += 1;
  }
  return at === added.length ? undefined : at;
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  return pieces.length === 1 ? pieces[0]! : concat(...pieces);
}
