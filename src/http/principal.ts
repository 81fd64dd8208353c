import { type GroupId, PublicKey } from "../core/ids.ts";
import type { Device } from "../store/device-registry.ts";
import type { ClaimedMember } from "./signing-input.ts";

/** Who asks, proved. */
export type Principal =
  | { readonly kind: "bearer" }
  | { readonly kind: "device"; readonly device: Device }
  | ({ readonly kind: "member"; readonly isBearer: boolean } & ClaimedMember);

/** One name for each. Wire with the original, in the scopes of idempotency keys. */
export function principalName(principal: Principal | undefined): string {
  switch (principal?.kind) {
    case undefined:
      return "auth:anonymous";
    case "bearer":
      return "bearer";
    case "device":
      return `device:${principal.device.id}`;
    case "member":
      return `member:${principal.nodeId}:${PublicKey.toBase64(principal.key)}`;
  }
}

/** Whether it has the rights of the bearer token. */
export function isBearer(principal: Principal): boolean {
  return principal.kind === "bearer" || (principal.kind === "member" && principal.isBearer);
}

/** `GROUP(g)`, and `READ(g)` as long as there are no Fleets. */
export function mayRead(principal: Principal, group: GroupId): boolean {
  return isBearer(principal) || (principal.kind === "device" && principal.device.groups.includes(group));
}

/** `ADMIN(g)`: with `mayRead`, unlike the original's, so that a device never manages what it may not see. */
export function mayManage(principal: Principal, group: GroupId): boolean {
  if (isBearer(principal)) return true;
  return mayRead(principal, group) && principal.kind === "device" && principal.device.adminGroups.includes(group);
}

/** `CLIENT(c)`. */
export function mayUseClient(principal: Principal, client: string): boolean {
  return isBearer(principal) || (principal.kind === "device" && principal.device.clientIds.includes(client));
}
