import { EntmootError, textOf } from "../errors.ts";
import { PublicKey } from "../ids.ts";
import { type Codec, decodeJson, encodeCanonical } from "../json/json-codec.ts";
import { decodeMessageForms } from "../record/message.ts";
import { rosterEntry } from "../record/record-codecs.ts";
import type { RosterEntry } from "../record/records.ts";
import { type RosterHeal, rosterHeal } from "../roster/roster-heal.ts";
import { verifySignature } from "../signature.ts";
import {
  ARCHIVE_END_TYPE,
  ARCHIVE_VERSION,
  type ArchiveEnd,
  type ArchiveHead,
  archiveEnd,
  archiveEndSigningForm,
  archiveHead,
  archivePart,
  LINE_KINDS,
  type LineKind,
  PART_BYTES,
  PART_LINES,
  readArchiveLine,
} from "./archive-lines.ts";

/** A line of an archive, held to its form; what members signed in it is for whoever has their keys. */
export type ArchiveItem =
  | { readonly kind: "archive"; readonly head: ArchiveHead }
  | { readonly kind: "roster" | "side"; readonly entry: RosterEntry }
  | { readonly kind: "heal"; readonly heal: RosterHeal }
  | ({ readonly kind: "message" } & ReturnType<typeof decodeMessageForms>)
  /** The lines up to here are those that were written. */
  | { readonly kind: "part"; readonly sha256: string }
  | { readonly kind: "end"; readonly end: ArchiveEnd };

/** Ours. What a reader says of a file that is none. */
const NO_ARCHIVE = `expected an archive that "entmootd export" wrote`;

/**
 * Reads an archive line by line and holds it to the one way it is written: kinds in order, canonical bytes, digests of its
 * parts and of all, the exporter's signature. Throws `invalid_argument` naming the line.
 */
export class ArchiveReader {
  readonly #all = new Bun.CryptoHasher("sha256");
  #part = new Bun.CryptoHasher("sha256");
  #partFrom = 1;
  #partBytes = 0;
  #stage = -1;
  #line = 0;
  #head: ArchiveHead | undefined;
  #hasEnded = false;

  /** Of the line read last, from 1. */
  get line(): number {
    return this.#line;
  }

  /** What is at `line` is not as it was written. */
  refusal(what: string, line = this.#line): EntmootError {
    return new EntmootError("invalid_argument", `line ${line}: ${what}`);
  }

  /** `line` with its line feed. */
  next(line: Uint8Array): ArchiveItem {
    this.#line += 1;
    if (this.#hasEnded) throw this.refusal("expected nothing behind the end, found another line");
    const read = readArchiveLine(line.subarray(0, -1));
    if (read === undefined) throw this.refusal(this.#line === 1 ? NO_ARCHIVE : "expected a line of an archive");
    const { body, kind } = read;
    this.#requireOrder(kind);
    if (kind === "end") return this.#end(body);
    if (kind === "part") return this.#endPart(body, line);
    this.#take(line);
    this.#part.update(line);
    this.#partBytes += line.length;
    if (this.#line - this.#partFrom >= PART_LINES || this.#partBytes - line.length >= PART_BYTES) {
      throw this.refusal(`expected the end of the part that began with line ${this.#partFrom}`);
    }
    return this.#item(kind, body);
  }

  /** To be called at the end of the file. */
  requireEnd(): void {
    if (this.#hasEnded) return;
    if (this.#line === 0) throw new EntmootError("invalid_argument", `an empty file; ${NO_ARCHIVE}`);
    const what = "the file ends here, before the end of the archive: it was cut short";
    throw this.refusal(what);
  }

  #item(kind: Exclude<LineKind, "part" | "end">, body: Uint8Array): ArchiveItem {
    switch (kind) {
      case "archive": {
        const head = this.#decode(archiveHead, body);
        if (head.version !== ARCHIVE_VERSION) {
          const found = `expected an archive of version ${ARCHIVE_VERSION}, found ${head.version}`;
          throw this.refusal(`${found}; a newer entmootd reads it`);
        }
        this.#head = head;
        return { kind, head };
      }
      case "heal":
        return { kind, heal: this.#decode(rosterHeal, body) };
      case "message": {
        let forms: ReturnType<typeof decodeMessageForms>;
        try {
          forms = decodeMessageForms(body);
        } catch (cause) {
          throw this.refusal(textOf(cause));
        }
        if (Buffer.compare(forms.canonical, body) !== 0) throw this.refusal("expected a message in canonical form");
        if (forms.message.group_id !== this.#head!.group_id) throw this.refusal("expected a message of this moot");
        return { kind, ...forms };
      }
      default:
        return { kind, entry: this.#decode(rosterEntry, body) };
    }
  }

  #end(body: Uint8Array): ArchiveItem {
    const end = this.#decode(archiveEnd, body);
    if (this.#partFrom < this.#line) throw this.refusal("expected the end of a part before it");
    if (end.type !== ARCHIVE_END_TYPE) throw this.refusal(`expected type ${ARCHIVE_END_TYPE}`);
    if (end.sha256 !== this.#all.digest("hex")) throw this.refusal("its digest is not that of the lines before it");
    const { exporter } = end;
    if (!verifySignature(PublicKey.toBytes(exporter), archiveEndSigningForm(end), end.signature)) {
      throw this.refusal("the exporter's signature does not hold: this line was changed");
    }
    this.#hasEnded = true;
    return { kind: "end", end };
  }

  #endPart(body: Uint8Array, line: Uint8Array): ArchiveItem {
    const { lines, sha256 } = this.#decode(archivePart, body);
    const found = this.#line - this.#partFrom;
    if (found === 0) throw this.refusal("expected a line before the end of a part");
    if (sha256 !== this.#part.digest("hex") || lines !== found) {
      const where = `lines ${this.#partFrom} to ${this.#line}`;
      throw new EntmootError("invalid_argument", `${where}: something in them is missing, added or changed`);
    }
    this.#take(line);
    this.#part = new Bun.CryptoHasher("sha256");
    this.#partBytes = 0;
    this.#partFrom = this.#line + 1;
    return { kind: "part", sha256 };
  }

  #take(line: Uint8Array): void {
    this.#all.update(line);
  }

  #decode<T>(codec: Codec<T>, body: Uint8Array): T {
    let value: T;
    try {
      value = decodeJson(codec, body);
    } catch (cause) {
      throw this.refusal(textOf(cause));
    }
    if (Buffer.compare(encodeCanonical(codec, value), body) !== 0) {
      throw this.refusal(`expected ${codec.label} in canonical form, found another way to write it`);
    }
    return value;
  }

  #requireOrder(kind: LineKind): void {
    if (this.#stage < 0 && kind !== "archive") throw this.refusal(NO_ARCHIVE);
    if (kind === "part") return;
    const stage = LINE_KINDS.indexOf(kind);
    if (stage < this.#stage || (stage === this.#stage && kind === "archive")) {
      throw this.refusal(`expected no line of kind ${kind} behind one of kind ${LINE_KINDS[this.#stage]}`);
    }
    this.#stage = stage;
  }
}
