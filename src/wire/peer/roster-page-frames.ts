import { sizeText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { RosterEntryId } from "../../core/ids.ts";
import { encodeWire, omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rosterEntryId } from "../../core/json/json-scalars.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { clippedText, plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";
import { GROUP_NAME_BYTES_MAX } from "./redeem-frames.ts";

/** Ours. At some 400 bytes an entry 0.8 MB; fewer when they would not fit 1 MiB. */
export const ROSTER_PAGE_MAX = 2048;

/** Ours. Room for entries in a page; a single larger one cannot be sent in this dialect's small frames. */
const PAGE_BYTES_MAX = 1024 * 1024 - 8 * 1024;

/** Asks for the log behind an entry, so that a long one comes in small frames and only what is new. */
export type RosterPageReq = FrameOf<typeof rosterPageReqBody>;

export const rosterPageReqBody = jsonBody(
  "roster_page_req",
  struct(
    "roster_page_req",
    {
      group_id: groupId,
      /** The last entry the asker holds; all zero for the start. One the peer does not know is refused as `not_found`. */
      after: rosterEntryId,
    },
    { required: ["group_id", "after"] },
  ),
);

export type RosterPageResp = FrameOf<typeof rosterPageRespBody>;

export const rosterPageRespBody = jsonBody(
  "roster_page_resp",
  struct(
    "roster_page_resp",
    {
      group_id: groupId,
      /** In apply order, at most 2,048; none when the asker is up to date. */
      entries: plainList(rosterEntry, ROSTER_PAGE_MAX),
      /** The log ends with these. */
      last: bool,
      /** In the first page what the peer calls the group, cut to 256 bytes; empty for nothing. */
      name: omitted(clippedText("name", GROUP_NAME_BYTES_MAX)),
    },
    { required: ["group_id", "entries", "last"] },
  ),
);

/** A page, and its entries as they stand in its frame. */
export interface RosterPage {
  readonly frame: RosterPageResp;
  readonly texts: readonly Uint8Array[];
}

/** Ours. Entries written at a step: two milliseconds. */
const STEP_ENTRIES = 128;

/**
 * The page behind `after` of `log`, which is in apply order, and for who has nothing yet the group's name, in steps.
 * `undefined` when `after` is not in it, to be refused as `not_found`. Throws `frame_too_large` when the next entry
 * alone fits no page.
 */
export function* writeRosterPage(
  { group_id, after }: RosterPageReq,
  log: readonly RosterEntry[],
  name: string,
): Generator<undefined, RosterPage | undefined> {
  const start = after === RosterEntryId.zero ? 0 : log.findIndex((entry) => entry.id === after) + 1;
  if (start === 0 && after !== RosterEntryId.zero) return undefined;
  const entries: RosterEntry[] = [];
  const texts: Uint8Array[] = [];
  let room = PAGE_BYTES_MAX;
  for (const entry of log.slice(start, start + ROSTER_PAGE_MAX)) {
    const text = encodeWire(rosterEntry, entry);
    room -= text.length + 1;
    if (room < 0) break;
    entries.push(entry);
    texts.push(text);
    if (entries.length % STEP_ENTRIES === 0) yield;
  }
  const last = start + entries.length === log.length;
  if (!last && entries.length === 0) {
    throw new EntmootError(
      "frame_too_large",
      `roster entry ${start}: larger than a page of ${sizeText(PAGE_BYTES_MAX)}`,
    );
  }
  const frame = { kind: "roster_page_resp", group_id, entries, last, name: start === 0 ? name : "" } as const;
  return { frame, texts };
}
