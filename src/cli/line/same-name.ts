import { GroupId } from "../../core/ids.ts";
import { printProse } from "../../host/print.ts";

/** Says that `others` moots here have the name that the one of `id` got. */
export function tellSameName(label: string, others: number, id: GroupId): void {
  if (others === 0) return;
  const have = others === 1 ? "another moot here has" : `${others} other moots here have`;
  printProse(`${label}: ${have} that name; tell them apart by id, with -group ${GroupId.toBase64(id)}`);
}
