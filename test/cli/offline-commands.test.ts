import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { unixMs } from "../../src/core/clock.ts";
import { decodePublicMoot, verifyPublicMoot } from "../../src/core/record/public-moot.ts";
import { DataRootLock } from "../../src/store/lock.ts";
import { cli } from "../support/cli.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const STRANGER = new Uint8Array(32).fill(6).toBase64();

function home() {
  const directory = new TemporaryDirectory();
  const run = (...args: string[]) => cli(directory.path, args);
  return {
    path: directory.path,
    data: join(directory.path, ".entmoot"),
    run,
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

async function founded(it: ReturnType<typeof home>, ...flags: string[]): Promise<string> {
  const created = await it.run("group", "create", "-name", "council", ...flags);
  expect(created.exit).toBe(0);
  return created.json()[0]!.group_id as string;
}

describe("looking", () => {
  test("creates nothing where nothing is", async () => {
    using it = home();
    const info = await it.run("info");
    expect(info.json()).toMatchObject([
      { pilot_node_id: 0, entmoot_pubkey: null, groups: [], running: false, data_dir: it.data },
    ]);
    expect(info.exit).toBe(0);
    for (const args of [
      ["query"],
      ["tail", "-n", "3"],
      ["peers", "-group", STRANGER],
      ["stop"],
      ["publish", "-topic", "a", "-content", "b"],
    ]) {
      const looked = await it.run(...args);
      expect(looked.stdout).toBe("");
      expect(looked.exit).toBe(args[0] === "query" || args[0] === "peers" ? 3 : 6);
    }
    expect(existsSync(it.data)).toBe(false);
  });

  test("info shows a group as its founder has it, with the root in base64", async () => {
    using it = home();
    const groupId = await founded(it);
    const [info] = (await it.run("info")).json();
    expect(Object.keys(info!).slice(0, 6)).toEqual([
      "pilot_node_id",
      "entmoot_pubkey",
      "listen_port",
      "data_dir",
      "groups",
      "running",
    ]);
    const [group] = info!.groups as Record<string, unknown>[];
    expect(group).toMatchObject({
      group_id: groupId,
      members: 1,
      messages: 0,
      name: "council",
      local_member: true,
      founder: true,
    });
    expect(group!.local_node_id).toBe(info!.pilot_node_id);
    expect(Uint8Array.fromBase64(group!.merkle_root as string)).toHaveLength(32);
  });

  test("query of an empty group prints nothing and is no error", async () => {
    using it = home();
    await founded(it);
    const query = await it.run("query", "-topic", "a/#");
    expect(query).toMatchObject({ stdout: "", exit: 0 });
  });

  test("members without a daemon marks its own, unless there is no identity to know it by", async () => {
    using it = home();
    const group_id = await founded(it);
    const asked = ["call", "members", JSON.stringify({ group_id })];
    const rowsOf = async () => (await it.run(...asked)).json()[0]!.members as unknown[];
    expect(await rowsOf()).toMatchObject([{ self: true, founder: true }]);
    const file = join(it.data, "identity.json");
    writeFileSync(file, "{");
    expect(await rowsOf()).toEqual([expect.not.objectContaining({ self: expect.anything() })]);
    rmSync(file);
    expect(await rowsOf()).toEqual([expect.not.objectContaining({ self: expect.anything() })]);
  });

  test("peers without a daemon says that none runs, and which command starts one", async () => {
    using it = home();
    const group = await founded(it);
    const rows = JSON.parse((await it.run("peers", "-group", group, "-probe", "-json")).stdout);
    expect(rows).toMatchObject([
      { roster: true, trust: "self", route: "self", probe: "daemon_down", diagnosis: "daemon_down", founder: true },
    ]);
    expect(rows[0].next_command).toStartWith("entmootd -data ");
    expect(rows[0].next_command).toEndWith(` serve -group ${group}`);
    const table = await it.run("peers", "-group", group);
    expect(table.stdout.split("\n")[0]).toMatch(
      /^NODE +HOSTNAME +ROSTER +PROFILE +TRANSPORT +TRUST +ROUTE +DIAGNOSIS +SUGGESTION$/,
    );
  });
});

describe("call", () => {
  test("of what needs a daemon asks nobody else, and keeps nobody from starting one", async () => {
    using it = home();
    await founded(it);
    const path = '{"path":"/opt/x/entmootd"}';
    for (const args of [["stop"], ["version"], ["restart", path], ["program", path], ["watch", '{"topic":"#"}']]) {
      const { exit, stderr, stdout } = await it.run("call", ...args);
      expect([args[0], stdout, exit]).toEqual([args[0], "", 6]);
      expect(stderr).toContain('no running Entmoot daemon found; start one with "entmootd serve"');
    }
    expect(DataRootLock.holder(it.data)).toBeUndefined();
  });

  test("of anything else is done here, and reading needs no identity", async () => {
    using it = home();
    const group_id = await founded(it);
    expect((await it.run("call", "status")).json()).toMatchObject([{ running: false, groups: [{ group_id }] }]);
    expect((await it.run("call", "link_list", JSON.stringify({ group_id }))).json()).toEqual([{ links: [] }]);
    const backlog = await it.run("call", "backlog", '{"topic":"#","last":"all"}');
    expect(backlog.json()).toMatchObject([{ answer: { places: [expect.any(String)] } }]);
  });
});

describe("group create", () => {
  test("prints what was made, keys in order, and keeps it private to its owner", async () => {
    using it = home();
    const created = await it.run(
      "group",
      "create",
      "--name",
      " council ",
      "-tag",
      "a",
      "-tag",
      " b ",
      "-tag",
      "a",
      "-description",
      "d",
    );
    expect(created.exit).toBe(0);
    const [made] = created.json();
    expect(Object.keys(made!)).toEqual([
      "group_id",
      "founder",
      "name",
      "description",
      "tags",
      "visibility",
      "join_mode",
      "policy_configured",
      "policy_source",
      "policy_summary",
      "retention_days",
      "retention",
    ]);
    expect(made).toMatchObject({
      name: "council",
      tags: ["a", "b"],
      visibility: "private",
      join_mode: "invite_only",
      policy_source: "preset:standard",
    });
    expect(created.stderr).toContain("created a new identity");
    expect(statSync(it.data).mode & 0o777).toBe(0o700);
    expect(statSync(join(it.data, "identity.json")).mode & 0o777).toBe(0o600);
  });

  test("a public moot comes with the command that lists it, and its descriptor is signed without a daemon", async () => {
    using it = home();
    const [made] = (await it.run("group", "create", "-name", "square", "-visibility", "public")).json();
    expect(made).toMatchObject({
      visibility: "public",
      next_public_descriptor_command: `entmootd group public publish -group ${made!.group_id} -esp-url <ESP_URL> --json`,
    });
    const described = await it.run("group", "public", "descriptor", "-json", "-valid-for", "90d");
    expect(described.exit).toBe(0);
    expect(verifyPublicMoot(decodePublicMoot(encodeUtf8(described.stdout)))).toBeUndefined();
    const open = await it.run("group", "create", "-name", "open", "-visibility", "public", "-join-mode", "open_invite");
    expect(open.json()[0]).not.toHaveProperty("next_public_descriptor_command");
    expect(open.stderr).toContain("entmootd invite link -group ");
    for (const [flags, exit, said] of [
      [["-name", "private"], 5, "its visibility is private"],
      [["-name", "bare", "-visibility", "public", "-policy", "none"], 5, "it has no policy"],
    ] as const) {
      const group = (await it.run("group", "create", ...flags)).json()[0]!.group_id as string;
      const refused = await it.run("group", "public", "descriptor", "-group", group);
      expect(refused).toMatchObject({ exit, stdout: "" });
      expect(refused.stderr).toContain(said);
    }
    const unlisted = await it.run("group", "public", "descriptor", "-group", open.json()[0]!.group_id as string);
    expect(unlisted).toMatchObject({ exit: 5, stdout: "" });
    expect(unlisted.stderr).toContain("there is no open invite that is redeemed over HTTPS");
  });

  test("an open moot has a link without limits, and over HTTPS needs a daemon and a safe address", async () => {
    using it = home();
    const args = ["group", "create", "-name", "x", "-join-mode", "open_invite", "-policy", "none"];
    for (const [url, exit, said] of [
      ["https://esp.example", 1, "needs a running daemon"],
      ["http://esp.example", 5, "issuer url must be https"],
    ] as const) {
      const refused = await cli(it.path, args, { env: { ENTMOOT_ESP_URL: url } });
      expect(refused).toMatchObject({ exit, stdout: "" });
      expect(refused.stderr).toContain(said);
    }
    expect((await it.run("info")).json()).toMatchObject([{ groups: [] }]);
    const created = await it.run(...args);
    const [made] = created.json();
    expect(made).toMatchObject({ policy_configured: false, open_invite: { uses: 0, expires_at_ms: 0 } });
    expect((made!.open_invite as { link: string }).link).toStartWith("entmoot://join/");
    expect(made).not.toHaveProperty("policy_summary");
  });

  test("takes a policy from a file, and refuses one that is none before anything is made", async () => {
    using it = home();
    const path = join(it.path, "policy.json");
    writeFileSync(path, '{"retention_days":-1}');
    const refused = await it.run("group", "create", "-name", "x", "-policy", `file:${path}`);
    expect(refused.stderr).toContain("group create: -policy: ");
    expect(refused.exit).toBe(5);
    expect(existsSync(it.data)).toBe(false);
  });

  test("a process that holds the data root is named", async () => {
    using it = home();
    mkdirSync(it.data);
    using _lock = DataRootLock.acquire(it.data, unixMs(Date.now()));
    const refused = await it.run("group", "create", "-name", "x");
    expect(refused.stderr).toContain(`process ${process.pid}`);
    expect(refused.exit).toBe(6);
  });
});

describe("the identity", () => {
  test("missing beside joined groups is an error that names the file, and no new one is made", async () => {
    using it = home();
    const group = await founded(it);
    const file = join(it.data, "identity.json");
    renameSync(file, join(it.path, "kept.json"));
    for (const args of [
      ["info"],
      ["group", "create", "-name", "y"],
      ["invite", "create", "-group", group],
      ["serve"],
    ]) {
      const refused = await it.run(...args);
      expect(refused.stderr).toContain(file);
      expect(refused.exit).toBe(1);
    }
    expect(existsSync(file)).toBe(false);
    const found = await it.run("-identity", join(it.path, "kept.json"), "info");
    expect(found.json()).toMatchObject([{ groups: [{ founder: true }] }]);
  });

  test("is found in the original's place when it is on the rosters, and said to be", async () => {
    using it = home();
    const data = join(it.path, "elsewhere");
    await it.run("group", "create", "-name", "y", "-data", data);
    mkdirSync(it.data);
    renameSync(join(data, "identity.json"), join(it.data, "identity.json"));
    const found = await it.run("info", "-data", data);
    expect(found.json()).toMatchObject([
      { groups: [{ founder: true }], identity_path: join(it.data, "identity.json") },
    ]);
    expect(found.stderr).toContain("using the identity in");
  });
});

describe("roster, invites and links", () => {
  test("a key alone is enough to add a member, and to remove it", async () => {
    using it = home();
    const group = await founded(it);
    const added = await it.run("roster", "add", "-group", group, "-pubkey", STRANGER);
    const [row] = added.json();
    expect(Object.keys(row!)).toEqual(["added", "entry_id", "group_id", "members"]);
    expect(row).toMatchObject({ added: { entmoot_pubkey: STRANGER }, group_id: group, members: 2 });
    const removed = await it.run("roster", "remove", "-group", group, "-pubkey", STRANGER);
    expect(removed.json()).toEqual([{ group_id: group, members: 1, removed: (row as { added: unknown }).added }]);
    const again = await it.run("roster", "remove", "-group", group, "-pubkey", STRANGER);
    expect(again.stderr).toContain("roster remove: target is not a member");
    expect(again.exit).toBe(2);
  });

  test("remove names the links that would let whoever was removed in again, and ends them when asked to", async () => {
    using it = home();
    const group = await founded(it);
    const add = () => it.run("roster", "add", "-group", group, "-pubkey", STRANGER);
    const remove = (...more: string[]) => it.run("roster", "remove", "-group", group, "-pubkey", STRANGER, ...more);
    await add();
    const [open, used, revoked] = await Promise.all(
      [["-uses", "3"], ["-valid-for", "1h"], []].map(async (flags) => {
        const [link] = (await it.run("invite", "link", "-group", group, ...flags)).json();
        return String((link as { id: unknown }).id);
      }),
    );
    await it.run("invite", "revoke", "-group", group, "-link", revoked!);
    const left = await remove();
    const links = (left.json()[0] as { links: Record<string, unknown>[] }).links;
    expect(links.map(({ id, status }) => [id, status]).toSorted()).toEqual(
      [open, used].map((id) => [id, "active"]).toSorted() as never,
    );
    expect(left.stderr).toContain("can join under a new key");
    for (const id of [open, used]) expect(left.stderr).toContain(id!);
    await add();
    const ended = await remove("-revoke-links");
    expect(ended.json()).toMatchObject([{ links: [{ status: "revoked" }, { status: "revoked" }] }]);
    expect(ended.stderr).toBe("");
    await add();
    expect((await remove("-revoke-links")).json()[0]).not.toHaveProperty("links");
    expect((await it.run("roster", "add", "-group", group, "-pubkey", STRANGER, "-revoke-links")).exit).toBe(5);
  });

  test("an invite is printed over several lines with the original's keys in order", async () => {
    using it = home();
    const group = await founded(it);
    const created = await it.run("invite", "create", "-group", group, "-valid-for", "2d");
    expect(created.stdout).toContain('{\n  "merkle_root": "');
    const invite = JSON.parse(created.stdout);
    expect(Object.keys(invite)).toEqual([
      "merkle_root",
      "group_id",
      "founder",
      "roster_head",
      "bootstrap_peers",
      "issued_at",
      "valid_until",
      "issuer",
      "signature",
    ]);
    expect(Math.abs(invite.valid_until - invite.issued_at - 2 * 86_400_000)).toBeLessThan(1_000);
  });

  test("a link is made, listed without its secret, and revoked", async () => {
    using it = home();
    const group = await founded(it);
    const [link] = (await it.run("invite", "link", "-group", group, "-uses", "2", "-valid-for", "never")).json();
    expect(link).toMatchObject({ uses: 2, next_command: `entmootd join ${link!.link}` });
    expect(link).toHaveProperty("expires_at_ms", 0);
    const listed = await it.run("invite", "list", "-group", group);
    expect(listed.json()).toMatchObject([{ group_id: group, links: [{ id: link!.id, status: "active" }] }]);
    expect(listed.stdout).not.toContain("entmoot://");
    const revoked = await it.run("invite", "revoke", "-group", group, "-link", link!.link as string);
    expect(revoked.json()).toMatchObject([{ id: link!.id, status: "revoked" }]);
    const unknown = await it.run("invite", "revoke", "-group", group, "-id", "0000000000000000");
    expect(unknown.exit).toBe(5);
  });

  test("a group nobody knows here is not found, and leaves nothing behind", async () => {
    using it = home();
    await founded(it);
    const before = readdirSync(join(it.data, "groups"));
    for (const args of [
      ["invite", "create"],
      ["invite", "link"],
      ["invite", "list"],
      ["roster", "add", "-pubkey", STRANGER],
    ]) {
      const refused = await it.run(...args, "-group", STRANGER);
      expect(refused.stderr).toContain(`${args[0]} ${args[1]}: `);
      expect(refused.exit).toBe(3);
    }
    expect(readdirSync(join(it.data, "groups"))).toEqual(before);
  });
});

describe("inputs that are refused without asking anybody", () => {
  test.each([
    [["join"], "join: missing invite"],
    [["join", "/no/such/file"], "invite malformed: read"],
    [["join", "a".repeat(40)], "a token alone is not enough"],
    [["join", "{}"], "join: invite {}"],
    [["join", "http://example.com/invite.json"], "expected https"],
    [["join", "https://user:pw@example.com/"], "without user or password"],
    [["join", "entmoot://join/AAAA"], "moot link"],
    [["join", "entmoot://open-invite?issuer=a&token=b"], "issuer url must be absolute"],
    [["join", "entmoot://open-invite?issuer=http%3A%2F%2Fa.example&token=b"], "issuer url must be https"],
    [["join", "entmoot://open-invite?issuer=http%3A%2F%2Fa.local&token=b"], "http is for this machine alone"],
    [["join", "entmoot://open-invite?issuer=https%3A%2F%2F10.0.0.1&token=b"], "found one of a private network"],
    [["join", "entmoot://fleet?issuer=a"], 'unsupported entmoot link "fleet"'],
    [["group", "public"], "group public: missing op (want: descriptor, publish)"],
    [["group", "public", "x"], 'group public: unknown op "x"'],
    [["group", "public", "publish", "-group", STRANGER], "group public publish: -esp-url is required"],
    [["group", "public", "descriptor", "-group", STRANGER, "-valid-for", "x"], "-valid-for"],
    [["serve", "-transport", "pilot"], "not in this version"],
    [["serve", "-transport", "memory"], "reaches nobody"],
    [["serve", "-hide-ip"], "cannot be kept"],
    [["publish", "-topic", "a", "-content", "b", "-token", "short"], "-token: expected 16 to 64 bytes, found 5"],
    [["publish", "-topic", "a"], "exactly one of -content or -file"],
    [["invite", "link", "-group", STRANGER, "-uses", "-1"], "-uses"],
    [["fleet", "list"], "fleet: Fleet coordination is disabled; set ENTMOOT_ENABLE_FLEET=1 to enable it."],
    [["fleet", "tasks", "list"], "fleet tasks: task coordination is disabled"],
    [["agent-commands", "watch"], "agent-commands: task coordination is disabled"],
  ])("%j", async (args, text) => {
    using it = home();
    const refused = await it.run(...args);
    expect(refused.stderr).toContain(text);
    expect(refused).toMatchObject({ stdout: "", exit: 5 });
  });

  test("coordination that is turned on says that this version does not have it", async () => {
    using it = home();
    const refused = await cli(it.path, ["fleet", "list"], { env: { ENTMOOT_ENABLE_FLEET: "1" } });
    expect(refused.stderr).toContain("not built in this version");
    expect(refused.exit).toBe(1);
  });
});

test("a command that is off says so whatever flags of the original follow it", async () => {
  using it = home();
  const refused = await it.run("fleet", "tasks", "create", "-title", "x", "--json", "-fleet=f");
  expect(refused.stderr).toBe(
    "entmootd: fleet tasks: task coordination is disabled; set ENTMOOT_ENABLE_FLEET=1 and ENTMOOT_ENABLE_TASKS=1 to enable it.\n",
  );
  expect(refused.exit).toBe(5);
});
