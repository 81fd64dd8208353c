import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, i64, text } from "../../core/json/json-scalars.ts";
import { verifyPattern } from "../../core/policy/topic.ts";
import { type DeviceState, INITIAL_PREFERENCES, type PushPreferences } from "../../store/esp-store.ts";
import { boundedText, plainList } from "../../wire/frame/bounded.ts";
import { badRequest, forbidden, HttpFailure } from "../http-failure.ts";
import type { Principal } from "../principal.ts";
import { ok, route, type ServiceContext } from "../route.ts";
import { deviceView } from "../shapes.ts";
import { viewOf } from "./status.ts";

/** Wire with the original. */
const BODY_BYTES_MAX = 1024 * 1024;
/** Ours. Apple's have 64 letters and may grow; others' have some 200. */
const TOKEN_BYTES_MAX = 512;
/** Ours. It is held against every message. */
const TOPICS_MAX = 64;
const TOPIC_BYTES_MAX = 1024;

const preferenceFields = {
  enabled: documented("false: it is woken for nothing", bool),
  topics: documented(
    "patterns of topics it is woken for; none: for any message",
    optional(plainList(boundedText("topic", TOPIC_BYTES_MAX), TOPICS_MAX)),
  ),
  mentions: documented("also for what names its member; without topics for that alone", optional(bool)),
};
const preferences = struct("notification preferences", preferenceFields, { required: ["enabled"] });

const deviceState = struct(
  "device state",
  {
    device_id: text,
    push_token: optional(text),
    push_platform: optional(text),
    notification_preferences: preferences,
    updated_at_ms: i64,
  },
  { required: ["device_id", "notification_preferences", "updated_at_ms"] },
);

const current = route({
  method: "GET",
  path: "/v1/devices/current",
  name: "currentDevice",
  summary: "The device that asks, and what it told of itself",
  answers: {
    200: struct("current device", {
      auth_mode: optional(text),
      device: documented("null where the token asks", nullable(deviceView)),
      state: optional(deviceState),
    }),
  },
  handle(context, { principal }) {
    if (principal?.kind !== "device") return ok({ auth_mode: context.mode, device: undefined, state: undefined });
    const { device } = principal;
    return ok({ auth_mode: undefined, device: viewOf(device), state: shownState(stateOf(context, device.id)) });
  },
});

const pushToken = route({
  method: "PUT",
  path: "/v1/devices/current/push-token",
  name: "putPushToken",
  summary: "Where the device that asks is woken",
  body: {
    codec: struct("push token", {
      platform: documented("apns, which is the default; others are kept and not pushed", boundedText("platform", 32)),
      token: documented("as the phone's system gave it", boundedText("token", TOKEN_BYTES_MAX)),
    }),
    maxBytes: BODY_BYTES_MAX,
    isStrict: true,
    mayBeEmpty: true,
  },
  idempotency: () => "push_token",
  answers: { 200: deviceState },
  refusals: { 403: ["forbidden"] },
  handle(context, { body, principal }) {
    const id = requireDevice(principal);
    const token = trimSpace(body.token);
    if (token === "") throw badRequest("token is required");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused.
    if (/[\u0000-\u0020\u007f]/.test(token)) throw badRequest("token: expected letters without white space");
    const platform = trimSpace(body.platform) || "apns";
    context.esp.devices.putToken(id, { token, platform }, context.clock.unix());
    context.push?.changed();
    return ok(shownState(stateOf(context, id)));
  },
});

const readPreferences = route({
  method: "GET",
  path: "/v1/notifications/preferences",
  name: "notificationPreferences",
  summary: "What the device that asks is woken for",
  answers: { 200: preferences },
  refusals: { 403: ["forbidden"] },
  handle: (context, { principal }) => ok(shownPreferences(stateOf(context, requireDevice(principal)).preferences)),
});

const changePreferences = route({
  method: "PATCH",
  path: "/v1/notifications/preferences",
  name: "putNotificationPreferences",
  summary: "What the device that asks is woken for, as a whole: what is left out is off",
  body: {
    codec: struct("new notification preferences", preferenceFields),
    maxBytes: BODY_BYTES_MAX,
    isStrict: true,
    mayBeEmpty: true,
  },
  answers: { 200: preferences },
  refusals: { 403: ["forbidden"] },
  handle(context, { body, principal }) {
    const id = requireDevice(principal);
    const { enabled, mentions = false, topics } = body;
    for (const topic of topics ?? []) checkPattern(topic);
    const wanted: PushPreferences = {
      isEnabled: enabled,
      topics: topics?.length === 0 ? undefined : topics,
      isForMentions: mentions,
    };
    context.esp.devices.putPreferences(id, wanted, context.clock.unix());
    context.push?.changed();
    return ok(shownPreferences(wanted));
  },
});

const testNotification = route({
  method: "POST",
  path: "/v1/notifications/test",
  name: "testNotification",
  summary: "Wakes the device that asks, and says what its provider answered",
  answers: {
    202: struct(
      "notification sent",
      { device_id: text, provider_id: optional(text), status: text },
      { required: ["device_id", "status"] },
    ),
  },
  refusals: { 400: ["push_token_missing"], 403: ["forbidden"], 502: ["provider_unavailable"], 503: ["retry_later"] },
  async handle({ clock, esp, push }, { principal }) {
    const id = requireDevice(principal);
    const token = esp.devices.get(id)?.pushToken ?? "";
    if (token === "") throw new HttpFailure(400, "push_token_missing", "device has no registered push token");
    const outcome = push === undefined ? { kind: "queued" as const } : await push.test(token);
    if (outcome.kind === "later") throw new HttpFailure(503, "retry_later", outcome.code);
    if (outcome.kind === "no such token") esp.devices.clearToken(id, token, clock.unix());
    if (outcome.kind === "no such token" || outcome.kind === "refused") {
      throw new HttpFailure(502, "provider_unavailable", outcome.code);
    }
    const provider_id = outcome.kind === "sent" ? outcome.providerId : undefined;
    return { status: 202, value: { device_id: id, provider_id, status: outcome.kind } };
  },
});

function nullable<C>(codec: C): C {
  const inner = codec as unknown as { write(value: unknown, form: unknown): string };
  return {
    ...codec,
    write: (value: unknown, form: unknown) => (value === undefined ? "null" : inner.write(value, form)),
    check: () => undefined,
  } as C;
}

function requireDevice(principal: Principal | undefined): string {
  if (principal?.kind !== "device") throw forbidden("device auth is required");
  return principal.device.id;
}

function checkPattern(topic: string): void {
  try {
    verifyPattern(topic);
  } catch (error) {
    throw error instanceof EntmootError ? badRequest(`topics: ${error.message}`) : error;
  }
}

function stateOf({ clock, esp }: ServiceContext, deviceId: string): DeviceState {
  const untold = { pushToken: "", pushPlatform: "", preferences: INITIAL_PREFERENCES, updatedMs: clock.unix() };
  return esp.devices.get(deviceId) ?? { deviceId, ...untold };
}

function shownState({ deviceId, preferences: wanted, pushPlatform, pushToken: token, updatedMs }: DeviceState) {
  return {
    device_id: deviceId,
    push_token: token === "" ? undefined : token,
    push_platform: pushPlatform === "" ? undefined : pushPlatform,
    notification_preferences: shownPreferences(wanted),
    updated_at_ms: BigInt(updatedMs),
  };
}

function shownPreferences({ isEnabled, isForMentions, topics }: PushPreferences): Decoded<typeof preferences> {
  return { enabled: isEnabled, topics, mentions: isForMentions ? true : undefined };
}

export const DEVICE_ROUTES = [current, pushToken, readPreferences, changePreferences, testNotification];
