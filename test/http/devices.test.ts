import { expect, test } from "bun:test";
import { device, HttpWorld } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const TOKEN_PATH = "/v1/devices/current/push-token";
const PREFERENCES = "/v1/notifications/preferences";
const refused = (status: number, code: string) => ({ status, json: { error: { code } } });

test("a device says where and for what it is woken, which stands over a restart", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  expect((await world.as("/v1/devices/current")).json.state).toEqual({
    device_id: "phone",
    notification_preferences: { enabled: true },
    updated_at_ms: world.clock.unix(),
  });
  const token = await world.as(TOKEN_PATH, { method: "PUT", body: '{"token":" abcd "}' });
  expect(token.json).toMatchObject({ push_token: "abcd", push_platform: "apns", device_id: "phone" });
  const wanted = { enabled: true, topics: ["chat/#"], mentions: true };
  const changed = await world.as(PREFERENCES, { method: "PATCH", body: JSON.stringify(wanted) });
  expect(changed.text).toBe(`${JSON.stringify(wanted)}\n`);
  world.restart();
  expect((await world.as(PREFERENCES)).json).toEqual(wanted);
  expect((await world.as("/v1/devices/current")).json).toMatchObject({
    device: { id: "phone" },
    state: { push_token: "abcd", notification_preferences: wanted },
  });
  expect((await world.as("/v1/devices/current", { id: "other", key: 3 })).json.state.push_token).toBeUndefined();
  // What is left out is off.
  expect((await world.as(PREFERENCES, { method: "PATCH", body: "{}" })).json).toEqual({ enabled: false });
});

test("what cannot be a token or a pattern is refused, and only devices have them", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { devices: [device("phone", 2)] });
  const put = (body: string) => world.as(TOKEN_PATH, { method: "PUT", body });
  for (const body of ["{}", '{"token":" "}', '{"token":"a b"}', '{"token":"a\\nb"}', '{"token":1}', '{"tokens":"a"}']) {
    expect(await put(body)).toMatchObject(refused(400, "bad_request"));
  }
  expect(await put(JSON.stringify({ token: "a".repeat(513) }))).toMatchObject(refused(400, "bad_request"));
  for (const topics of [["a/#/b"], [""], Array(65).fill("a"), ["a".repeat(1025)]]) {
    const body = JSON.stringify({ enabled: true, topics });
    expect(await world.as(PREFERENCES, { method: "PATCH", body })).toMatchObject(refused(400, "bad_request"));
  }
  expect(await world.bearer(TOKEN_PATH, { method: "PUT", body: '{"token":"x"}' })).toMatchObject(
    refused(403, "forbidden"),
  );
  expect(await world.bearer(PREFERENCES)).toMatchObject(refused(403, "forbidden"));
  expect(await world.bearer("/v1/notifications/test", { method: "POST" })).toMatchObject(refused(403, "forbidden"));
  expect((await world.bearer("/v1/devices/current")).text).toBe('{"auth_mode":"dual","device":null}\n');
  const untold = await world.as("/v1/notifications/test", { method: "POST" });
  expect(untold).toMatchObject(refused(400, "push_token_missing"));
  expect(await put('{"token":"abcd"}')).toMatchObject({ status: 200 });
  // Nobody was told how to wake devices.
  expect(await world.as("/v1/notifications/test", { method: "POST" })).toMatchObject({
    status: 202,
    json: { device_id: "phone", status: "queued" },
  });
});
