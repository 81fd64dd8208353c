import { EntmootError } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import type { DataRoot } from "../store/data-root.ts";
import { isSameFile } from "../store/file-place.ts";
import type { GroupStore } from "../store/group-store.ts";
import type { GroupRoster } from "./group/group-roster.ts";

/** How far a founder's roster went, noted outside the moot's own database. */
const SETTING = "roster_mark/";
/** Where the moot's database was when it was last the latest there is. */
const PLACE_FACT = "founder_place";

interface FounderCopy {
  readonly root: DataRoot;
  readonly store: GroupStore;
  readonly roster: Pick<GroupRoster, "founder" | "length" | "log" | "members">;
  readonly local: PublicKey;
}

/** Why what is kept of a moot that this node founded may be older than it was; `undefined` when nothing says so. */
export function whyOld({ local, roster, root, store }: FounderCopy): string | undefined {
  if (roster.founder !== local) return undefined;
  const [lengthText = "", head] = root.node.getSetting(SETTING + store.groupId)?.split(" ") ?? [];
  const length = Number(lengthText);
  if (length > 0 && roster.log.entries[length - 1]?.id !== head) {
    return `its roster had ${length} entries here and this one has ${roster.length}, as after a restored backup`;
  }
  const [before, now] = [store.getFact(PLACE_FACT), store.place()];
  if (before === undefined || now === undefined || before === now) return undefined;
  // Who has nobody to compare with may move its data root; of a copy nobody knows what the other one has signed.
  if (roster.members.size < 2 && isSameFile(before, now)) return undefined;
  return "its database is another file than it was, as in a copied, moved or restored data root";
}

/** Notes that what is kept here is the latest there is. A mark that cannot be written is an older one. */
export function markLatest({ local, roster, root, store }: FounderCopy): void {
  if (roster.founder !== local) return;
  try {
    const mark = `${roster.length} ${roster.log.head}`;
    if (root.node.getSetting(SETTING + store.groupId) !== mark) root.node.setSetting(SETTING + store.groupId, mark);
    const place = store.place();
    if (place !== undefined && store.getFact(PLACE_FACT) !== place) store.setFact(PLACE_FACT, place);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
  }
}
