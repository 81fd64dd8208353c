import { expect } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { countOf, PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

const WAITING = "another installation or update is under way";

/** `entmootd update` for the installation in `box`. */
function updating(box: Sandbox): Program {
  const command = [BINARY, "update", "-install-dir", join(box.installDir, "bin")];
  return new Program(command, { env: { ...box.env, TMPDIR: undefined }, cwd: box.path });
}

/** Holds the lock of the installation in `box` as an update does, until it is disposed. */
async function locked(box: Sandbox): Promise<Program> {
  const command = [BINARY, "update-lock", "-install-dir", join(box.installDir, "bin")];
  const holder = new Program(command, { env: box.env, stdin: "open" });
  await holder.json({ state: "held" });
  return holder;
}

/** A program that waits for the lock no longer than a moment, and `version` of it. */
function impatient(box: Sandbox, version: string): Buffer {
  box.write("impatient", `#!/bin/sh\nexec '${BINARY}' "$@" -timeout 1ms\n`);
  chmodSync(join(box.home, "impatient"), 0o755);
  return fakeBinary(version, "", join(box.home, "impatient"));
}

for (const shell of SHELLS) {
  test(
    `${shell.join(" ")}: an installation while an update runs says that it waits, and goes on when that has ended`,
    async () => {
      using feed = new FakeFeed();
      using box = new Sandbox(feed);
      await box.install([], { env: { ENTMOOTD_LOCAL_BIN: BINARY } });
      await using update = await locked(box);
      box.write("new", fakeBinary("v2.0.0").toString());
      const env = { ...box.env, ENTMOOTD_LOCAL_BIN: join(box.home, "new") };
      await using install = new Program([...shell, SCRIPT], { env, cwd: box.path });
      await install.line((line) => line.includes(WAITING));
      expect(JSON.parse(await box.said(box.binary, "version")).version).not.toBe("v2.0.0");
      update.closeStdin();
      expect((await update.ended()).status).toBe(0);
      expect(await install.ended()).toMatchObject({ status: 0, stderr: "" });
      expect(await box.version()).toBe("v2.0.0");
    },
    missingTool(shell[0]!),
  );

  test(
    `${shell.join(" ")}: when the other does not end, an installation and an uninstallation say so and change nothing`,
    async () => {
      using feed = new FakeFeed();
      using box = new Sandbox(feed);
      feed.publish({ binary: impatient(box, "v1.0.0") });
      await box.install([], { shell });
      feed.publish({ version: "v2.0.0", serial: 1_800_000_000_000, binary: impatient(box, "v2.0.0") });
      await using _other = await locked(box);
      const before = box.snapshot();
      for (const args of [[], ["uninstall"]]) {
        const { status, stdout, stderr } = await box.run(args, { shell });
        expect(stdout).toContain(WAITING);
        expect(stderr).toContain("is still under way in");
        expect(status).toBe(1);
        expect(box.snapshot()).toEqual(before);
      }
    },
    missingTool(shell[0]!),
  );
}

test("an update while an installation puts things in place is refused, and the installation ends well", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  await box.install([], { env: { ENTMOOTD_LOCAL_BIN: BINARY } });
  // It comes to a stop where everything is ready and nothing is in place yet.
  const PATH = box.withTools({ sync: "echo at sync; read -r go" });
  await using install = new Program(["dash", SCRIPT], { env: { ...box.env, PATH }, cwd: box.path, stdin: "open" });
  await install.line((line) => line === "at sync");
  await using update = updating(box);
  const { status, stderr } = await update.ended();
  expect(stderr).toContain("another update or installation is under way there");
  expect(status).toBe(1);
  install.write("on\n");
  expect(await install.ended()).toMatchObject({ status: 0 });
  expect(await box.version()).toBe("v1.2.3");
});

test("installations at once all end well, with one PATH line", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  for (let round = 0; round < 4; round++) {
    using box = new Sandbox(feed);
    await Promise.all(Array.from({ length: 4 }, () => box.install()));
    expect(await box.version()).toBe("v1.2.3");
    expect(countOf(PATH_MARK, box.read(".bashrc"))).toBe(1);
    expect(readdirSync(join(box.installDir, "bin")).filter((name) => name.startsWith(".install"))).toEqual([]);
  }
});

test("an installation killed while it has the lock is in nobody's way", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  const PATH = box.withTools({ sync: "kill -9 $PPID" });
  expect((await box.run([], { env: { PATH } })).status).toBe(137);
  expect(existsSync(box.binary)).toBe(false);
  await box.install();
  expect(await box.version()).toBe("v1.2.3");
  await using other = await locked(box);
  other.kill("SIGKILL");
  await other.ended();
  await box.install();
});

test("an interrupt ends the wait for another, and what waited", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  feed.publish({ version: "v2.0.0", serial: 1_800_000_000_000 });
  await using _other = await locked(box);
  const before = box.snapshot();
  for (const [shell, signal] of [
    ["dash", "SIGINT"],
    ["bash", "SIGTERM"],
    ["dash", "SIGHUP"],
  ] as const) {
    await using install = new Program([shell, SCRIPT], { env: box.env, cwd: box.path });
    await install.line((line) => line.includes(WAITING));
    install.kill(signal);
    expect((await install.ended()).status).toBeGreaterThan(128);
    expect(box.snapshot()).toEqual(before);
  }
});

test("a newer release that came while this one was fetched stays", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.0.0", serial: 10 });
  using box = new Sandbox(feed);
  await box.install();
  feed.publish({ version: "v2.0.0", serial: 20 });
  const serial = join(box.installDir, "bin/.entmoot-serial");
  // mkfifo is what comes right before the lock.
  const PATH = box.withTools({ mkfifo: `echo 30 >'${serial}'; exec '${Bun.which("mkfifo")}' "$@"` });
  const { status, stderr } = await box.run([], { env: { PATH } });
  expect([status, stderr]).toEqual([1, expect.stringContaining("its serial 20 is older than 30")]);
  expect(await box.version()).toBe("v1.0.0");
  expect(readFileSync(serial, "utf8")).toBe("30\n");
});

test("a lock that cannot be taken is told, and stops nobody", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  box.write(".entmoot/bin/.entmootd.lock/x", "");
  const { status, stderr } = await box.run();
  expect([status, stderr]).toEqual([0, expect.stringMatching(/bin: cannot be locked \(.*update-lock: .*\)/)]);
  await box.install(["uninstall"]);
  expect(existsSync(box.installDir)).toBe(false);
});

test("a program that is killed before it locks is told, and stops nobody", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  box.write("killed", "#!/bin/sh\nkill -9 $$\n");
  chmodSync(join(box.home, "killed"), 0o755);
  feed.publish({ binary: fakeBinary("v1.0.0", "", join(box.home, "killed")) });
  const { status, stderr } = await box.run();
  expect([status, stderr]).toEqual([0, expect.stringMatching(/bin: cannot be locked \(update-lock: was killed\)/)]);
  expect(await box.version()).toBe("v1.0.0");
});

test("an uninstallation keeps others waiting until it has removed the last file that could be theirs", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  const asks = `'${BINARY}' update-lock -install-dir '${join(box.installDir, "bin")}' -timeout 1ms </dev/null`;
  const PATH = box.withTools({
    rm: `case $* in *.entmoot-serial*) ${asks} >'${box.home}/asked' 2>&1 ;; esac\nPATH=\${PATH#*:} exec rm "$@"`,
  });
  await box.install(["uninstall"], { env: { PATH } });
  expect(JSON.parse(box.read("asked").split("\n")[0]!)).toMatchObject({ state: "waiting" });
  expect(existsSync(box.installDir)).toBe(false);
});

test("an interrupt also ends a program that neither locks nor ends", async () => {
  using box = new Sandbox();
  // It ends with the pipe that this test holds, if it is not ended before.
  const hangs = "case $1 in update-lock) echo here >&4; exec cat <&3 ;; esac";
  box.write("built", fakeBinary("v1.0.0", hangs).toString());
  const env = { ...box.env, ENTMOOTD_LOCAL_BIN: join(box.home, "built") };
  const command = ["dash", "-c", 'exec 3<&0 4>&1; exec dash "$0"', SCRIPT];
  await using install = new Program(command, { env, cwd: box.path, stdin: "open" });
  await install.line((line) => line === "here");
  install.kill("SIGTERM");
  expect((await install.ended()).status).toBe(143);
  expect(existsSync(box.installDir)).toBe(false);
});
