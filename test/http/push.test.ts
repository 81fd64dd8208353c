import { expect, test } from "bun:test";
import { verify } from "node:crypto";
import { GroupId } from "../../src/core/ids.ts";
import { OTHERS, OURS } from "../support/http-world.ts";
import { identity } from "../support/identity.ts";
import { PushWorld } from "../support/push-world.ts";

const REST_MS = 10_000;
const bodies = ({ provider }: PushWorld) => provider.seen.map(({ body }) => JSON.parse(body));
const paths = ({ provider }: PushWorld) => provider.seen.map(({ path }) => path.slice("/3/device/".length));
const woken = (group?: GroupId) => ({
  aps: { "content-available": 1 },
  type: "message",
  ...(group === undefined ? {} : { group_id: GroupId.toBase64(group) }),
});

test("a device is woken once for what arrived, by one connection and one provider token, and is told nothing of it", async () => {
  await using world = await PushWorld.start();
  world.say();
  world.add("phone", { groups: [OURS, OTHERS] });
  await world.look();
  // What was there before it had a token is no news.
  expect(world.provider.seen).toEqual([]);
  world.say();
  world.say();
  await world.look();
  expect(bodies(world)).toEqual([woken(OURS)]);
  world.say();
  world.say({}, OTHERS);
  await world.look();
  // It rests, and what comes meanwhile of several moots is one push.
  expect(bodies(world)).toHaveLength(1);
  await world.after(REST_MS);
  expect(bodies(world)).toEqual([woken(OURS), woken()]);
  await world.after(REST_MS);
  expect(bodies(world)).toHaveLength(2);
  const [first, second] = world.provider.seen;
  expect(first!.headers).toMatchObject({
    ":method": "POST",
    ":path": "/3/device/token-phone",
    "apns-topic": "xyz.entmoot.app",
    "apns-push-type": "background",
    "apns-priority": "5",
    "content-type": "application/json",
  });
  expect(second).toMatchObject({ connection: 1 });
  expect(second!.headers.authorization).toBe(first!.headers.authorization);
  const [head, claims, signature] = String(first!.headers.authorization).replace("bearer ", "").split(".");
  expect(JSON.parse(Buffer.from(head!, "base64url").toString())).toEqual({ alg: "ES256", kid: "KEY1234567" });
  expect(JSON.parse(Buffer.from(claims!, "base64url").toString()).iss).toBe("TEAM123456");
  const key = { key: world.key.publicKey, dsaEncoding: "ieee-p1363" } as const;
  expect(verify("sha256", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature!, "base64url"))).toBeTrue();
  // Renewed well within the hour that Apple takes one for.
  world.clock.advance(40 * 60_000);
  world.say();
  await world.look();
  expect(world.provider.seen[2]!.headers.authorization).not.toBe(first!.headers.authorization);
  expect(JSON.stringify(bodies(world))).not.toContain("secret");
});

test("topics and mentions choose, and nobody is woken for what its own member or a node said", async () => {
  await using world = await PushWorld.start();
  const by = identity(3);
  const wants = (topics: string[] | undefined, isForMentions = false) => ({ isEnabled: true, topics, isForMentions });
  world.add("all");
  world.add("ops", {}, wants(["ops/#"]));
  world.add("named", { nodeId: 7 }, wants(undefined, true));
  world.add("own", { nodeId: by.info.pilot_node_id });
  world.add("off", {}, { ...wants(undefined), isEnabled: false });
  world.add("elsewhere", { groups: [OTHERS] });
  await world.look();
  const next = async (fields: Parameters<PushWorld["say"]>[0]) => {
    world.provider.seen.splice(0);
    world.say({ by, ...fields });
    await world.after(REST_MS);
    return paths(world).toSorted();
  };
  expect(await next({})).toEqual(["token-all"]);
  expect(await next({ topics: ["ops/fire"] })).toEqual(["token-all", "token-ops"]);
  const content = new TextEncoder().encode("@71 look, @7 too");
  expect(await next({ content })).toEqual(["token-all", "token-named"]);
  expect(await next({ content: new TextEncoder().encode("@71 look") })).toEqual(["token-all"]);
  expect(await next({ topics: ["_entmoot/x"] })).toEqual([]);
  expect(await next({ by: identity(4) })).toEqual(["token-all", "token-own"]);
});

test("a restart neither loses nor doubles: what was not answered is sent again, what was is not", async () => {
  await using world = await PushWorld.start();
  world.add("phone");
  await world.look();
  world.provider.deeds.push("death");
  world.say();
  await world.look();
  expect(world.provider.seen).toHaveLength(1);
  await world.restart();
  await world.look();
  expect(bodies(world)).toEqual([woken(OURS), woken(OURS)]);
  await world.restart();
  await world.after(REST_MS);
  expect(world.provider.seen).toHaveLength(2);
  // What arrives while nothing runs is found by the next start.
  world.say();
  await world.restart();
  await world.look();
  expect(world.provider.seen).toHaveLength(3);
});

test("a device that is disabled, forgotten, or no longer of the moot gets nothing more", async () => {
  await using world = await PushWorld.start();
  for (const id of ["disabled", "gone", "moved", "stays"]) world.add(id);
  await world.look();
  world.provider.deeds.push(...Array(4).fill({ status: 503 }));
  world.say();
  await world.look();
  expect(world.provider.seen.splice(0)).toHaveLength(4);
  const of = (id: string) => world.devices.get(id)!;
  world.devices.set("disabled", { ...of("disabled"), isDisabled: true });
  world.devices.set("moved", { ...of("moved"), groups: [OTHERS] });
  world.devices.delete("gone");
  for (let looks = 0; looks < 4; looks++) await world.after(REST_MS);
  expect(new Set(paths(world))).toEqual(new Set(["token-stays"]));
  expect(world.esp.pushes.waiting(10)).toEqual([]);
});

test("a token that no device has is taken off for good, unless there is another one meanwhile", async () => {
  await using world = await PushWorld.start();
  const bad = [
    { status: 410, reason: "Unregistered" },
    { status: 400, reason: "BadDeviceToken" },
    { status: 400, reason: "DeviceTokenNotForTopic" },
  ];
  world.add("phone");
  await world.look();
  for (const deed of bad) {
    world.add("phone");
    world.provider.deeds.push(deed);
    world.say();
    await world.after(REST_MS);
    expect(world.esp.devices.get("phone")).toMatchObject({ pushToken: "", pushPlatform: "" });
    await world.look();
    world.add("phone");
    await world.look();
    world.esp.devices.putToken("phone", { token: "", platform: "" }, world.clock.unix());
  }
  expect(world.provider.seen).toHaveLength(3);
  world.esp.devices.putToken("phone", { token: "new", platform: "apns" }, world.clock.unix());
  world.esp.devices.clearToken("phone", "token-phone", world.clock.unix());
  expect(world.esp.devices.get("phone")?.pushToken).toBe("new");
});

test("a provider that throttles is left alone, ever longer or as long as it says, and then tried by one", async () => {
  await using world = await PushWorld.start();
  for (let n = 0; n < 30; n++) world.add(`phone-${n}`);
  await world.look();
  world.provider.deeds.push(...Array(8).fill({ status: 503, headers: { "retry-after": "60" } }));
  world.say();
  await world.look();
  expect(world.provider.seen).toHaveLength(8);
  await world.after(59_000);
  expect(world.provider.seen).toHaveLength(8);
  world.provider.deeds.push({ status: 503 });
  await world.after(1_000);
  expect(world.provider.seen).toHaveLength(9);
  await world.after(3_000);
  expect(world.provider.seen).toHaveLength(9);
  await world.after(1_000);
  expect(world.provider.seen).toHaveLength(10);
  for (let looks = 0; looks < 6; looks++) await world.after(2_000);
  expect(new Set(paths(world).slice(9)).size).toBe(30);
  expect(world.provider.most).toBeLessThanOrEqual(8);
  expect(world.lines.filter((line) => line.includes("takes nothing just now"))).toHaveLength(2);
});

test("what throttles one device holds up no other", async () => {
  await using world = await PushWorld.start();
  world.add("a");
  world.add("b");
  await world.look();
  world.provider.deeds.push({ status: 429, reason: "TooManyRequests" });
  world.say();
  await world.look();
  expect(paths(world).toSorted()).toEqual(["token-a", "token-b"]);
  await world.after(1_000);
  expect(world.provider.seen).toHaveLength(2);
  await world.after(1_000);
  expect(world.provider.seen).toHaveLength(3);
  expect(world.esp.pushes.waiting(10)).toEqual([]);
});

test("a connection that goes away or says nothing is left, and another one is made", async () => {
  await using world = await PushWorld.start();
  world.add("phone");
  await world.look();
  world.provider.deeds.push("goaway", "silence");
  world.say();
  await world.look();
  world.say();
  world.clock.advance(REST_MS);
  await world.service.look();
  await world.provider.saw(2);
  expect(world.provider.seen[1]).toMatchObject({ connection: 2 });
  // As long as it may take.
  world.clock.advance(10_000);
  await world.service.settled();
  await world.after(2_000);
  expect(world.provider.seen[2]).toMatchObject({ connection: 3 });
  expect(world.esp.pushes.waiting(10)).toEqual([]);
});

test("keys that are refused keep what is due; two services do not wake one device twice", async () => {
  await using world = await PushWorld.start();
  world.add("phone");
  await world.look();
  world.provider.deeds.push({ status: 403, reason: "InvalidProviderToken" });
  world.say();
  await world.look();
  expect(world.esp.pushes.waiting(10)).toEqual(["phone"]);
  expect(world.lines.join("")).toContain("InvalidProviderToken");
  world.isHeld = true;
  await world.restart();
  await world.look();
  expect(world.provider.seen).toHaveLength(1);
  world.isHeld = false;
  await world.look();
  expect(world.provider.seen).toHaveLength(2);
  expect(world.esp.pushes.waiting(10)).toEqual([]);
});
