import { trimSpace } from "../../core/bytes/text.ts";
import type { GroupId } from "../../core/ids.ts";
import { mootUsedLast } from "../../node/last-moot.ts";
import type { MootStatus } from "../../node/operations/daemon.ts";
import { backlog, type MessageRow } from "../../node/operations/messages.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { NodeStore } from "../../store/node-store.ts";

/**
 * With a name the one called so and no other; of two called so our own, for a moot joined by a link is called what its
 * issuer likes. Without one that used last, and where that is not known the one in which there was the latest message.
 */
export function chosenMoot<T extends Pick<MootStatus, "name" | "founder" | "group_id">>(
  moots: readonly T[],
  { name, usedLast, latest }: { name?: string | undefined; usedLast?: T | undefined; latest?: GroupId | undefined },
): T | undefined {
  if (name !== undefined) {
    const called = moots.filter((moot) => trimSpace(moot.name) === trimSpace(name));
    return called.find((moot) => moot.founder) ?? called[0];
  }
  return usedLast ?? moots.find((moot) => moot.group_id === latest) ?? moots.find((moot) => moot.founder) ?? moots[0];
}

/** The moot to go on with, as `chosenMoot` says it; `undefined` where there is none. */
export async function findMoot(
  node: Operations,
  settings: NodeStore,
  { moots, name }: { readonly moots: readonly MootStatus[]; readonly name: string | undefined },
): Promise<MootStatus | undefined> {
  const usedLast = mootUsedLast(settings, moots);
  let latest: GroupId | undefined;
  if (name === undefined && usedLast === undefined && moots.length > 1) {
    const note = (row: MessageRow) => {
      latest = row.group_id;
    };
    await node.call(backlog, { topic: "#", last: 1 }, { onEvent: note });
  }
  return chosenMoot(moots, { name, usedLast, latest });
}
