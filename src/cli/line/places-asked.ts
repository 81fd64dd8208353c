import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPlace, mootOfPlace, type Place, parsePlace } from "../../core/place.ts";
import { mootsHere } from "../../daemon/moots-here.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { isJsonProse, printJsonNote, printProse } from "../../host/print.ts";
import { backlog, type UnreadMoot } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { listOfMoots } from "../../view/which-moot.ts";
import { type After, isAfter } from "./place-argument.ts";

interface PlacesAsked {
  readonly label: string;
  readonly options: GlobalOptions;
  /** The only group that is asked about. */
  readonly groupId: GroupId | undefined;
  readonly signal?: AbortSignal;
}

interface PlacesToAsk {
  readonly places: readonly string[];
  /** Moots that are asked for from their first message and cannot be read. */
  readonly unread: readonly UnreadMoot[];
  /** The ends of those that are not named. */
  readonly passedOver: readonly Place[];
}

/** The places that `after` comes to at `node`; of a moot that cannot be read there is none yet. Throws `group_not_found`. */
export async function placesAsked(node: Operations, after: After, asked: PlacesAsked): Promise<PlacesToAsk> {
  if (asked.groupId !== undefined || !isAfter(after)) return { places: after.places, unread: [], passedOver: [] };
  const { places, unread } = await node.call(backlog, { topic: "#", last: 0 }, { signal: asked.signal });
  const ends = new Map(places.map((place) => [parsePlace(place).moot, parsePlace(place)]));
  const whole = new Set(after.whole.map(mootOfPlace));
  const known = new Set([...ends.keys(), ...unread.map(({ group_id }) => mootOfPlace(group_id))]);
  const stranger = after.whole.find((id) => !known.has(mootOfPlace(id)));
  if (stranger !== undefined) {
    const text = `${asked.label}: -after: group ${GroupId.toBase64(stranger)} not joined`;
    throw new EntmootError("group_not_found", text);
  }
  const named = new Set([...after.places.map((place) => parsePlace(place).moot), ...whole]);
  const rest = [...ends.values()].filter(({ moot }) => !named.has(moot));
  const fromStart = [...ends.values()].filter(({ moot }) => whole.has(moot));
  return {
    passedOver: after.others ? [] : rest,
    places: [...after.places, ...[...fromStart, ...(after.others ? rest : [])].map(firstPlace)],
    unread: unread.filter(({ group_id }) => {
      const moot = mootOfPlace(group_id);
      return whole.has(moot) || (after.others && !named.has(moot));
    }),
  };
}

function firstPlace(end: Place): string {
  return formatPlace({ ...end, seq: 0, sum: 0 });
}

/** Says on stderr which moots hold messages that are passed over, as they are not named. */
export async function tellPassedOver(
  { passedOver }: Pick<PlacesToAsk, "passedOver">,
  { label, options }: Pick<PlacesAsked, "label" | "options">,
): Promise<void> {
  const passed = new Set(passedOver.filter(({ seq }) => seq > 0).map(({ moot }) => moot));
  if (passed.size === 0) return;
  const moots = (await mootsHere(options, undefined)).filter(({ group_id }) => passed.has(mootOfPlace(group_id)));
  const note = `${label}: -after names no place in ${listOfMoots(moots)}; what is held there is passed over: -after GID:0 begins at the first message of one, -after all:0 of all that are not named`;
  tell(note, { group_ids: moots.map(({ group_id }) => GroupId.toBase64(group_id)) });
}

/** That a moot is not among what is printed, and why. */
export function tellLeftOut(label: string, { group_id, reason }: UnreadMoot, until = ""): void {
  tell(`${label}: ${reason}; it is left out${until}`, { group_id: GroupId.toBase64(group_id) });
}

/** Prose on stderr, with fields beside it where that is JSON. */
export function tell(note: string, fields: Readonly<Record<string, unknown>>): void {
  if (isJsonProse()) printJsonNote(note, fields);
  else printProse(note);
}
