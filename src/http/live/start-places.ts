import type { GroupId } from "../../core/ids.ts";
import { backlog, messages } from "../../node/operations/messages.ts";
import type { ServiceNode } from "../route.ts";
import type { MootStart } from "./live-reader.ts";
import { firstPlace, mootPlace } from "./place-list.ts";

/** From where a moot is told: behind a place, from its first message, or only what comes. */
export type Begin =
  | { readonly kind: "after"; readonly place: string }
  | { readonly kind: "all" }
  | { readonly kind: "fresh" };

/** Throws as the operations that read, `place_lost` among them. */
export async function startOf({ reads }: Pick<ServiceNode, "reads">, group: GroupId, begin: Begin): Promise<MootStart> {
  const { places } = await reads.call(backlog, { group_id: group, last: 0 });
  const end = mootPlace(places[0]!);
  if (begin.kind === "fresh") return { from: end, end };
  if (begin.kind === "all") return { from: firstPlace(group, end.place), end };
  const asked = { group_id: group, by: "arrival", after: begin.place, limit: 1 } as const;
  await reads.call(messages, asked);
  return { from: mootPlace(begin.place), end };
}
