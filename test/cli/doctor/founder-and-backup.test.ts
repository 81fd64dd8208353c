import { expect, test } from "bun:test";
import { join } from "node:path";
import { cli } from "../../support/cli.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const STRANGER = new Uint8Array(32).fill(6).toBase64();

test("a founder that was alone when the backup was made signs nothing on what was restored until -alone is given", async () => {
  using home = new TemporaryDirectory();
  const run = (data: string, ...args: string[]) => cli(home.path, ["-data", join(home.path, data), ...args]);
  const [created] = (await run("a", "group", "create", "-name", "council")).json();
  const group = created!.group_id as string;
  const kept = join(home.path, "kept");
  expect((await run("a", "backup", kept)).exit).toBe(0);

  // Until its owner's word what is to be done is to give it, whoever asks.
  expect((await run("twin", "restore", kept)).exit).toBe(0);
  const held = await run("twin", "doctor");
  expect(held.stdout).toMatch(/daemon: FAILED daemon_held: .*\n *next: entmootd .*restore -original-stopped/);
  expect(held.stdout).not.toMatch(/next: .* serve\b/);
  const asked = await run("twin", "publish", "-topic", "t", "-content", "x");
  expect([asked.exit, asked.stderr]).toEqual([6, expect.stringContaining("restore -original-stopped")]);
  expect((await run("twin", "restore", "-original-stopped")).exit).toBe(0);
  for (const args of [
    ["roster", "add", "-group", group, "-pubkey", STRANGER],
    ["policy", "set", "-group", group, "-preset", "standard"],
    ["group", "update", "-group", group, "-name", "other"],
  ]) {
    const refused = await run("twin", ...args);
    expect([args[1], refused.exit, refused.stderr]).toEqual([args[1], 1, expect.stringContaining("-alone")]);
  }
  const [roster] = (await run("twin", "doctor", "-json")).json()[0]!.groups as { checks: { diagnosis: string }[] }[];
  expect(roster!.checks).toContainEqual(
    expect.objectContaining({
      diagnosis: "founder_alone",
      next_command: expect.stringContaining(`invite link -group ${group} -alone`),
    }),
  );
  expect((await run("twin", "invite", "link")).stderr).toContain("nobody is let in by it yet");
  const word = await run("twin", "invite", "link", "-alone");
  expect([word.exit, word.stderr]).toEqual([0, ""]);
  expect((await run("twin", "roster", "add", "-group", group, "-pubkey", STRANGER)).exit).toBe(0);
});
