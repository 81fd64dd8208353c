import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import { unixMs } from "../../src/core/clock.ts";
import { GroupId } from "../../src/core/ids.ts";
import { directoryStore } from "../../src/store/sqlite/esp-directory.ts";
import { EspFile } from "../../src/store/sqlite/esp-file.ts";
import { HttpWorld } from "../support/http-world.ts";
import { publicMoot } from "../support/public-moot.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const refused = (status: number, code: string) => ({ status, json: { error: { code } } });
const idOf = (n: number) => encodeURIComponent(GroupId.toBase64(GroupId.fromBytes(new Uint8Array(32).fill(n))));
const pathOf = (n: number) => `/v1/public-moots/${idOf(n)}`;

function world(home: TemporaryDirectory, how: ConstructorParameters<typeof HttpWorld>[1] = {}) {
  const http = new HttpWorld(home, how);
  const nowMs = http.clock.unix();
  const tell = (body: Uint8Array | string) => http.ask("/v1/public-moots", { method: "POST", body });
  return {
    http,
    nowMs,
    tell,
    told: (n: number, group: number, more: object = {}) => tell(publicMoot(n, group, { updatedMs: nowMs, ...more })),
    mark: (group: number, status: string) =>
      http.bearer(`${pathOf(group)}/index-status`, { method: "PATCH", body: JSON.stringify({ status }) }),
    listed: async (query = "") =>
      (await http.ask(`/v1/public-moots${query}`)).json.public_moots.map(
        ({ descriptor }: { descriptor: { name: string } }) => descriptor.name,
      ),
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

test("a moot is listed as its founder signed it; what is no newer is told so; the first key stays the founder's", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  const { nowMs } = all;
  const first = await all.told(1, 1, { tags: ["ägents"], description: "A <public> moot & more" });
  expect(first).toMatchObject({ status: 202, json: { status: "indexed", public_moot: { status: "listed" } } });
  expect(Object.keys(first.json.public_moot)).toEqual([
    "descriptor",
    "status",
    "policy_summary",
    "mirror_state",
    "message_history_available",
    "indexed_at_ms",
    "status_updated_at_ms",
  ]);
  // Byte for byte what was signed.
  const signed = new TextDecoder().decode(
    publicMoot(1, 1, { updatedMs: nowMs, tags: ["ägents"], description: "A <public> moot & more" }),
  );
  expect(first.text).toContain(signed);
  // The node has joined it, which is told of its own founder's word alone.
  expect(first.json.public_moot).toMatchObject({ mirror_state: "member", message_history_available: true });
  expect(await all.told(1, 1)).toMatchObject({ status: 200, json: { status: "stale_ignored" } });
  expect(await all.told(6, 1, { updatedMs: nowMs + 1 })).toMatchObject(refused(403, "public_moot_founder_mismatch"));
  expect(await all.told(1, 1, { updatedMs: nowMs + 1, name: "again" })).toMatchObject({ status: 202 });
  expect(await all.told(6, 7, { updatedMs: nowMs + 2 })).toMatchObject({
    json: { public_moot: { mirror_state: "none" } },
  });
  expect(await all.listed()).toEqual(["moot 7", "again"]);
  expect((await all.http.ask(pathOf(1))).json.public_moot.descriptor.name).toBe("again");
  const page = await all.http.ask("/v1/public-moots?limit=1");
  expect(page.json.public_moots).toHaveLength(1);
  expect(await all.listed(`?cursor=${page.json.next_cursor}`)).toEqual(["again"]);
  expect(await all.listed("?q=AGAIN")).toEqual(["again"]);
  expect(await all.told(6, 2)).toMatchObject({ status: 202, json: { public_moot: { mirror_state: "none" } } });
});

test("what is no descriptor, is not signed, expired or dated ahead is refused in this order", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  const { nowMs } = all;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const good = text(publicMoot(5, 1, { updatedMs: nowMs }));
  const invalid = refused(400, "invalid_public_moot");
  expect(await all.tell("")).toMatchObject({
    ...refused(400, "bad_request"),
    json: { error: { message: "descriptor is required" } },
  });
  for (const bad of [
    "{",
    "[]",
    good + good,
    good.replace('{"type"', '{"extra":1,"type"'),
    good.replace('"name":"moot 1"', '"name":"moot 2"'),
    good.replace("public_moot.v1", "public_moot.v2"),
    `{"name":"${"x".repeat(70_000)}"}`,
    text(publicMoot(5, 1, { updatedMs: nowMs + 300_001 })),
    text(publicMoot(5, 1, { updatedMs: nowMs - 10, expires_at_ms: BigInt(nowMs) })),
  ]) {
    expect(await all.tell(bad)).toMatchObject(invalid);
  }
  expect(await all.tell("x".repeat(1024 * 1024 + 1))).toMatchObject(refused(413, "request_too_large"));
  expect(await all.listed()).toEqual([]);
  expect(await all.tell(text(publicMoot(5, 1, { updatedMs: nowMs + 300_000 })))).toMatchObject({ status: 202 });
  // One that ends is gone when it has ended.
  expect(await all.told(6, 2, { expires_at_ms: BigInt(nowMs + 1_000) })).toMatchObject({ status: 202 });
  all.http.clock.advance(1_000);
  expect(await all.http.ask(pathOf(2))).toMatchObject(refused(404, "public_moot_not_found"));
  expect(await all.listed()).toEqual(["moot 1"]);
});

test("the operator delists, holds back and blocks; a founder that is blocked lists nothing", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  const { nowMs } = all;
  await all.told(5, 1);
  await all.told(5, 2);
  await all.told(6, 3);
  expect(await all.http.ask(`${pathOf(1)}/index-status`, { method: "PATCH", body: "{}" })).toMatchObject(
    refused(401, "unauthorized"),
  );
  const body = '{"status":"delisted"}';
  expect(await all.http.as(`${pathOf(1)}/index-status`, { method: "PATCH", body: "{" })).toMatchObject(
    refused(403, "operator_required"),
  );
  expect(await all.http.bearer(`${pathOf(1)}/index-status`, { method: "PATCH", body: '{"status":"x"}' })).toMatchObject(
    {
      ...refused(400, "bad_request"),
      json: { error: { message: "status must be listed, pending, delisted, or blocked" } },
    },
  );
  expect(await all.http.bearer(`${pathOf(1)}/index-status`, { method: "PATCH", body: `${body}x` })).toMatchObject(
    refused(400, "bad_request"),
  );
  expect(await all.mark(9, "delisted")).toMatchObject(refused(404, "public_moot_not_found"));
  expect(await all.mark(1, "delisted")).toMatchObject({ status: 200, json: { public_moot: { status: "delisted" } } });
  expect(await all.http.ask(pathOf(1))).toMatchObject(refused(404, "public_moot_not_found"));
  // It stays delisted, whatever its founder tells.
  expect(await all.told(5, 1, { updatedMs: nowMs + 1 })).toMatchObject({
    status: 202,
    json: { public_moot: { status: "delisted" } },
  });
  expect(await all.listed()).toEqual(["moot 3", "moot 2"]);
  await all.mark(1, "blocked");
  for (const group of [1, 2, 4]) {
    expect(await all.told(5, group, { updatedMs: nowMs + 2 })).toMatchObject(refused(403, "public_moot_blocked"));
  }
  // What was never told of is blocked by its id alone, and is listed with nothing.
  expect(await all.mark(8, "blocked")).toMatchObject({
    json: {
      public_moot: { status: "blocked", group_id: GroupId.toBase64(GroupId.fromBytes(new Uint8Array(32).fill(8))) },
    },
  });
  expect(await all.told(6, 8)).toMatchObject(refused(403, "public_moot_blocked"));
  expect(await all.mark(8, "listed")).toMatchObject({ status: 200 });
  expect(await all.http.ask(pathOf(8))).toMatchObject(refused(404, "public_moot_not_found"));
  expect(await all.told(6, 8)).toMatchObject({ status: 202 });
});

test("paths of the directory are told to nobody in particular, and other methods what there is", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  expect(await all.http.ask("/v1/public-moots/x")).toMatchObject(refused(400, "bad_request"));
  expect(await all.http.ask(`${pathOf(1)}/nothing`)).toMatchObject(refused(404, "not_found"));
  expect(await all.http.ask("/v1/public-moots", { method: "PUT" })).toMatchObject({
    status: 405,
    headers: { Allow: "GET, POST" },
  });
  expect(await all.http.ask(pathOf(1), { method: "DELETE" })).toMatchObject({ status: 405, headers: { Allow: "GET" } });
  expect(await all.http.bearer(`${pathOf(1)}/index-status`)).toMatchObject({
    status: 405,
    headers: { Allow: "PATCH" },
  });
  expect(await all.http.ask("/v1/public-moots?cursor=x")).toMatchObject(refused(400, "bad_request"));
});

test("one address tells so many in an hour, and a founder and the whole directory have an end", async () => {
  using home = new TemporaryDirectory();
  using all = world(home, { perMinute: 600 });
  for (let n = 0; n < 60; n++) expect((await all.tell("{")).status).toBe(400);
  expect(await all.tell("{")).toMatchObject({ status: 429, headers: { "Retry-After": "60" } });
  expect((await all.http.ask("/v1/public-moots", { method: "POST", body: "{", address: "192.0.2.2" })).status).toBe(
    400,
  );
  expect((await all.http.ask("/v1/public-moots")).status).toBe(200);

  using esp = new EspFile(home.path);
  const store = directoryStore(esp, { ofFounder: 2, moots: 3, bytes: 100 });
  const put = (founderKey: string, n: number, size = 10) =>
    store.put(
      {
        groupId: GroupId.fromBytes(new Uint8Array(32).fill(n)),
        founderKey,
        descriptor: new Uint8Array(size),
        updatedMs: n,
      },
      unixMs(1),
    ).outcome;
  expect([put("a", 11), put("a", 12), put("a", 13), put("b", 14, 90), put("b", 15), put("c", 16)]).toEqual([
    "indexed",
    "indexed",
    "founder_full",
    "full",
    "indexed",
    "full",
  ]);
  // Once forgotten it is anybody's again.
  const id = GroupId.fromBytes(new Uint8Array(32).fill(11));
  expect([store.forget(id), store.forget(id), put("c", 11)]).toEqual([true, false, "indexed"]);
});

test("rows of the original's, and rows that are none, are told or passed by", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  await all.told(5, 1);
  using file = new Database(join(home.path, "esp.sqlite"));
  const put = (group: Uint8Array, descriptor: unknown, status = "listed") =>
    file.run("INSERT INTO esp_public_moots VALUES (?, 'k', ?, ?, ?, 1, 1)", [
      group,
      descriptor as string,
      all.nowMs + 9,
      status,
    ]);
  put(new Uint8Array(32).fill(21), new TextDecoder().decode(publicMoot(6, 21, { updatedMs: all.nowMs })));
  put(new Uint8Array(32).fill(22), publicMoot(6, 22, { updatedMs: all.nowMs }));
  for (const [n, bad] of ["{", "[]", '"x"', "null", new Uint8Array([0xff])].entries())
    put(new Uint8Array(32).fill(30 + n), bad);
  put(new Uint8Array(5), "{}");
  put(new Uint8Array(32).fill(40), "{}", "odd");
  put(new Uint8Array(32).fill(41), null);
  expect((await all.listed()).toSorted()).toEqual(["moot 1", "moot 21", "moot 22"]);
  expect((await all.http.ask("/explore")).status).toBe(200);
});

const HOSTILE = [
  '<script>alert(1)</script><img src=x onerror="alert(1)">',
  "</title></style><svg onload=alert(1)>",
  `"' onmouseover=alert(1) x='`,
  "\u202egnp.exe\u2066\u200b\u0000\u001b[31m",
  `Z${"\u0300".repeat(5_000)}`,
  "x".repeat(15_000),
  "\u202e\u200b",
  "&lt;b&gt; {{7*7}}",
];

test("the page shows what strangers wrote as text alone, cut, and runs and loads nothing", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  for (const [n, name] of HOSTILE.entries()) {
    const told = await all.told(50 + n, 50 + n, {
      name: name.trim(),
      description: name.repeat(2),
      tags: Array.from({ length: 30 }, () => name.slice(0, 400)),
    });
    expect([n, told.status]).toEqual([n, 202]);
  }
  const link = { issuer_url: "https://esp.example/a'b<", token: `t'"><script>&`, link: "" };
  expect((await all.told(70, 70, { name: "open", join_mode: "open_invite", open_invite: link })).status).toBe(202);
  const { headers, status, text } = await all.http.ask("/explore");
  expect(status).toBe(200);
  expect(headers["Content-Type"]).toBe("text/html; charset=utf-8");
  const policy = headers["Content-Security-Policy"]!;
  expect(policy).toStartWith("default-src 'none'; style-src 'sha256-");
  expect(policy).not.toContain("unsafe");
  // The style that is there is the one that is allowed.
  const [, style] = /<style>(.*?)<\/style>/s.exec(text)!;
  expect(policy).toContain(new Bun.CryptoHasher("sha256").update(style!).digest("base64"));
  // Every tag of the page is one of its own, with attributes of its own.
  const tags = text.match(/<[^>]*>/g)!;
  const own =
    /^<(?:!doctype html|\/?(?:html|head|title|body|h1|h2|p|ol|ul|li|nav|form|label|input|button|code|bdi|a|meta|style))(?: (?:lang|charset|name|content|action|role|for|id|type|maxlength|value|class|href|rel)="[^"<>]*")*>$/;
  expect(tags.filter((tag) => !own.test(tag))).toEqual([]);
  expect(text).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
  expect(text.length).toBeLessThan(60_000);
  expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  expect(text).toContain("(no name)");
  expect(text).not.toMatch(/(?:src|href)="(?:https?:|\/\/|javascript:|data:)/);
  const issuer = "https%3A%2F%2Fesp.example%2Fa%2527b%253C";
  const [, quoted] = /<code>entmootd join (.*?)<\/code>/.exec(text)!;
  expect(quoted).toBe(`'entmoot://open-invite?issuer=${issuer}&amp;token=t%27%22%3E%3Cscript%3E%26'`);
});

test("the page is searched by its form, page by page, and what was asked is text too", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  for (let n = 1; n <= 60; n++) {
    const more = { updatedMs: all.nowMs + n, tags: [n % 2 === 0 ? "Even" : "odd"] };
    expect((await all.told(100 + n, 100 + n, more)).status).toBe(202);
  }
  const count = (text: string) => text.split('<li class="moot">').length - 1;
  const first = (await all.http.ask("/explore")).text;
  expect(count(first)).toBe(50);
  const [, next] = /href="(explore\?cursor=[\w-]+)"/.exec(first)!;
  expect(count((await all.http.ask(`/${next}`)).text)).toBe(10);
  const even = (await all.http.ask("/explore?q=even+MOOT")).text;
  expect(count(even)).toBe(30);
  const none = (await all.http.ask(`/explore?q=${encodeURIComponent('"><script>x</script>')}`)).text;
  expect(none).toContain("No moot here has all these words.");
  expect(none).toContain('value="&quot;&gt;&lt;script&gt;x&lt;/script&gt;"');
  expect((await all.http.ask("/explore?cursor=%22")).status).toBe(400);
  expect((await all.http.ask("/explore", { method: "HEAD" })).status).toBe(200);
});

test("an empty directory makes no file, and says how a moot comes here", async () => {
  using home = new TemporaryDirectory();
  using all = world(home);
  expect(await all.listed()).toEqual([]);
  expect((await all.http.ask("/explore")).text).toContain("entmootd group public publish");
  expect(await Bun.file(join(home.path, "esp.sqlite")).exists()).toBe(false);
});
