import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";

/** What the moots of this node are called, looked up once, for people alone. */
export class MootNames {
  readonly #options: GlobalOptions;
  #names: ReadonlyMap<GroupId, string> | undefined;

  constructor(options: GlobalOptions) {
    this.#options = options;
  }

  async of(id: GroupId): Promise<string> {
    if (this.#names === undefined) {
      const { mootsHere } = await import("../../daemon/moots-here.ts");
      const moots = await mootsHere(this.#options, undefined);
      this.#names = new Map(moots.map(({ group_id, name = "" }) => [group_id, name]));
    }
    return this.#names.get(id) ?? "";
  }
}
