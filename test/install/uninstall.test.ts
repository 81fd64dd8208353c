import { expect } from "bun:test";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

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

test("where the data root is elsewhere, runtime.env stays and leads the next installation there", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  const elsewhere = join(box.home, "else where");
  box.write("else where/identity.json", "secret");
  const file = box.read(".entmoot/runtime.env");
  box.write(".entmoot/runtime.env", file.replace(`ENTMOOT_DATA='${box.installDir}'`, `ENTMOOT_DATA='${elsewhere}'`));
  const said = await box.install(["uninstall"]);
  expect(said).toContain(`kept ${box.installDir}/runtime.env: it tells where identity and data are\n`);
  expect(said).toContain(`kept ${elsewhere} with identity, moots and messages\n`);
  await box.install();
  expect(await box.said(box.alias, "x")).toContain(`-data\n${elsewhere}\n`);
  expect(await box.install(["uninstall", "--purge", "--yes"])).toContain(`kept ${elsewhere} with identity,`);
  expect(existsSync(box.installDir)).toBe(false);
  expect(box.read("else where/identity.json")).toBe("secret");
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
    // busybox under another name does what its first word says: here it waits for its stdin, and knows no `stop`.
    copyFileSync(Bun.which("busybox")!, box.binary);
    const child = Bun.spawn([box.binary], { argv0: "cat", env: {}, stdin: "pipe" });
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

/** A feed whose program notes in the home folder that it was asked to stop. */
function publishStoppable(feed: FakeFeed): void {
  feed.publish({ binary: fakeBinary("v1.0.0", 'case $* in *" stop") echo >"$HOME/asked to stop" ;; esac') });
}

for (const shell of SHELLS) {
  test(
    `${shell.join(" ")}: in a folder that is read-only nothing is stopped, and --dry-run says so`,
    async () => {
      using feed = new FakeFeed();
      publishStoppable(feed);
      using box = new Sandbox(feed);
      await box.install();
      const before = box.snapshot();
      const inside = `mount --bind "$HOME/.entmoot" "$HOME/.entmoot" && mount -o remount,bind,ro "$HOME/.entmoot" && exec "$@"`;
      for (const args of [["--dry-run"], [], ["--purge", "--yes"]]) {
        const command = ["unshare", "-m", "sh", "-c", inside, "sh", ...shell, SCRIPT, "uninstall", ...args];
        await using program = new Program(command, { env: box.env, cwd: box.path });
        const { status, stderr } = await program.ended();
        expect([status, stderr]).toEqual([
          1,
          `install.sh: ${box.installDir}: cannot be written; nothing was removed\n`,
        ]);
      }
      expect(box.snapshot()).toEqual(before);
    },
    (process.getuid?.() === 0 ? missingTool("unshare") : "needs root") ?? missingTool(shell[0]!),
  );
}

test("what fails after the daemon was stopped says how to start it again", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  const PATH = box.withTools({ rm: `case $* in *bin/entmootd) exit 1 ;; esac\nexec ${Bun.which("rm")} "$@"` });
  const { status, stderr } = await box.run(["uninstall"], { env: { PATH, FAKE_STOP_STATUS: "0" } });
  expect(status).toBe(1);
  expect(stderr).toContain(`the daemon was stopped, start it again: '${box.installDir}/entmoot' serve\n`);
});

test("what the program unpacked for itself goes with it, and nothing else", async () => {
  using feed = new FakeFeed();
  using box = await installed(feed);
  const hash = "0123456789abcdef".repeat(4);
  const others = [`lib/${hash}/letter`, "lib/mine/iroh.node", `lib/${"0".repeat(63)}/iroh.node`, "iroh.node"];
  for (const path of others) box.write(`.entmoot/${path}`, "mine");
  const unpacked = [`lib/${hash}/iroh.node`, `lib/${hash}/.iroh.node.1.0123abcd`, `lib/${"f".repeat(64)}/iroh.node`];
  for (const path of unpacked) box.write(`.entmoot/${path}`, "unpacked");
  await box.install(["uninstall"]);
  expect(others.map((path) => box.read(`.entmoot/${path}`))).toEqual(others.map(() => "mine"));
  expect(unpacked.map((path) => box.read(`.entmoot/${path}`))).toEqual(unpacked.map(() => ""));
  expect(existsSync(join(box.installDir, "lib", "f".repeat(64)))).toBe(false);
});
