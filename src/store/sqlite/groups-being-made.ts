import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { groupDirectoryName, groupOfDirectory } from "../group-directory.ts";
import type { NodeStore } from "../node-store.ts";

/** The name of the setting: their directory names, with a blank between. */
const SETTING = "groups_being_made";

/**
 * The groups whose making began here and whose roster is not known to be there yet, kept in the node's database: what such
 * a one left behind is ours to take away, and looks like a copy of a group that was cut short otherwise.
 */
export class GroupsBeingMade {
  readonly #settings: Pick<NodeStore, "getSetting" | "setSetting">;
  readonly #ids: Set<GroupId>;

  constructor(settings: Pick<NodeStore, "getSetting" | "setSetting">) {
    this.#settings = settings;
    const names = settings.getSetting(SETTING)?.split(" ") ?? [];
    this.#ids = new Set(names.flatMap((name) => groupOfDirectory(name) ?? []));
  }

  all(): readonly GroupId[] {
    return [...this.#ids];
  }

  /** Durable on return. Throws as the store, before anything of the group is made. */
  begin(id: GroupId): void {
    this.#ids.add(id);
    try {
      this.#keep();
    } catch (error) {
      this.#ids.delete(id);
      throw error;
    }
  }

  /** It is made, or taken away. Where that cannot be kept just now, the next start finds it out. */
  end(id: GroupId): void {
    if (!this.#ids.delete(id)) return;
    try {
      this.#keep();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
    }
  }

  #keep(): void {
    this.#settings.setSetting(SETTING, [...this.#ids].map(groupDirectoryName).join(" ") || undefined);
  }
}
