import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { struct } from "../../src/core/json/json-codec.ts";
import { text } from "../../src/core/json/json-scalars.ts";
import { HttpFailure } from "../../src/http/http-failure.ts";
import { type HttpRoute, ok, route } from "../../src/http/route.ts";
import { device, HttpWorld, OTHERS, OURS, UNKNOWN_MOOT } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const pathOf = (id: GroupId, rest = "") => `/v1/groups/${encodeURIComponent(GroupId.toBase64(id))}${rest}`;
const said = { status: 200 } as const;
const refused = (status: number, code: string) => ({ status, json: { error: { code } } });
const FIVE_MINUTES = 5 * 60_000;

test("a nonce counts until its stamp leaves the window, over a restart too, and a bad signature uses none up", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const ahead = world.clock.unix() + FIVE_MINUTES;
  const headers = world.signed("/v1/session", { nonce: "once", stampMs: ahead });
  const wrong = { ...headers, "x-entmoot-signature": Buffer.alloc(64).toString("base64") };
  expect(await world.ask("/v1/session", { headers: wrong })).toMatchObject(refused(401, "unauthorized"));
  expect(await world.ask("/v1/session", { headers })).toMatchObject(said);
  expect((await world.ask("/v1/session", { headers })).json.error.message).toBe("replayed nonce");
  world.restart();
  expect((await world.ask("/v1/session", { headers })).json.error.message).toBe("replayed nonce");
  world.clock.advance(2 * FIVE_MINUTES);
  world.restart();
  expect((await world.ask("/v1/session", { headers })).json.error.message).toBe("replayed nonce");
  // The same text of another device is another nonce.
  expect(await world.as("/v1/session", { id: "other", key: 3, nonce: "once" })).toMatchObject(said);
});

test("a change of the registry counts from the next request on, and one that cannot be read changes nothing", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  expect(await world.as("/v1/session")).toMatchObject(said);
  world.registry.change((devices) => devices.map((one) => ({ ...one, isDisabled: true })));
  expect(await world.as("/v1/session")).toMatchObject(refused(403, "device_disabled"));
  world.registry.change(() => [device("phone", 4)]);
  expect((await world.as("/v1/session")).json.error.message).toBe("invalid signature");
  expect(await world.as("/v1/session", { key: 4 })).toMatchObject(said);
  await Bun.write(world.registry.path, "{");
  expect(await world.as("/v1/session", { key: 4 })).toMatchObject(said);
});

test("where token and signature came, the device is who asks", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const headers = world.signed("/v1/session");
  expect((await world.bearer("/v1/session", { headers })).json.device.id).toBe("phone");
  expect((await world.bearer("/v1/session", { headers })).json.device).toBeUndefined();
});

test("a moot that whoever asks may not read is answered as one that is not there", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  for (const rest of ["", "/members", "/history", "/nothing"]) {
    const hidden = await world.as(pathOf(OTHERS, rest));
    expect(hidden).toMatchObject(refused(404, "group_not_found"));
    expect((await world.as(pathOf(UNKNOWN_MOOT, rest))).text).toBe(hidden.text);
  }
  const pull = (id: GroupId) => `/v1/mailbox/pull?client_id=phone&group_id=${encodeURIComponent(GroupId.toBase64(id))}`;
  expect((await world.as(pull(OTHERS))).text).toBe((await world.as(pull(UNKNOWN_MOOT))).text);
  expect(await world.as(pull(OURS))).toMatchObject(said);
  expect(await world.as(pathOf(OURS))).toMatchObject(said);
  expect((await world.as("/v1/groups")).json.groups).toHaveLength(1);
  expect((await world.bearer("/v1/groups")).json.groups).toHaveLength(2);
});

test("a stranger's body has a mebibyte, that of a device and the token what the route takes", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { routes: [bigRoute()] });
  const body = `{"said":"${"x".repeat(1024 * 1024)}"}`;
  const big = { method: "POST", body };
  expect(await world.ask("/v1/big", big)).toMatchObject(refused(413, "request_too_large"));
  expect(await world.ask("/v1/big", { ...big, body: "{}" })).toMatchObject(refused(401, "unauthorized"));
  expect(await world.as("/v1/big", big)).toMatchObject(said);
  expect(await world.bearer("/v1/big", big)).toMatchObject(said);
  expect(await world.bearer("/v1/big", { method: "POST", body: "x".repeat(3 * 1024 * 1024) })).toMatchObject(
    refused(413, "request_too_large"),
  );
});

const bigRoute = () =>
  route({
    method: "POST",
    path: "/v1/big",
    name: "big",
    summary: "Takes much",
    body: { codec: struct("big", { said: text }), maxBytes: 2 * 1024 * 1024, isStrict: true, mayBeEmpty: false },
    answers: { 200: struct("done", { done: text }) },
    handle: () => ok({ done: "yes" }),
  });

/** A route that counts how often it was carried out, and fails as it is told. */
function countingRoute(outcomes: (HttpFailure | undefined)[] = []): { readonly route: HttpRoute; runs: number } {
  const counted: { readonly route: HttpRoute; runs: number } = {
    runs: 0,
    route: route({
      method: "POST",
      path: "/v1/count",
      name: "count",
      summary: "Counts",
      idempotency: () => "count",
      answers: { 200: struct("run", { run: text }) },
      async handle() {
        counted.runs += 1;
        await Promise.resolve();
        const failure = outcomes.shift();
        if (failure !== undefined) throw failure;
        return ok({ run: String(counted.runs) });
      },
    }),
  };
  return counted;
}

test("an idempotency key replays to whoever used it, runs once, and keeps no failure that may pass", async () => {
  using home = new TemporaryDirectory();
  const counted = countingRoute([new HttpFailure(503, "join_unavailable", "no daemon")]);
  using world = new HttpWorld(home, { routes: [counted.route] });
  const post = { method: "POST", headers: { "idempotency-key": "k" }, body: "{}" };
  expect(await world.as("/v1/count", post)).toMatchObject({ status: 503 });
  const [one, two] = await Promise.all([world.as("/v1/count", post), world.as("/v1/count", post)]);
  expect([one.text, counted.runs]).toEqual([two.text, 2]);
  world.restart();
  expect((await world.as("/v1/count", post)).text).toBe(one.text);
  expect(await world.as("/v1/count", { ...post, body: "[]" })).toMatchObject(refused(409, "idempotency_conflict"));
  expect((await world.as("/v1/count", { ...post, id: "other", key: 3 })).json.run).toBe("3");
  expect((await world.bearer("/v1/count", post)).json.run).toBe("4");
  world.clock.advance(24 * 3_600_000);
  expect((await world.bearer("/v1/count", post)).json.run).toBe("5");
  const long = { ...post, headers: { "idempotency-key": "k".repeat(257) } };
  expect(await world.bearer("/v1/count", long)).toMatchObject(refused(400, "bad_request"));
});

test("one asks so often a minute, and holds up nobody else", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { perMinute: 3 });
  for (let n = 0; n < 3; n++) expect(await world.bearer("/v1/session")).toMatchObject(said);
  const late = await world.bearer("/v1/session");
  expect(late).toMatchObject({ ...refused(429, "rate_limited"), headers: { "Retry-After": "20" } });
  for (let n = 0; n < 5; n++) await world.ask("/v1/session");
  expect(await world.ask("/v1/session")).toMatchObject({ status: 429 });
  expect(await world.as("/v1/session")).toMatchObject(said);
  world.clock.advance(60_000);
  expect(await world.bearer("/v1/session")).toMatchObject(said);
});

test("a page of another site reaches nothing, by a name of its own or by its origin", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  for (const host of ["evil.example", "evil.example:8087", "", "localhost.evil.example", "127.0.0.1.evil.example"]) {
    expect(await world.ask("/healthz", { headers: { host } })).toMatchObject({ status: 421 });
  }
  for (const host of ["localhost:1", "127.0.0.1", "[::1]:9", "ESP.example"]) {
    expect(await world.ask("/healthz", { headers: { host } })).toMatchObject(said);
  }
  const origin = "http://evil.example";
  expect(await world.bearer("/v1/session", { headers: { origin } })).toMatchObject(refused(403, "forbidden"));
  expect(await world.bearer("/v1/session", { headers: { origin: "http://localhost" } })).toMatchObject(said);
});

test("tricks of paths find no route, and say nothing", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  const tricks = ["//v1/session", "/v1/./session", "/v1/../v1/session", "/v1%2Fsession", "/v1/session%00", "/v1/%zz"];
  for (const target of [...tricks, "/v1/session%2e", "/v1/%2573ession", `/v1${"/a".repeat(5000)}`]) {
    expect([target.slice(0, 30), (await world.bearer(target)).status]).toEqual([target.slice(0, 30), 404]);
  }
  expect(await world.bearer("/v1/%73ession")).toMatchObject(said);
  expect(await world.bearer(pathOf(OURS, "/"))).toMatchObject(said);
  expect(await world.bearer("/v1/groups/a/b")).toMatchObject(refused(400, "bad_request"));
});

test("what is refused is one line in the log, without secrets, and no flood of them", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  await world.ask("/v1/open-invites/SECRET/challenge", { method: "POST" });
  expect(world.lines).toHaveLength(1);
  expect(world.lines[0]).toContain("status=400");
  expect(world.lines[0]).not.toContain("SECRET");
  for (let n = 0; n < 200; n++) await world.ask("/v1/x");
  expect(world.lines).toHaveLength(60);
  world.clock.advance(60_000);
  await world.ask("/v1/x");
  expect(world.lines[60]).toContain("requests=141");
});

test("HEAD is GET, OPTIONS says what there is, anything else too", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  expect(await world.bearer("/v1/session", { method: "HEAD" })).toMatchObject(said);
  expect(await world.bearer("/v1/session", { method: "OPTIONS" })).toMatchObject({ status: 204, text: "" });
  expect(await world.bearer("/v1/session", { method: "DELETE" })).toMatchObject({
    ...refused(405, "method_not_allowed"),
    headers: { Allow: "GET" },
  });
  expect(await world.ask("/v1/fleets/a/tasks")).toMatchObject({
    status: 404,
    json: { error: { code: "feature_disabled", feature: "tasks" } },
  });
});
