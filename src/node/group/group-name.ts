import type { GroupStore } from "../../store/group-store.ts";

/** The name of the fact a group's display metadata is kept under, as the text of a JSON object. Of it the name alone is told to others: to those let in by a link, and to members who ask for the whole roster. */
export const METADATA_FACT = "metadata";

/** Whether it was founded, or joined, as a public one, as far as that is known here. */
export function isPublicMoot(store: Pick<GroupStore, "getFact">): boolean {
  try {
    const { default_moot, visibility } = JSON.parse(store.getFact(METADATA_FACT) ?? "null") ?? {};
    // Of the default one the original's metadata says no more.
    return visibility === "public" || default_moot === true;
  } catch {
    return false;
  }
}

/** The group's local display name; empty when it has none. */
export function groupName(store: GroupStore): string {
  const text = store.getFact(METADATA_FACT);
  if (text === undefined) return "";
  try {
    const name: unknown = JSON.parse(text)?.name;
    return typeof name === "string" ? name : "";
  } catch {
    // Written by something else; a missing name harms nobody.
    return "";
  }
}
