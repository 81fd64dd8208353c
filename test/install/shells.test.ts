import { expect } from "bun:test";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { countOf, PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl");

/** Shells that people pipe the script into although it says sh, and what stands behind sh on some systems. */
const OTHERS: readonly (readonly string[])[] = [["bash", "--posix"], ["ksh93"], ["mksh"], ["posh"], ["yash"], ["zsh"]];

// Nobody has all of them, and some systems have no package of one: those that are there are tried.
const absent = OTHERS.filter(([shell]) => Bun.which(shell!) === null).map(([shell]) => shell);
if (absent.length > 0)
  console.log(`install.sh is not tried in shells that this machine does not have: ${absent.join(", ")}`);
const present = OTHERS.filter(([shell]) => !absent.includes(shell));

for (const shell of [...SHELLS, ...present]) {
  const where = (name: string, run: () => Promise<void>) =>
    testWhere(needs ?? missingTool(shell[0]!), `${shell.join(" ")}: ${name}`, run);

  where("a release is installed, judged by its numbers, locked, updated and removed", async () => {
    using feed = new FakeFeed();
    using box = new Sandbox(feed);
    box.write(".bashrc", "# mine");
    feed.publish({ version: "v1.2.3" });
    expect(await box.install([], { shell, piped: await Bun.file(SCRIPT).text() })).toContain("signed by release key");
    expect(await box.version()).toBe("v1.2.3");
    expect(countOf(PATH_MARK, box.read(".bashrc"))).toBe(1);
    expect(box.read(".entmoot/bin/.entmoot-serial")).toBe("1700000000000\n");
    expect(await box.install([], { shell })).toContain("entmootd v1.2.3 is there already");

    // Numbers of more than 31 bits, of which the low ones alone would say the opposite.
    const refused = async (said: string) => {
      const { status, stderr } = await box.run([], { shell });
      expect([status, stderr]).toEqual([1, expect.stringContaining(said)]);
    };
    feed.publish({ version: "v1.2.4", serial: 1_700_000_000_000 - 2 ** 32 });
    await refused("is older than 1700000000000");
    feed.publish({ version: "v1.2.4", serial: 1_700_000_000_001, expiresAtMs: Date.now() - 2_000 });
    await refused("the manifest has expired");
    feed.publish({ version: "v1.2.4", serial: 1_700_000_000_001, edit: (manifest) => grow(manifest, 2 ** 32) });
    await refused("expected at most 536870912 bytes");

    feed.publish({ version: "v1.2.4", serial: 1_700_000_000_000 + 2 ** 33, expiresAtMs: Date.now() + 2 ** 31 * 1000 });
    await box.install([], { shell });
    expect(await box.version()).toBe("v1.2.4");
    expect(await box.said(box.alias, "publish")).toContain("-data");
    expect(await box.install(["uninstall"], { shell })).toContain("removed the program");
    expect(box.read(".bashrc")).toBe("# mine");
    expect(readdirSync(box.home)).toEqual([".bashrc"]);
    expect(readdirSync(box.temporary)).toEqual([]);
  });

  where("the lock is held until it is done, and given back", async () => {
    using feed = new FakeFeed();
    using box = new Sandbox(feed);
    box.write("impatient", `#!/bin/sh\nexec '${BINARY}' "$@" -timeout 1ms\n`);
    chmodSync(join(box.home, "impatient"), 0o755);
    const binary = (version: string) => fakeBinary(version, "", join(box.home, "impatient"));
    feed.publish({ binary: binary("v1.0.0") });
    await box.install([], { shell });
    const command = [BINARY, "update-lock", "-install-dir", join(box.installDir, "bin")];
    await using other = new Program(command, { env: { PATH: process.env.PATH, HOME: box.home }, stdin: "open" });
    await other.json({ state: "held" });
    feed.publish({ version: "v2.0.0", serial: 1_800_000_000_000, binary: binary("v2.0.0") });
    const { status, stderr } = await box.run([], { shell });
    expect([status, stderr]).toEqual([1, expect.stringContaining("is still under way in")]);
    other.closeStdin();
    await other.ended();
    await box.install([], { shell });
    expect(await box.version()).toBe("v2.0.0");
  });
}

function grow(manifest: Readonly<Record<string, unknown>>, by: number): void {
  for (const file of manifest.files as { size: number }[]) file.size += by;
}
