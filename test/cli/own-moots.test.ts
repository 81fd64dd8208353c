import { expect, test } from "bun:test";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cli } from "../support/cli.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

function home() {
  const directory = new TemporaryDirectory();
  const run = (...args: string[]) => cli(directory.path, args);
  return { data: join(directory.path, ".entmoot"), run, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

test("a moot is forgotten once its archive is whole, and never without one that was not declined", async () => {
  using it = home();
  await it.run("group", "create", "-name", "council");
  const exports = join(it.data, "exports");
  writeFileSync(exports, "in the way");
  const refused = await it.run("group", "forget", "-yes");
  expect(refused).toMatchObject({ exit: 1, stderr: expect.stringContaining(exports) });
  expect((await it.run("group", "list", "-json")).json()).toMatchObject([{ name: "council" }]);
  rmSync(exports);
  const [forgotten] = (await it.run("group", "forget", "-yes")).json();
  expect(statSync(forgotten!.kept_at as string).mode & 0o777).toBe(0o600);
  expect(readdirSync(exports)).toHaveLength(1);
  expect((await it.run("import", forgotten!.kept_at as string)).exit).toBe(0);
  expect((await it.run("group", "forget", "-yes", "-keep=false")).json()).toEqual([
    { event: "forgotten", group_id: forgotten!.group_id },
  ]);
  expect(readdirSync(exports)).toHaveLength(1);
  expect(readdirSync(join(it.data, "groups"))).toEqual([]);
});

test("what a moot is called changes as said, and what cannot be meant is refused with the flag", async () => {
  using it = home();
  await it.run("group", "create", "-name", "council", "-tag", "old");
  for (const [args, said] of [
    [["group", "update"], "expected -name, -description or -tag, one at least"],
    [["group", "update", "-name", " "], "-name is empty"],
    [["group", "update", "-tag", "a", "-tag", ""], "-tag is empty"],
    [["group", "update", "-name", "x".repeat(300)], "name"],
    [["group", "leave"], "the founder cannot leave its moot"],
    [["group", "leave", "-yes"], "the founder cannot leave its moot"],
    [["group", "leave", "-wait", "soon", "-yes"], "-wait"],
    [["group", "forget"], "not forgotten; say -yes to go on"],
    [["roster", "history", "-limit", "0"], "-limit"],
    [["roster", "history", "-before", "x"], "-before"],
    [["roster", "remove", "-member", "1", "-pubkey", "x"], "expected -pubkey or -member, not both"],
    [["policy", "set"], "choose -preset or -file"],
    [["policy", "set", "-preset", "relaxed", "-file", "x"], "choose either -preset or -file, not both"],
    [["policy", "set", "-preset", "loose"], 'unknown policy preset "loose" (want: standard, relaxed, none)'],
    [["policy", "set", "-preset", "none", "-retention", "3"], "-retention"],
    [["policy", "set", "-file", "/nowhere"], 'read policy file "/nowhere"'],
    [["policy", "explain"], "expected a MESSAGE_ID or -file DRAFT"],
    [["policy", "explain", "AAAAAAAAAA", "-topic", "x"], "-topic is of a draft"],
    [["policy", "loosen"], 'policy: unknown op "loosen"'],
    [["group", "policy"], "group policy: missing op"],
  ] as const) {
    const { exit, stderr, stdout } = await it.run(...args);
    expect({ args, exit, stdout, stderr }).toEqual({
      args,
      exit: 5,
      stdout: "",
      stderr: expect.stringContaining(said),
    });
  }
  expect((await it.run("group", "update", "-description", "of trees")).json()).toMatchObject([
    { name: "council", description: "of trees", tags: ["old"], changed: true },
  ]);
  expect((await it.run("group", "update", "-tag", "", "-name", "parliament")).json()).toEqual([
    { group_id: expect.any(String), name: "parliament", description: "of trees", changed: true },
  ]);
  expect((await it.run("group", "list", "-group", "parliament", "-json")).json()).toMatchObject([
    { name: "parliament", members: 1, founder: true, policy: "standard", retention_days: 30 },
  ]);
  const text = (await it.run("group", "list")).stdout;
  expect(text).toContain("parliament  ");
  expect(text).toContain("1 member, 0 messages, keeps 30 days, policy standard, founded here\n  of trees\n");
});

test("a policy file is set as it stands, and shown so that it can be set again", async () => {
  using it = home();
  await it.run("group", "create", "-name", "council");
  const [shown] = (await it.run("policy", "status", "-json")).json();
  expect(shown).toMatchObject({ policy_name: "standard", source: "founding", effective_mode: "stored_policy" });
  const file = join(it.data, "policy.json");
  const policy = { ...(shown!.policy as object), max_message_bytes: 100 };
  writeFileSync(file, JSON.stringify(policy));
  const [set] = (await it.run("policy", "set", "-file", file, "-json")).json();
  expect(set).toMatchObject({ policy, policy_name: "custom", source: `file:${file}`, published: true });
  expect((await it.run("group", "policy", "status")).stdout).toContain("\nname: custom\n");
  writeFileSync(file, JSON.stringify({ ...policy, more: 1 }));
  expect((await it.run("policy", "set", "-file", file)).stderr).toContain("decode policy file");
  writeFileSync(file, JSON.stringify({ ...policy, retention_days: 0 }));
  expect((await it.run("policy", "set", "-file", file)).stderr).toContain("retention_days must be positive");
  writeFileSync(file, "b".repeat(101));
  const explained = await it.run("policy", "explain", "-file", file);
  expect(explained.stdout).toMatch(/^refused by max_message_bytes: .*\ntry again once the founder has set a policy/);
  const [roster] = (await it.run("roster", "list", "-json")).json();
  expect(roster).toMatchObject({ founder: true, self: true, status: "member" });
  const history = (await it.run("roster", "history", "-json")).json();
  expect(history).toMatchObject([
    { number: 1, op: "policy_change", by_node_id: roster!.node_id },
    { number: 0, op: "add", node_id: roster!.node_id, member: true },
  ]);
});
