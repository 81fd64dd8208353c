import { expect } from "bun:test";
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, renameSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { sliceOf } from "../support/slice.ts";
import { FakeFeed } from "./fake-feed.ts";
import { countOf, Sandbox } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>) => testWhere(needs, name, run);

/** What the original's installer leaves: its settings without export, and a program that knows neither stop nor locks. */
function originalInstallation(box: Sandbox): void {
  const line = (name: string, value: string) => `if [ -z "\${${name}+x}" ]; then ${name}='${value}'; fi\n`;
  const settings = [
    line("ENTMOOT_BIN", `${box.installDir}/bin/entmootd`),
    line("ENTMOOT_DATA", box.installDir),
    line("ENTMOOT_HIDE_IP", "1"),
    line("PILOT_SOCKET", "/run/pilot.sock"),
    line("PILOT_HOSTNAME", "ent"),
  ];
  box.write(".entmoot/runtime.env", `# defaults\n${settings.join("")}${line("OPENCLAW_BIN", "/opt/claw")}`);
  box.write(".entmoot/entmoot", `#!/bin/sh\n. "\${ENTMOOT_RUNTIME_ENV:-x}"\n`);
  box.write(".entmoot/bin/entmootd", "#!/bin/sh\necho 'unknown command' >&2\nexit 5\n");
  box.link(".entmoot/bin/entmoot", "../entmoot");
  box.write(".entmoot/identity.json", "secret");
  box.write(".pilot/pilot", `#!/bin/sh\n. '${box.installDir}/runtime.env'\n`);
  chmodSync(box.binary, 0o755);
}

test("an installation of the original is taken over with its settings, which can be changed from then on", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  originalInstallation(box);
  await box.install();
  expect(await box.version()).toBe("v1.0.0");
  const first = box.read(".entmoot/runtime.env");
  expect(first).toStartWith(`# defaults\nif [ -z "\${OPENCLAW_BIN+x}" ]; then OPENCLAW_BIN='/opt/claw'; fi\n# >>>`);
  expect(first).toContain(`PILOT_HOSTNAME='ent'; fi; export PILOT_HOSTNAME\n`);
  expect(countOf("then PILOT_SOCKET=", first)).toBe(1);
  expect(await box.said(box.alias, "x")).toStartWith("-hide-ip\n-socket\n/run/pilot.sock\n");
  await box.install([], { env: { ENTMOOT_HIDE_IP: "0" } });
  expect(await box.said(box.alias, "x")).toStartWith("-socket\n/run/pilot.sock\n");
  expect(box.read(".entmoot/identity.json")).toBe("secret");
});

test("a runtime.env that others may not read stays that way", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  const mode = () => lstatSync(join(box.installDir, "runtime.env")).mode & 0o777;
  expect(mode()).toBe(0o644);
  chmodSync(join(box.installDir, "runtime.env"), 0o600);
  await box.install([], { env: { PILOT_HOSTNAME: "ent" } });
  expect(box.read(".entmoot/runtime.env")).toContain("PILOT_HOSTNAME='ent'");
  expect(mode()).toBe(0o600);
});

test("an identity that an earlier installation pinned is let go, and one that somebody wrote there stays", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const line = (file: string) => `if [ -z "\${ENTMOOT_IDENTITY+x}" ]; then ENTMOOT_IDENTITY='${file}'; fi`;
  originalInstallation(box);
  box.write(".entmoot/runtime.env", `${box.read(".entmoot/runtime.env")}${line(`${box.installDir}/identity.json`)}\n`);
  for (let round = 0; round < 2; round++) {
    await box.install();
    expect(box.read(".entmoot/runtime.env")).not.toContain("ENTMOOT_IDENTITY");
  }
  const file = box.read(".entmoot/runtime.env").replace("\n# <<< written", `\n${line("/keys/mine")}\n# <<< written`);
  box.write(".entmoot/runtime.env", file);
  await box.install();
  expect(box.read(".entmoot/runtime.env")).toContain(`${line("/keys/mine")}; export ENTMOOT_IDENTITY\n`);
});

test("an identity that an earlier installation pinned stays where the data root is elsewhere", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const line = (name: string, file: string) =>
    `if [ -z "\${${name}+x}" ]; then ${name}='${file}'; fi; export ${name}\n`;
  await box.install();
  const identity = line("ENTMOOT_IDENTITY", `${box.installDir}/identity.json`);
  const here = line("ENTMOOT_DATA", box.installDir);
  const file = box.read(".entmoot/runtime.env");
  expect(file).toContain(here);
  box.write(".entmoot/runtime.env", file.replace(here, `${line("ENTMOOT_DATA", `${box.home}/elsewhere`)}${identity}`));
  for (let round = 0; round < 2; round++) {
    await box.install();
    expect(countOf(identity, box.read(".entmoot/runtime.env"))).toBe(1);
  }
});

test("an installation of the original is removed, and its identity stays", async () => {
  using box = new Sandbox();
  originalInstallation(box);
  await box.install(["uninstall"]);
  expect(readdirSync(box.installDir).toSorted()).toEqual(["identity.json", "runtime.env"]);
  expect(existsSync(join(box.home, ".pilot/pilot"))).toBe(false);
});

for (const place of ["entmoot", "bin/entmoot"]) {
  test(`a file of somebody else's at ${place} is neither replaced nor removed`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    box.write(`.entmoot/${place}`, "a story of trees\n");
    const before = box.snapshot();
    const { status, stderr } = await box.run();
    expect([status, stderr]).toEqual([1, expect.stringContaining("has nothing to do with entmootd; move it away")]);
    expect(box.snapshot()).toEqual(before);
    await box.install(["uninstall"]);
    expect(box.read(`.entmoot/${place}`)).toBe("a story of trees\n");
  });
}

test("whatever updates and killed runs left beside the program goes with it", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  box.write(".entmoot/identity.json", "secret");
  const left = `.entmootd.lock .entmootd.lock-journal .entmootd.part-${"ab".repeat(32)} .entmootd.new-1 .entmootd.swap-1
    .entmootd.tmp.1 .entmoot-version .entmoot-version.tmp .entmoot-serial.tmp .entmoot-self-test-x entmootd.previous
    entmootd.bak`;
  for (const name of left.split(/\s+/)) box.write(`.entmoot/bin/${name}`, "left");
  await box.install(["uninstall"]);
  expect(readdirSync(box.installDir)).toEqual(["identity.json"]);
});

test("~/.entmoot may be a link: purge removes what it leads to, and nothing else", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  mkdirSync(join(box.path, "disk/entmoot"), { recursive: true });
  box.link(".entmoot", "../disk/entmoot");
  await box.install();
  box.write(".entmoot/identity.json", "secret");
  expect(await box.said(box.alias, "x")).toContain(`-data\n${box.installDir}\n`);
  await box.install(["uninstall", "--purge", "--yes"]);
  expect(readdirSync(join(box.path, "disk"))).toEqual([]);
  expect(readdirSync(box.home)).toEqual([]);
});

test("~/.entmoot/bin may be a link: the alias still leads to the wrapper", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  mkdirSync(join(box.path, "programs"));
  box.link(".entmoot/bin", join(box.path, "programs"));
  await box.install();
  expect(await box.said(box.alias, "x")).toContain(`-data\n${box.installDir}\n`);
  await box.install(["uninstall"]);
  expect(readdirSync(join(box.path, "programs"))).toEqual([]);
});

test("a start-up file that is a link stays one, and keeps its mode", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  box.write("dot files/bashrc", "# mine\n");
  chmodSync(join(box.home, "dot files/bashrc"), 0o640);
  box.link(".bashrc", "dot files/bashrc");
  await box.install();
  expect(countOf("# added by entmoot's install.sh", box.read("dot files/bashrc"))).toBe(1);
  await box.install(["uninstall"]);
  expect(readlinkSync(join(box.home, ".bashrc"))).toBe("dot files/bashrc");
  expect(box.read("dot files/bashrc")).toBe("# mine\n");
  expect(lstatSync(join(box.home, "dot files/bashrc")).mode & 0o777).toBe(0o640);
  expect(readdirSync(join(box.home, "dot files"))).toEqual(["bashrc"]);
});

test("purge refuses a folder whose bin holds programs of others", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  box.write("local/bin/other", "not ours");
  const env = { ENTMOOT_HOME: join(box.home, "local") };
  await box.install([], { env });
  const before = box.snapshot();
  const { status, stderr } = await box.run(["uninstall", "--purge", "--yes"], { env });
  expect([status, stderr]).toEqual([1, expect.stringContaining("is more than a data root, it has")]);
  expect(box.snapshot()).toEqual(before);
  await box.install(["uninstall"], { env });
  expect(readdirSync(join(box.home, "local/bin"))).toEqual(["other"]);
});

test("purge names what is in the data root and not of it, and removes nothing", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  box.write("projects/thesis/chapter 1.txt", "years of work");
  const env = { ENTMOOT_HOME: join(box.home, "projects") };
  await box.install([], { env });
  box.write("projects/.notes", "mine");
  box.write("projects/second/identity.json", "another agent's");
  const before = box.snapshot();
  for (const args of [["--yes"], ["--dry-run"]]) {
    const { status, stderr } = await box.run(["uninstall", "--purge", ...args], { env });
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining("more than a data root: 'second' 'thesis' '.notes'; move"),
    ]);
    expect(box.snapshot()).toEqual(before);
  }
});

const HOMES = ["-rf", 'it\'s "here"', "a$HOME`id`%s\\n", "[a-z]*?", "ünï ☃", "#tag;&|<>!"];
for (const name of sliceOf(HOMES, 3)) {
  test(`a home folder called ${name}`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const home = join(box.path, name);
    renameSync(box.home, home);
    const at = (path: string) => join(home, ".entmoot", path);
    for (const shell of [["dash"], ["bash", "--posix"], ["bash"]]) {
      const env = { HOME: home, SHELL: "/bin/bash" };
      await box.install([], { shell, env });
      await box.install([], { shell, env });
      const expected = ["-socket", "/tmp/pilot.sock", "-data", at(""), "x", ""];
      expect((await box.said(at("bin/entmoot"), "x")).split("\n")).toEqual(
        expected.map((word) => (word === at("") ? join(home, ".entmoot") : word)),
      );
      const line = '. "$HOME/.bashrc"; command -v entmootd';
      const found = Bun.spawnSync(["bash", "-c", line], { env: { PATH: process.env.PATH, HOME: home } });
      expect(found.stdout.toString()).toBe(`${at("bin/entmootd")}\n`);
      await box.install(["uninstall", "--purge", "--yes"], { shell, env });
      expect(readdirSync(home)).toEqual([]);
    }
  });
}

test("a home folder whose name is two lines is refused, and so are settings of two lines", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  for (const env of [{ HOME: `${box.home}\nx` }, { PILOT_HOSTNAME: "a\nb" }]) {
    const before = box.snapshot();
    const { status, stderr } = await box.run([], { env });
    expect([status, stderr]).toEqual([1, expect.stringContaining("expected one line, found several")]);
    expect(box.snapshot()).toEqual(before);
  }
});
