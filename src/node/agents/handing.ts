import type { UnixMs } from "../../core/clock.ts";
import { keyOf, shownKey } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { profileName } from "../group/profiles.ts";
import { CONTENT_TOLD_MAX, type HandedMessage, REFERENCES_TOLD } from "../operations/listen.ts";
import type { Moot } from "../read/moots.ts";

interface HandedAs {
  readonly token: number;
  readonly attempt: number;
  readonly hop: number;
  readonly nowMs: UnixMs;
  readonly standing: Pick<HandedMessage, "role" | "trust">;
}

/** A message as a bridge is given it: everything but its words comes from the signature and the roster. */
export function handedForm(
  moot: Moot,
  message: Message,
  { attempt, hop, nowMs, standing, token }: HandedAs,
): HandedMessage {
  const { author, content, id, references, timestamp } = message;
  return {
    group_id: moot.id,
    message_id: id,
    token,
    attempt,
    author: author.pilot_node_id,
    author_key: shownKey(keyOf(author)),
    hostname: profileName(moot, author, nowMs),
    ...standing,
    timestamp_ms: timestamp,
    references: references.slice(0, REFERENCES_TOLD),
    hop,
    content: content.subarray(0, CONTENT_TOLD_MAX),
    content_bytes: content.length,
  };
}

/** What telling a message takes of the room of a turn, in bytes. */
export function toldBytes({ content }: Message): number {
  return Math.min(content.length, CONTENT_TOLD_MAX);
}
