import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { HttpWorld, OURS } from "../support/http-world.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const moot = `/v1/groups/${encodeURIComponent(GroupId.toBase64(OURS))}`;
const contentsOf = (messages: readonly { readonly content: string }[]) => messages.map(({ content }) => content);

test("a search tells pages of hits, and refuses in the original's words and order", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  for (const content of ["limits of policy", "nothing", "Policy, and its limits"]) world.say(OURS, content);
  const path = `${moot}/search?client_id=phone&limit=1&q=${encodeURIComponent("  Policy, LIMITS policy! ")}`;
  const { json } = await world.bearer(path);
  expect(json).toMatchObject({ query: "policy limits", count: 1, has_more: true, group_id: GroupId.toBase64(OURS) });
  expect(json.results[0]).toMatchObject({
    message: { content: "Policy, and its limits", topic: ["chat"] },
    snippet: "[Policy], and its [limits]",
  });
  const next = (await world.bearer(`${path}&cursor=${json.next_cursor}`)).json;
  expect([next.results[0].message.content, next.has_more, next.next_cursor]).toEqual([
    "limits of policy",
    false,
    undefined,
  ]);
  expect((await world.bearer(`${moot}/search?client_id=phone&q=absent`)).json.results).toEqual([]);
  const refusals = [
    ["q=x", "client_id is required"],
    ["client_id=a&limit=0", "store: invalid search query: empty query"],
    ["client_id=a&q=%F0%9F%8C%B3", "store: invalid search query: query contains no searchable terms"],
    [`client_id=a&q=${"a".repeat(257)}`, "store: invalid search query: query exceeds 256 characters"],
    ["client_id=a&q=a&limit=201&cursor=x", "limit must be between 1 and 200"],
    ["client_id=a&q=a&cursor=x", "invalid search cursor"],
    [`client_id=a&q=other&cursor=${json.next_cursor}`, "search cursor does not match requested group, topic, or query"],
  ];
  for (const [query, message] of refusals) {
    const refused = await world.bearer(`${moot}/search?${query}`);
    expect([query, refused.status, refused.json.error]).toEqual([query, 400, { code: "bad_request", message }]);
  }
});

test("a message's context is in order of time, and goes on in the history", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  for (const content of ["1", "2", "3", "4", "5"]) world.say(OURS, content);
  world.say(OURS, "policy", ["_entmoot/policy/v1"]);
  const { messages } = (await world.bearer(`${moot}/history?client_id=phone`)).json;
  const id = encodeURIComponent(messages[2].message_id);
  const path = `${moot}/message-context?client_id=phone&message_id=${id}`;
  const { json } = await world.bearer(`${path}&before=1&after=2`);
  expect(json).toMatchObject({ count: 4, before: 1, after: 2, has_more_older: true, has_more_newer: true });
  expect(contentsOf(json.messages)).toEqual(["2", "3", "4", "5"]);
  const older = await world.bearer(`${moot}/history?client_id=phone&cursor=${json.older_cursor}`);
  expect(contentsOf(older.json.messages)).toEqual(["1"]);
  const all = (await world.bearer(path)).json;
  expect([contentsOf(all.messages), all.has_more_older, all.older_cursor]).toEqual([
    ["1", "2", "3", "4", "5", "policy"],
    false,
    undefined,
  ]);
  expect(contentsOf((await world.bearer(`${path}&topic=chat&after=100`)).json.messages)).toHaveLength(5);
  for (const topic of ["other", "%23", "chat/%2B"]) {
    const missing = await world.bearer(`${path}&topic=${topic}`);
    expect([missing.status, missing.json.error.code]).toEqual([404, "message_not_found"]);
  }
  for (const [query, message] of [
    ["before=101", "before must be between 0 and 100"],
    ["after=-1", "after must be between 0 and 100"],
  ]) {
    expect((await world.bearer(`${path}&${query}`)).json.error.message).toBe(message!);
  }
  const bare = `${moot}/message-context?client_id=phone`;
  expect((await world.bearer(bare)).json.error.message).toBe("message_id is required");
  expect((await world.bearer(`${bare}&message_id=x`)).json.error.message).toBe(
    "message_id must be a base64-encoded 32-byte id",
  );
});

test("diagnostics, policy and live agents tell what is known, and what needs a daemon says so", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home);
  world.say(OURS, "one");
  const { group } = (await world.bearer(`${moot}/diagnostics?timeout=1s`)).json;
  expect(group).toMatchObject({ members: 1, messages: 1, peers: [{ roster: "ok", profile: "missing" }] });
  expect((await world.bearer(`${moot}/diagnostics?timeout=soon`)).json.error.message).toBe(
    "timeout must be a Go duration such as 3s",
  );
  expect((await world.bearer(`${moot}/policy`)).json).toMatchObject({ policy_configured: false, founder: true });
  expect((await world.bearer(`${moot}/live-agents`)).json).toEqual({ configs: [], presence: [], members: {} });
  world.isDaemonGone = true;
  expect((await world.bearer(`${moot}/policy`)).json.error.code).toBe("policy_unavailable");
  expect((await world.bearer(`${moot}/live-agents`)).json.error.code).toBe("join_unavailable");
  const gone = (await world.bearer(`${moot}/diagnostics?probe=1`)).json.group;
  expect(gone.peers[0].route).toBe("daemon_down");
});
