import { type About, decodeAbout } from "../../core/record/about.ts";
import type { SignedNote } from "../../core/record/note.ts";
import type { Group } from "../group/group.ts";
import { METADATA_FACT, mootMetadata } from "../group/group-name.ts";

/** Keeps what the founder says of its moot as what it is called here; all else that is known of it stays. */
export function takeAbout({ store }: Pick<Group, "store">, note: Pick<SignedNote, "body">): void {
  store.setFact(METADATA_FACT, withAbout(mootMetadata(store), decodeAbout(note.body)));
}

/** The metadata with another name, description and tags, as JSON text; empty ones are left out. */
export function withAbout(metadata: Readonly<Record<string, unknown>>, { description, name, tags }: About): string {
  const { description: _description, name: _name, tags: _tags, ...rest } = metadata;
  return JSON.stringify({
    name,
    ...(description === "" ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags }),
    ...rest,
  });
}
