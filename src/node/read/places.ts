import { EntmootError, type OtherPlaces } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPlace, mootOfPlace, type Place, parsePlace } from "../../core/place.ts";
import { isApart, type MessageStore, type StoredMessage } from "../../store/group-store.ts";
import type { MessageRow } from "../operations/messages.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { messageOf } from "./unread.ts";

/** Makes the rows of one moot; the log's id is read once. */
export class Rows {
  readonly #groupId: GroupId;
  readonly #messages: MessageStore;
  readonly #moot: string;
  readonly #log: string;

  constructor({ id, store }: Pick<Moot, "id" | "store">) {
    this.#groupId = id;
    this.#messages = store.messages;
    this.#moot = mootOfPlace(id);
    this.#log = store.messages.logId();
  }

  /** `message`: what `stored` decodes to, where that is known. */
  of(stored: StoredMessage, message = messageOf(stored)): MessageRow {
    const group_id = this.#groupId;
    const arrived_ms = stored.arrivedMs;
    if (isApart(stored)) return { group_id, seq: 0, place: "", message, apart: "removed", arrived_ms };
    return { group_id, seq: stored.seq, place: this.place(stored.seq), message, apart: undefined, arrived_ms };
  }

  /** The place after the message with this number, or before the first for 0. */
  place(seq: number): string {
    return formatPlace({ moot: this.#moot, log: this.#log, seq, sum: this.#messages.sumAt(seq) });
  }
}

/** The place after the message with this number, or before the first for 0. */
export function placeOfSeq(moot: Pick<Moot, "id" | "store">, seq: number): string {
  return new Rows(moot).place(seq);
}

/** Where the moot's log ends now. */
function endOf(moot: Pick<Moot, "id" | "store">): string {
  return placeOfSeq(moot, moot.store.messages.lastSeq());
}

/**
 * The number after which to go on in `moot`. Throws `invalid_argument` for what is no place or one of another moot,
 * `place_lost` naming where to go on for one that this log does not have: it was restored, copied or rolled back since.
 */
export function seqOfPlace(moot: Moot, text: string): number {
  if (isSeq(text)) return knownSeq(moot, Number(text));
  const place = parsePlace(text);
  if (place.moot !== mootOfPlace(moot.id)) throw ofAnother(moot.id);
  const problem = problemOf(moot, place);
  if (problem === undefined) return place.seq;
  const places = otherPlaces(moot, text);
  throw new EntmootError(
    "place_lost",
    `group ${GroupId.toBase64(moot.id)}: place ${text}: ${problem}; nothing was skipped: to read all of it again go on from ${places.all}, to read only what comes from ${places.fresh}`,
    { places: [places] },
  );
}

function otherPlaces(moot: Moot, lost: string): OtherPlaces {
  return { groupId: moot.id, lost, all: placeOfSeq(moot, 0), fresh: endOf(moot) };
}

/** What places come to. */
interface PlacesFound {
  readonly seqs: ReadonlyMap<GroupId, number>;
  /** The places in moots that cannot be read just now, with why. */
  readonly unread: ReadonlyMap<GroupId, { readonly place: string; readonly reason: EntmootError }>;
}

/**
 * The moots of `moots` that the places are of, with the number in each. A bare number counts only together with the
 * group `asked` for, which all of them then have to be of. Throws as `seqOfPlace`, naming all places that are lost, and
 * `group_not_found`.
 */
export function seqsOfPlaces(moots: Moots, texts: readonly string[], asked: GroupId | undefined): PlacesFound {
  const seqs = new Map<GroupId, number>();
  const unread = new Map<GroupId, { place: string; reason: EntmootError }>();
  const lost: EntmootError[] = [];
  for (const place of texts) {
    const id = groupOf(moots, place, asked);
    if (asked !== undefined && id !== asked) throw ofAnother(asked);
    if (seqs.has(id) || unread.has(id))
      throw new EntmootError("invalid_argument", `place: two for group ${GroupId.toBase64(id)}; give one`);
    try {
      seqs.set(id, seqOfPlace(requireMoot(moots, id), place));
    } catch (error) {
      if (!(error instanceof EntmootError) || error.code === "invalid_argument") throw error;
      if (error.code === "place_lost") lost.push(error);
      else unread.set(id, { place, reason: error });
    }
  }
  const [first, ...others] = lost;
  if (first === undefined) return { seqs, unread };
  if (others.length === 0) throw first;
  throw new EntmootError("place_lost", lost.map(({ message }) => message).join("; "), {
    places: lost.flatMap(({ places }) => places),
  });
}

/** The moot that a place is of; `undefined` for a bare number. Throws `group_not_found`, `invalid_argument`. */
export function mootOf(moots: Moots, text: string, asked: GroupId | undefined): Moot {
  const id = groupOf(moots, text, asked);
  try {
    return requireMoot(moots, id);
  } catch (cause) {
    if (!(cause instanceof EntmootError) || cause.code === "group_not_found") throw cause;
    throw new EntmootError(cause.code, `group ${GroupId.toBase64(id)}: ${cause.message}`, { cause });
  }
}

/** The moot that a place is of, whether or not it can be read. Throws as `mootOf`. */
function groupOf(moots: Moots, text: string, asked: GroupId | undefined): GroupId {
  if (isSeq(text)) {
    if (asked !== undefined) return asked;
    throw new EntmootError("invalid_argument", `place: ${text} alone is a place in no group; name the group too`);
  }
  const { moot: named } = parsePlace(text);
  const here = [...moots.moots().map(({ id }) => id), ...moots.unopened().keys()];
  const found = here.find((id) => mootOfPlace(id) === named);
  if (found !== undefined) return found;
  const begins = Uint8Array.fromHex(named).toBase64().slice(0, ID_SHOWN);
  throw new EntmootError(
    "group_not_found",
    `place ${text}: it is of a group that is not joined here, whose id begins with ${begins}`,
  );
}

/** Characters of an id as base64 that the eight bytes of it in a place tell whole. */
const ID_SHOWN = 10;

function ofAnother(asked: GroupId): EntmootError {
  return new EntmootError(
    "invalid_argument",
    `place: expected one of group ${GroupId.toBase64(asked)}, found one of another`,
  );
}

function isSeq(text: string): boolean {
  return /^\d{1,16}$/.test(text);
}

/** Nothing tells whether a bare number is of this log, but one past its end is not. */
function knownSeq(moot: Moot, seq: number): number {
  const last = moot.store.messages.lastSeq();
  if (seq <= last) return seq;
  const places = otherPlaces(moot, `${seq}`);
  throw new EntmootError(
    "place_lost",
    `group ${GroupId.toBase64(moot.id)}: seq ${seq}: the log ends at message ${last} here; to read only what comes go on from ${places.fresh}`,
    { places: [places] },
  );
}

function problemOf({ store: { messages } }: Moot, place: Place): string | undefined {
  if (place.log !== messages.logId()) return "this is another log than the one it was read from";
  const last = messages.lastSeq();
  if (place.seq > last) return `the log ends at message ${last} here, before message ${place.seq}`;
  return place.sum === messages.sumAt(place.seq) ? undefined : `the messages up to ${place.seq} are others here`;
}
