import { expect } from "bun:test";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed } from "./fake-feed.ts";
import { Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) =>
  testWhere(needs ?? missing, name, run, 60_000);

/** An installation with an identity and messages in it. */
async function installed(feed: FakeFeed, shell?: readonly string[]): Promise<Sandbox> {
  feed.publish();
  const box = new Sandbox(feed);
  box.write(".bashrc", "# mine\n");
  await box.install([], shell === undefined ? {} : { shell });
  box.write(".entmoot/identity.json", "secret");
  box.write(".entmoot/groups/abc/messages.sqlite", "messages");
  return box;
}

for (const shell of SHELLS) {
  test(
    `${shell.join(" ")}: uninstall removes the program and keeps identity and data`,
    async () => {
      using feed = new FakeFeed();
      using box = await installed(feed, shell);
      expect(await box.install(["uninstall"], { shell })).toContain("kept ");
      expect(readdirSync(box.installDir).toSorted()).toEqual(["groups", "identity.json"]);
      expect(box.read(".entmoot/groups/abc/messages.sqlite")).toBe("messages");
      expect(box.read(".bashrc")).toBe("# mine\n");
      await box.install(["uninstall"], { shell });
      await box.install([], { shell });
      expect(box.read(".entmoot/identity.json")).toBe("secret");
    },
    missingTool(shell[0]!),
  );
}

test("where nothing was but the program, nothing is left", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install(["--no-path"]);
  await box.install(["uninstall"]);
  expect(readdirSync(box.home)).toEqual([]);
  expect(await box.install(["uninstall"])).toContain("nothing to remove");
});

test("runtime.env stays when somebody wrote in it", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  box.write(".entmoot/runtime.env", `${box.read(".entmoot/runtime.env")}export MINE=1\n`);
  expect(await box.install(["uninstall"])).toContain("it has lines of yours");
  expect(box.read(".entmoot/runtime.env")).toContain("export MINE=1");
});

test(
  "purge without a terminal to ask on removes nothing",
  async () => {
    using feed = new FakeFeed();
    using box = await installed(feed);
    const before = box.snapshot();
    const command = ["setsid", "--wait", "dash", SCRIPT, "uninstall", "--purge"];
    await using program = new Program(command, { env: box.env, cwd: box.path });
    const { status, stderr } = await program.ended();
    expect(stderr).toContain("add --yes");
    expect(status).toBe(1);
    expect(box.snapshot()).toEqual(before);
  },
  missingTool("setsid"),
);

for (const [answer, gone] of [
  ["yes", true],
  ["no", false],
  ["", false],
] as const) {
  test(
    `purge asks on the terminal; "${answer}" ${gone ? "removes all" : "removes nothing"}`,
    async () => {
      using feed = new FakeFeed();
      using box = await installed(feed);
      const before = box.snapshot();
      // `script` gives it a terminal, and what is written to it is typed there.
      const command = ["script", "-qec", `dash '${SCRIPT}' uninstall --purge`, "/dev/null"];
      await using program = new Program(command, { env: box.env, cwd: box.path, stdin: `${answer}\n` });
      const { status, stdout } = await program.ended();
      expect(stdout).toContain("The identity cannot be made again");
      expect([status === 0, existsSync(box.installDir)]).toEqual([gone, !gone]);
      if (!gone) expect(box.snapshot()).toEqual(before);
    },
    missingTool("script"),
  );
}

test("purge with --yes removes all, and nothing beside", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  await box.install(["uninstall", "--purge", "--yes"]);
  expect(readdirSync(box.home)).toEqual([".bashrc"]);
  expect(box.read(".bashrc")).toBe("# mine\n");
});

test("purge refuses a folder that is no data root, and one that holds the home folder", async () => {
  using box = new Sandbox();
  box.write("letters/one", "dear");
  const run = (home: string) => box.run(["uninstall", "--purge", "--yes"], { env: { ENTMOOT_HOME: home } });
  expect((await run(join(box.home, "letters"))).stderr).toContain("expected a data root");
  expect((await run(box.home)).stderr).toContain("holds the home folder");
  expect((await run(box.path)).stderr).toContain("holds the home folder");
  expect((await run("/")).status).toBe(1);
  expect((await run("relative")).stderr).toContain("expected an absolute path");
  expect(box.read("letters/one")).toBe("dear");
});

test("a daemon that does not stop keeps its program", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  const before = box.snapshot();
  const { status, stderr } = await box.run(["uninstall"], { env: { FAKE_STOP_STATUS: "1" } });
  expect([status, stderr]).toEqual([1, expect.stringContaining("the daemon does not stop")]);
  expect(box.snapshot()).toEqual(before);
});

test("a daemon that runs is stopped first", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  expect(await box.install(["uninstall"], { env: { FAKE_STOP_STATUS: "0" } })).toContain("stopped the daemon");
});

test(
  "a process of the program that no daemon's socket tells of is named, and keeps its program",
  async () => {
    using feed = new FakeFeed();
    using box = await installed(feed);
    // busybox under another name does what its first word says: here it sleeps, and knows no `stop`.
    copyFileSync(Bun.which("busybox")!, box.binary);
    const child = Bun.spawn([box.binary, "600"], { argv0: "sleep", env: {} });
    try {
      const { status, stderr } = await box.run(["uninstall", "--purge", "--yes"]);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`still runs as process ${child.pid}`)]);
      expect(existsSync(box.binary)).toBe(true);
      expect(box.read(".entmoot/identity.json")).toBe("secret");
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
  },
  process.platform === "linux" ? missingTool("busybox") : "needs /proc",
);

test("--dry-run says what uninstall would do, and does not", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  const before = box.snapshot();
  expect(await box.install(["uninstall", "--purge", "--dry-run"])).toContain("would stop the daemon and remove EVERY");
  expect(box.snapshot()).toEqual(before);
});

test("helpers of an earlier Entmoot go when they are of this installation", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  box.write(".pilot/pilot", `#!/bin/sh\n# entmoot-runtime-helper: ${box.installDir}\n`);
  box.write(".pilot/start-entmoot-stack.sh", "#!/bin/sh\n# entmoot-runtime-helper: /somewhere/else\n");
  await box.install(["uninstall"]);
  expect(readdirSync(join(box.home, ".pilot"))).toEqual(["start-entmoot-stack.sh"]);
});
