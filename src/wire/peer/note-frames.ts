import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, publicKey, u64 } from "../../core/json/json-scalars.ts";
import { NOTE_BYTES_MAX, NOTE_BYTES_MIN, NOTE_KINDS, NOTE_MARK_BYTES } from "../../core/record/note.ts";
import { boundedBytes, oneOf, plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. Heads of one frame, some 150 bytes each: inside the 64 KiB of it. More are told with more frames. */
export const NOTE_HEADS_MAX = 256;
/** Ours. Notes that are told at once unasked; a node tells one at a time. */
export const NOTES_TOLD_MAX = 4;
/** Ours. Notes that are asked for at once: with those of full size 350 KB in base64, inside the 512 KiB of the answer. */
export const NOTES_ASKED_MAX = 32;

const kind = oneOf("kind of note", NOTE_KINDS);
const bytes = boundedBytes("note", { min: NOTE_BYTES_MIN, max: NOTE_BYTES_MAX.receipt });

const head = struct(
  "note head",
  { kind, author: publicKey, version: u64, mark: boundedBytes("mark", { min: NOTE_MARK_BYTES, max: NOTE_MARK_BYTES }) },
  { required: ["kind", "author", "version", "mark"] },
);

/** What its sender holds: all of it when two meet, afterwards what is new. One way. */
export type NoteHeadsFrame = FrameOf<typeof noteHeadsBody>;

export const noteHeadsBody = jsonBody(
  "note_heads",
  struct(
    "note_heads",
    {
      group_id: groupId,
      heads: plainList(head, NOTE_HEADS_MAX),
      /** Its sender has had no heads of the reader's since the two met. */
      greeting: omitted(bool),
    },
    { required: ["group_id", "heads"] },
  ),
);

/** Notes of its sender, as it signed them. One way. */
export type NotesFrame = FrameOf<typeof notesBody>;

export const notesBody = jsonBody(
  "notes",
  struct("notes", { group_id: groupId, notes: plainList(bytes, NOTES_TOLD_MAX) }, { required: ["group_id", "notes"] }),
);

const wanted = struct("note wanted", { kind, author: publicKey }, { required: ["kind", "author"] });

/** Asks for the latest of each that the peer holds. */
export type NotesReq = FrameOf<typeof notesReqBody>;

export const notesReqBody = jsonBody(
  "notes_req",
  struct(
    "notes_req",
    { group_id: groupId, wanted: plainList(wanted, NOTES_ASKED_MAX) },
    { required: ["group_id", "wanted"] },
  ),
);

/** Those that are held, in any order. */
export type NotesResp = FrameOf<typeof notesRespBody>;

export const notesRespBody = jsonBody(
  "notes_resp",
  struct(
    "notes_resp",
    { group_id: groupId, notes: plainList(bytes, NOTES_ASKED_MAX) },
    { required: ["group_id", "notes"] },
  ),
);
