import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cli } from "../support/cli.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A home, and a command line in it. */
function home() {
  const directory = new TemporaryDirectory();
  return {
    path: directory.path,
    data: join(directory.path, ".entmoot"),
    run: (...args: string[]) => cli(directory.path, args),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

test("a policy is set from what policy status -json printed, and one with too few keys is told which there are", async () => {
  using it = home();
  await it.run("group", "create", "-name", "agora");
  const status = await it.run("policy", "status", "-json");
  const file = join(it.path, "ps.json");
  writeFileSync(file, status.stdout.replace('"6/min"', '"7/min"'));
  const set = await it.run("policy", "set", "-file", file, "-json");
  expect(set.json()).toMatchObject([{ policy: { message_rate_per_author: "7/min" }, published: true }]);
  writeFileSync(file, '{"message_rate_per_author":"6/min"}');
  const few = await it.run("policy", "set", "-file", file);
  expect(few).toMatchObject({ exit: 5, stdout: "" });
  expect(few.stderr).toContain("message_burst_per_author, byte_rate_per_author, ");
  expect(few.stderr).toContain("are missing; a policy has ten keys: message_rate_per_author, ");
});

test("what fails before anything is begun leaves nothing behind, and names the file and what to do", async () => {
  using it = home();
  const missing = await it.run("import", join(it.path, "nope.entmoot"));
  expect([missing.exit, missing.stderr]).toEqual([
    5,
    `entmootd: import: ${join(it.path, "nope.entmoot")}: no such file\n`,
  ]);
  const empty = join(it.path, "empty.entmoot");
  writeFileSync(empty, "");
  expect((await it.run("import", empty)).stderr).toContain(
    'an empty file; expected an archive that "entmootd export" wrote',
  );
  expect(existsSync(it.data)).toBe(false);
  // No identity can be made there, and what stood around it goes again.
  const failed = await it.run("group", "create", "-name", "agora", "-identity", "/dev/null/identity.json");
  expect([failed.exit, failed.stdout]).toEqual([1, ""]);
  expect(existsSync(it.data)).toBe(false);
  // A folder that was there stays.
  mkdirSync(it.data);
  await it.run("group", "create", "-name", "agora", "-identity", "/dev/null/identity.json");
  expect(existsSync(it.data)).toBe(true);
});

test("an export names its target, and is no file called -", async () => {
  using it = home();
  await it.run("group", "create", "-name", "agora");
  const target = join(it.path, "nodir", "sq.entmoot");
  const nowhere = await it.run("export", "agora", target);
  expect(nowhere).toMatchObject({ exit: 1, stdout: "" });
  expect(nowhere.stderr).toContain(`${target}: its folder is not there; make it first, or choose another file`);
  const dash = await it.run("export", "agora", "-");
  expect([dash.exit, dash.stderr]).toEqual([5, expect.stringContaining("nothing is written to stdout; name a file")]);
  const page = join(it.path, "page.md");
  await it.run("policy", "set", "-preset", "relaxed");
  await it.run("export", "agora", page, "-format", "markdown");
  expect(readFileSync(page, "utf8")).toContain("(the policy was changed)");
  expect(readFileSync(page, "utf8")).not.toContain("message_rate_per_author");
});

test("a name that hides, breaks a line or is another moot's id is given to none", async () => {
  using it = home();
  const [{ group_id }] = (await it.run("group", "create", "-name", "agora")).json() as [{ group_id: string }];
  for (const name of ["a\nb", "a\u202eb", "a\u2066b", "a\u0007b", "a\u200fb", group_id]) {
    const made = await it.run("group", "create", "-name", name);
    expect({ name, exit: made.exit, stdout: made.stdout }).toEqual({ name, exit: 5, stdout: "" });
    expect((await it.run("group", "update", "-group", group_id, "-name", name)).exit).toBe(5);
  }
  const [forest] = (await it.run("group", "create", "-name", "forest")).json();
  const renamed = await it.run("group", "update", "-group", String(forest!.group_id), "-name", "agora");
  expect(renamed.json()).toMatchObject([{ name: "agora", changed: true, same_name: 1 }]);
  expect(renamed.stderr).toContain("another moot here has that name; tell them apart by id");
});

test("who is removed is named by a key or a member, and what is written for a key is said to be none", async () => {
  using it = home();
  await it.run("group", "create", "-name", "agora");
  expect((await it.run("roster", "remove", "-node", "7")).stderr).toContain("-pubkey or -member is required");
  const wrong = await it.run("roster", "remove", "-pubkey", "nope");
  expect(wrong.stderr).toContain(
    '-pubkey: expected a key, 32 bytes in base64 or hex, as "entmootd info" of that node shows it, found "nope"',
  );
});
