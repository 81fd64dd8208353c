import { unixMs } from "../../core/clock.ts";
import { GroupId } from "../../core/ids.ts";
import {
  type DeviceState,
  type DeviceStateStore,
  INITIAL_PREFERENCES,
  type PushPreferences,
  type PushStore,
} from "../esp-store.ts";
import { type EspFile, Prepared } from "./esp-file.ts";

/** What devices told of themselves. */
export function deviceStateStore(esp: EspFile): DeviceStateStore {
  const columns = "device_id, push_platform, push_token, prefs, updated_at_ms";
  const prepared = new Prepared((file) => ({
    get: file.prepare(`SELECT ${columns} FROM esp_devices_state WHERE device_id = ?1`),
    withToken: file.prepare(`SELECT ${columns} FROM esp_devices_state WHERE push_token <> '' LIMIT ?1`),
    putToken: file.prepare(
      `INSERT INTO esp_devices_state (device_id, push_platform, push_token, prefs, updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT DO UPDATE SET push_platform = excluded.push_platform, push_token = excluded.push_token,
      updated_at_ms = excluded.updated_at_ms`,
    ),
    putPreferences: file.prepare(
      `INSERT INTO esp_devices_state (device_id, prefs, updated_at_ms) VALUES (?1, ?2, ?3)
      ON CONFLICT DO UPDATE SET prefs = excluded.prefs, updated_at_ms = excluded.updated_at_ms`,
    ),
    clearToken: file.prepare(
      `UPDATE esp_devices_state SET push_platform = '', push_token = '', updated_at_ms = ?3
      WHERE device_id = ?1 AND push_token = ?2`,
    ),
  }));
  return {
    get: (deviceId) =>
      esp.look((file) => {
        const row = file && prepared.of(file).get.row(deviceId);
        return row && stateOf(row);
      }),
    withToken: (limit) =>
      esp.look((file) => (file === undefined ? [] : prepared.of(file).withToken.rows(limit).map(stateOf))),
    putToken: (deviceId, { platform, token }, nowMs) =>
      esp.write((file) => {
        const prefs = preferencesJson(INITIAL_PREFERENCES);
        prepared.of(file).putToken.run(deviceId, platform, token, prefs, nowMs);
      }),
    putPreferences: (deviceId, preferences, nowMs) =>
      esp.write((file) => {
        prepared.of(file).putPreferences.run(deviceId, preferencesJson(preferences), nowMs);
      }),
    clearToken: (deviceId, token, nowMs) =>
      esp.write((file) => {
        prepared.of(file).clearToken.run(deviceId, token, nowMs);
      }),
  };
}

function stateOf([id, platform, token, prefs, updated]: readonly unknown[]): DeviceState {
  return {
    deviceId: String(id),
    pushPlatform: String(platform),
    pushToken: String(token),
    preferences: preferencesOf(prefs instanceof Uint8Array ? new TextDecoder().decode(prefs) : String(prefs)),
    updatedMs: unixMs(Number(updated)),
  };
}

/** Wire with the original: the column's JSON, as text in a BLOB. */
function preferencesJson({ isEnabled, isForMentions, topics }: PushPreferences): Uint8Array {
  const mentions = isForMentions ? true : undefined;
  return new TextEncoder().encode(JSON.stringify({ enabled: isEnabled, topics, mentions }));
}

/** What cannot be read wants nothing. */
function preferencesOf(text: string): PushPreferences {
  try {
    const { enabled, mentions, topics } = JSON.parse(text) as Record<string, unknown>;
    const list = Array.isArray(topics) ? topics.filter((topic) => typeof topic === "string") : undefined;
    return { isEnabled: enabled === true, topics: list, isForMentions: mentions === true };
  } catch {
    return { isEnabled: false, topics: undefined, isForMentions: false };
  }
}

/** Which pushes are due. */
export function pushStore(esp: EspFile): PushStore {
  const prepared = new Prepared((file) => ({
    places: file.prepare("SELECT group_id, place FROM esp_push_places"),
    put: file.prepare(
      "INSERT INTO esp_push_places (group_id, place) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET place = excluded.place",
    ),
    forgetPlaces: file.prepare("DELETE FROM esp_push_places"),
    add: file.prepare(
      `INSERT INTO esp_push_due (device_id, type, group_id, reason, since_ms) VALUES (?1, ?2, ?3, ?4, ?5)
      ON CONFLICT DO UPDATE SET reason = excluded.reason, turn = turn + 1`,
    ),
    waiting: file.prepare("SELECT device_id FROM esp_push_due GROUP BY device_id ORDER BY min(since_ms) LIMIT ?1"),
    due: file.prepare("SELECT type, group_id, reason, since_ms, turn FROM esp_push_due WHERE device_id = ?1"),
    done: file.prepare("DELETE FROM esp_push_due WHERE device_id = ?1 AND type = ?2 AND group_id = ?3 AND turn = ?4"),
    forget: file.prepare("DELETE FROM esp_push_due WHERE device_id = ?1"),
  }));
  return {
    places: () =>
      esp.look((file) => {
        const rows = file === undefined ? [] : prepared.of(file).places.rows();
        return new Map(rows.map(([id, place]) => [GroupId.fromBytes(id as Uint8Array), String(place)]));
      }),
    advance: (groupId, place, wake, { reason, type }, nowMs) =>
      esp.write((file) => {
        const { add, put } = prepared.of(file);
        const id = GroupId.toBytes(groupId);
        put.run(id, place);
        for (const deviceId of wake) add.run(deviceId, type, id, reason, nowMs);
      }),
    forgetPlaces() {
      const isEmpty = esp.look((file) => file === undefined || prepared.of(file).places.row() === undefined);
      if (!isEmpty) esp.write((file) => void prepared.of(file).forgetPlaces.run());
    },
    add: (deviceId, { groupId, reason, type }, nowMs) =>
      esp.write((file) => {
        prepared.of(file).add.run(deviceId, type, groupBytes(groupId), reason, nowMs);
      }),
    waiting: (limit) =>
      esp.look((file) =>
        file === undefined
          ? []
          : prepared
              .of(file)
              .waiting.rows(limit)
              .map(([id]) => String(id)),
      ),
    due: (deviceId) =>
      esp.look((file) =>
        file === undefined
          ? []
          : prepared
              .of(file)
              .due.rows(deviceId)
              .map(([type, id, reason, since, turn]) => ({
                type: String(type),
                groupId: (id as Uint8Array).length === 32 ? GroupId.fromBytes(id as Uint8Array) : undefined,
                reason: String(reason),
                sinceMs: unixMs(Number(since)),
                turn: Number(turn),
              })),
      ),
    done: (deviceId, pushes) =>
      esp.write((file) => {
        const { done } = prepared.of(file);
        for (const { groupId, turn, type } of pushes) done.run(deviceId, type, groupBytes(groupId), turn);
      }),
    forget: (deviceId) =>
      esp.write((file) => {
        prepared.of(file).forget.run(deviceId);
      }),
  };
}

function groupBytes(groupId: GroupId | undefined): Uint8Array {
  return groupId === undefined ? new Uint8Array(0) : GroupId.toBytes(groupId);
}
