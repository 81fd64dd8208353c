import type { GroupStore } from "../../store/group-store.ts";

/** The name of the fact a group's display metadata is kept under, as the text of a JSON object. Of it the name alone is told to others: to those let in by a link, and to members who ask for the whole roster. */
export const METADATA_FACT = "metadata";

/** All that is known of it; an object without keys where that is nothing, or was written by something else. */
export function mootMetadata(store: Pick<GroupStore, "getFact">): Readonly<Record<string, unknown>> {
  try {
    const metadata: unknown = JSON.parse(store.getFact(METADATA_FACT) ?? "{}");
    return typeof metadata === "object" && metadata !== null && !Array.isArray(metadata) ? { ...metadata } : {};
  } catch {
    return {};
  }
}

/** Whether it was founded, or joined, as a public one, as far as that is known here. */
export function isPublicMoot(store: Pick<GroupStore, "getFact">): boolean {
  const { default_moot, visibility } = mootMetadata(store);
  // Of the default one the original's metadata says no more.
  return visibility === "public" || default_moot === true;
}

/** The group's local display name; empty when it has none. */
export function groupName(store: Pick<GroupStore, "getFact">): string {
  const { name } = mootMetadata(store);
  return typeof name === "string" ? name : "";
}

/** What it says it is for; empty for nothing. */
export function mootDescription(store: Pick<GroupStore, "getFact">): string {
  const { description } = mootMetadata(store);
  return typeof description === "string" ? description : "";
}

/** Words to find it by. */
export function mootTags(store: Pick<GroupStore, "getFact">): string[] {
  const { tags } = mootMetadata(store);
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === "string") : [];
}
