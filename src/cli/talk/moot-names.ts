import { GroupId } from "../../core/ids.ts";
import type { MootStatus } from "../../node/operations/daemon.ts";
import { terminalText } from "../../view/terminal-text.ts";

/** Ours. Of a name on a line. */
const NAME_MAX = 32;
const ID_SHOWN = 6;

type Named = Pick<MootStatus, "group_id" | "name">;

/** What each moot is called here: by its name, with a piece of its id where that is another's too, or there is none. */
export function mootNames(moots: readonly Named[]): Map<GroupId, string> {
  const shown = (moot: Named) => terminalText(moot.name, NAME_MAX).trim();
  const count = new Map<string, number>();
  for (const moot of moots) count.set(shown(moot), (count.get(shown(moot)) ?? 0) + 1);
  return new Map(
    moots.map((moot) => {
      const name = shown(moot);
      const id = GroupId.toBase64(moot.group_id).slice(0, ID_SHOWN);
      if (name === "") return [moot.group_id, id];
      return [moot.group_id, count.get(name) === 1 ? name : `${name}/${id}`];
    }),
  );
}

/**
 * The moots that `text` can mean, best understood: called exactly so, so but for upper case, beginning so, or by id. One,
 * when it is clear.
 */
export function mootsCalled<T extends Named>(moots: readonly T[], text: string): readonly T[] {
  const names = mootNames(moots);
  const of = (moot: T) => [moot.name, names.get(moot.group_id)!, GroupId.toBase64(moot.group_id)];
  const low = text.toLowerCase();
  const rules: ((name: string) => boolean)[] = [
    (name) => name === text,
    (name) => name.toLowerCase() === low,
    (name) => name.toLowerCase().startsWith(low),
  ];
  for (const rule of rules) {
    const found = moots.filter((moot) => of(moot).some(rule));
    if (found.length > 0) return found;
  }
  return [];
}
