import { trimSpace } from "../core/bytes/text.ts";
import { decodeUtf8 } from "../core/bytes/utf8.ts";
import { exactDurationMs } from "../core/duration.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { type Codec, decodeJson, encodeWire } from "../core/json/json-codec.ts";
import type { SignOutcome, SignRequest } from "../store/esp-store.ts";
import { badRequest, forbidden, HttpFailure } from "./http-failure.ts";
import type { ServiceContext } from "./route.ts";

const DAY_MS = 86_400_000;
/** Ours. A hundred years; longer is a slip. */
const VALID_FOR_MAX_MS = 36_525 * DAY_MS;

/** What carries requests out. */
export type SigningContext = Omit<ServiceContext, "live">;

/** A request that is signed, verified and claimed. */
export interface ClaimedRequest {
  readonly request: SignRequest;
  readonly signature: Uint8Array;
}

/** How it was carried out. */
export type CarriedOut = SignOutcome;

/** What was asked for. Throws 400. */
export function payloadOf<T>(codec: Codec<T>, { kind, payload }: SignRequest): T {
  try {
    return decodeJson(codec, payload);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new HttpFailure(400, "bad_request", `invalid ${kind} payload: ${cause.message}`, { cause });
  }
}

export const jsonOf = <T>(codec: Codec<T>, value: T): string => decodeUtf8(encodeWire(codec, value));

/** Wire. A duration, or days as `2d`, in whole milliseconds; `undefined` where none is named. Throws 400. */
export function validForMs(text: string): number | undefined {
  const given = trimSpace(text);
  if (given === "") return undefined;
  const days = /^\+?(\d{1,9})d$/.exec(given);
  const ms = days === null ? exactDurationMs(given) : Number(days[1]) * DAY_MS;
  if (ms === undefined || ms > VALID_FOR_MAX_MS) throw badRequest("invalid valid_for");
  if (ms < 1) throw badRequest("valid_for must be at least 1ms");
  return Math.floor(ms);
}

/** Lets the device of a request into a moot. Durable on return. */
export function grant(
  { registry }: SigningContext,
  { deviceId }: SignRequest,
  group: GroupId,
  { isAdmin }: { readonly isAdmin: boolean },
): void {
  const device = registry?.devices().get(deviceId);
  if (registry === undefined || device === undefined) throw forbidden("device is not registered");
  const has = device.groups.includes(group) && (!isAdmin || device.adminGroups.includes(group));
  if (has) return;
  const withGroup = (groups: readonly GroupId[]) => (groups.includes(group) ? groups : [...groups, group]);
  registry.change((devices) =>
    devices.map((one) => {
      if (one.id !== deviceId) return one;
      const adminGroups = isAdmin ? withGroup(one.adminGroups) : one.adminGroups;
      return { ...one, groups: withGroup(one.groups), adminGroups };
    }),
  );
}
