import { type OpenInviteForms, openInviteForms } from "../../core/admission/open-invite.ts";
import { EntmootError } from "../../core/errors.ts";
import { decodeJson, omitted, omittedList, optional, struct } from "../../core/json/json-codec.ts";
import { text } from "../../core/json/json-scalars.ts";
import type { PublicMoot } from "../../core/record/public-moot.ts";
import type { GroupStore } from "../../store/group-store.ts";
import { METADATA_FACT } from "../group/group-name.ts";

/** What a moot's display metadata says of it to directories. */
export interface ShownMetadata {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly visibility: string;
  readonly join_mode: string;
  readonly open_invite: OpenInviteForms | undefined;
}

/** Other keys are somebody else's, and stay. */
const shownMetadata = struct<ShownMetadata>("metadata", {
  name: omitted(text),
  description: omitted(text),
  tags: omittedList(text),
  visibility: omitted(text),
  join_mode: omitted(text),
  open_invite: optional(openInviteForms),
});

/** The metadata kept here; `undefined` when there is none. Throws `invalid_argument` for what cannot be shown. */
export function shownMetadataOf(store: Pick<GroupStore, "getFact">): ShownMetadata | undefined {
  const kept = store.getFact(METADATA_FACT);
  if (kept === undefined) return undefined;
  try {
    return decodeJson(shownMetadata, kept);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("invalid_argument", `the moot's metadata: ${cause.message}`, { cause });
  }
}

/** What is kept of a public moot that was joined by its descriptor, as JSON text. */
export function publicMetadata(descriptor: PublicMoot): string {
  const { description, join_mode, name, open_invite, tags, visibility } = descriptor;
  return JSON.stringify({
    name,
    ...(description === "" ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags }),
    visibility,
    join_mode,
    ...(open_invite === undefined ? {} : { open_invite }),
  });
}

/** Lays `changes` over what is kept. */
export function changeMetadata(
  store: Pick<GroupStore, "getFact" | "setFact">,
  changes: Readonly<Record<string, unknown>>,
): void {
  const kept = JSON.parse(store.getFact(METADATA_FACT) ?? "{}") as object;
  store.setFact(METADATA_FACT, JSON.stringify({ ...kept, ...changes }));
}
