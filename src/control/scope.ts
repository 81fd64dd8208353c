import type { Caller } from "../node/operations/implementation.ts";
import type { Operation } from "../node/operations/operation.ts";

/** Whether who is behind a door may ask for an operation. */
export function isAllowed({ scope }: Pick<Operation<unknown, unknown, unknown>, "scope">, caller: Caller): boolean {
  return caller === "owner" || scope === "agent";
}
