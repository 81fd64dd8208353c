import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { countOf, PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>) => testWhere(needs, name, run);

/** The line that start-up files of POSIX shells get; `dir` needs no quoting beyond blanks. */
function pathLine(dir: string): string {
  return `case ":$PATH:" in *:'${dir}':*) ;; *) export PATH='${dir}':"$PATH" ;; esac ${PATH_MARK}`;
}

for (const shell of SHELLS) {
  const named = shell.join(" ");
  const where = (name: string, run: () => Promise<void>) =>
    testWhere(needs ?? missingTool(shell[0]!), `${named}: ${name}`, run);

  where("a signed release is installed with its alias, wrapper, settings and one PATH line", async () => {
    using feed = new FakeFeed();
    feed.publish({ version: "v1.2.3" });
    using box = new Sandbox(feed);
    box.write(".bashrc", "# mine");
    const said = await box.install([], { shell });
    expect(said).toContain(`signed by release key ${feed.key.id}`);
    expect(await box.version()).toBe("v1.2.3");
    expect(statSync(box.binary).mode & 0o777).toBe(0o755);
    expect(readlinkSync(box.alias)).toBe("../entmoot");
    expect((await box.said(box.alias, "publish", "-data", "/elsewhere")).split("\n").slice(0, -1)).toEqual([
      ...["-socket", "/tmp/pilot.sock", "-data", box.installDir, "publish", "-data", "/elsewhere"],
    ]);
    expect(box.read(".bashrc")).toBe(`# mine\n${pathLine(`${box.installDir}/bin`)}, after a line without end\n`);
    expect(box.read(".entmoot/bin/.entmoot-feed")).toBe(`${feed.url}\n`);
    expect(box.read(".entmoot/bin/.entmoot-version")).toBe("v1.2.3\n");
    expect(box.read(".entmoot/bin/.entmoot-serial")).toBe("1700000000000\n");
    expect(statSync(box.installDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(box.temporary)).toEqual([]);
    expect(readdirSync(join(box.installDir, "bin")).toSorted()).toEqual(
      [".entmoot-feed", ".entmoot-serial", ".entmoot-version", ".entmootd.lock", "entmoot", "entmootd"].toSorted(),
    );
  });

  where("a second run changes nothing, also from a pipe", async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    await box.install([], { shell, piped: readFileSync(SCRIPT, "utf8") });
    const first = box.snapshot();
    await box.install([], { shell });
    expect(box.snapshot()).toEqual(first);
    expect(countOf(PATH_MARK, box.read(".bashrc"))).toBe(1);
    expect(feed.asked.filter((path) => path === feed.archive)).toHaveLength(1);
  });

  where("the PATH line works in the shell it is written for", async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    await box.install([], { shell, env: { SHELL: "/bin/sh" } });
    const line = `. "$HOME/.profile"; command -v entmootd`;
    const found = Bun.spawnSync([...shell, "-c", line], { env: { PATH: process.env.PATH, HOME: box.home } });
    expect(found.stdout.toString()).toBe(`${box.binary}\n`);
  });
}

test("a newer release takes the place of an older one, which is kept for a rollback", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.0.0", serial: 10 });
  using box = new Sandbox(feed);
  await box.install();
  feed.publish({ version: "v1.1.0", serial: 11 });
  await box.install();
  expect(await box.version()).toBe("v1.1.0");
  expect(await box.said(join(box.installDir, "bin/entmootd.previous"), "version")).toContain("v1.0.0");
  expect(box.read(".entmoot/bin/.entmoot-serial")).toBe("11\n");
});

test("an older serial is refused unless that version is asked for by name", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.1.0", serial: 11 });
  using box = new Sandbox(feed);
  await box.install();
  feed.publish({ version: "v1.0.0", serial: 10, expiresAtMs: 1000, folder: "v1.0.0/" });
  feed.publish({ version: "v1.0.0", serial: 10 });
  const refused = await box.run();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("its serial 10 is older than 11, that of the newest release ever installed here");
  expect(await box.version()).toBe("v1.1.0");
  await box.install(["--version", "1.0.0"]);
  expect(await box.version()).toBe("v1.0.0");
  expect(box.read(".entmoot/bin/.entmoot-serial")).toBe("11\n");
});

test("a version that the feed does not hold is named", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.1.0" });
  using box = new Sandbox(feed);
  const { status, stderr } = await box.run(["--version=v9.0.0"]);
  expect(status).toBe(1);
  expect(stderr).toContain("release v9.0.0: not in this feed; found v1.1.0 in its place");
  expect(existsSync(box.installDir)).toBe(false);
});

test("what a killed run with the same process id left is no obstacle", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const leave = `mkdir -p "$HOME/.entmoot/bin/.install.$$/x" && exec dash '${SCRIPT}'`;
  await using program = new Program(["sh", "-c", leave], { env: box.env });
  expect(await program.ended()).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(join(box.installDir, "bin")).filter((name) => name.startsWith(".install"))).toEqual([]);
});

test("two runs at once end with one whole installation", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  await Promise.all([box.install(), box.install()]);
  expect(await box.version()).toBe("v1.2.3");
  expect(await box.said(box.alias, "x")).toContain(`-data\n${box.installDir}\n`);
  const left = readdirSync(join(box.installDir, "bin")).filter((name) => name.startsWith(".install"));
  expect(left).toEqual([]);
});

test("--dry-run says what would be done and changes nothing", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  const before = box.snapshot();
  const said = await box.install(["--dry-run"]);
  expect(said).toContain(`entmootd v1.2.3 from ${feed.url}entmoot-`);
  expect(box.snapshot()).toEqual(before);
  expect(feed.asked).toEqual(["manifest.json", "manifest.json.sig"]);
});

test("--no-path leaves start-up files alone, and so does a PATH that has the folder", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install(["--no-path"]);
  await box.install([], { env: { PATH: `${box.installDir}/bin:${process.env.PATH}` } });
  expect(box.read(".bashrc")).toBe("");
});

for (const [shell, file] of [
  ["/usr/bin/zsh", ".zshrc"],
  ["/bin/bash", ".bashrc"],
  ["/usr/bin/fish", ".config/fish/conf.d/entmoot.fish"],
  ["/bin/ksh", ".profile"],
] as const) {
  test(`${shell}: PATH is added once, in ${file}, and taken away by uninstall`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    if (!file.endsWith("fish")) box.write(file, "# mine\n");
    await box.install([], { env: { SHELL: shell } });
    await box.install([], { env: { SHELL: shell } });
    expect(countOf(PATH_MARK, box.read(file))).toBe(1);
    await box.install(["uninstall"], { env: { SHELL: shell } });
    expect(box.read(file)).toBe(file.endsWith("fish") ? "" : "# mine\n");
  });
}

for (const [files, others] of [
  [
    [".bash_profile", ".profile"],
    [".bash_profile", ".bashrc", ".profile"],
  ],
  [[".profile"], [".bashrc", ".profile"]],
] as const) {
  test(`bash on macOS: PATH is added in ${files.join(" and ")} when there is ${others.join(" and ")}`, async () => {
    using box = new Sandbox();
    for (const other of others) box.write(other, "# mine\n");
    box.write("built", fakeBinary("v1.0.0").toString());
    const tools = fakeMachine(box, "Darwin arm64", "");
    const env = { PATH: `${tools}:${process.env.PATH}`, ENTMOOTD_LOCAL_BIN: join(box.home, "built") };
    await box.install([], { env });
    for (const other of others)
      expect(countOf(PATH_MARK, box.read(other))).toBe(Number((files as readonly string[]).includes(other)));
    await box.install(["uninstall"], { env });
    for (const other of others) expect(box.read(other)).toBe("# mine\n");
  });
}

test("a folder with a colon in its name is not put on PATH, where it would be two", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const { status, stderr } = await box.run([], { env: { ENTMOOT_HOME: join(box.path, "a:b") } });
  expect([status, stderr]).toEqual([0, expect.stringContaining("cannot be on PATH, because of the colon")]);
  expect(box.read(".bashrc")).toBe("");
});

test("runtime.env keeps what people wrote, inside its block and around it, and the environment wins over it", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install([], { env: { PILOT_HOSTNAME: "it's me", ENTMOOT_HIDE_IP: "true" } });
  const file = ".entmoot/runtime.env";
  const first = box.read(file);
  expect(first).toContain(`then PILOT_HOSTNAME='it'\\''s me'; fi; export PILOT_HOSTNAME\n`);
  const edited = `MINE=1\n${first.replace("ENTMOOT_START_TIMEOUT='90'", "ENTMOOT_START_TIMEOUT='7'")}export ENTMOOT_AGENT_INSTRUCTIONS=1\n`;
  box.write(file, edited);
  await box.install();
  expect(box.read(file)).toBe(edited);
  expect((await box.said(box.alias, "x")).startsWith("-hide-ip\n-socket\n")).toBe(true);
  const print = [`. '${join(box.home, file)}'; exec env`];
  const env = { PATH: process.env.PATH, PILOT_HOSTNAME: "other" };
  const exported = Bun.spawnSync(["dash", "-c", ...print], { env })
    .stdout.toString()
    .split("\n");
  expect(exported).toContain("PILOT_HOSTNAME=other");
  expect(exported).toContain("ENTMOOT_AGENT_INSTRUCTIONS=1");
  expect(exported).toContain(`ENTMOOT_DATA=${box.installDir}`);
  expect(exported).toContain("ENTMOOT_START_TIMEOUT=7");
});

test("PILOT_HOME moves the Pilot folder and its socket", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install([], { env: { PILOT_HOME: "/srv/pilot" } });
  expect(await box.said(box.alias, "x")).toContain("-socket\n/srv/pilot/pilot.sock\n");
});

test("ENTMOOTD_LOCAL_BIN is installed as it is, without any feed", async () => {
  using box = new Sandbox();
  box.write("built", fakeBinary("v3.0.0-dev").toString());
  const home = join(box.path, "else where");
  const env = { ENTMOOTD_LOCAL_BIN: join(box.home, "built"), ENTMOOT_HOME: home };
  await box.install([], { env });
  expect(await box.said(join(home, "bin/entmootd"), "version")).toContain("v3.0.0-dev");
  expect(await box.said(join(home, "entmoot"), "x")).toContain(`-data\n${home}\n`);
});

test("a binary that does not run here is not installed", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  await box.install();
  const before = box.snapshot();
  feed.publish({
    version: "v2.0.0",
    serial: 1_800_000_000_000,
    binary: fakeBinary("v2.0.0", "echo broken >&2; exit 1"),
  });
  const { status, stderr } = await box.run();
  expect(status).toBe(1);
  expect(stderr).toContain("does not run on this machine (broken");
  expect(box.snapshot()).toEqual(before);
});

testWhere(needs ?? missingTool("busybox"), "busybox alone will do: its shell, its wget, no openssl", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  const tools = join(box.path, "tools");
  mkdirSync(tools);
  const names =
    "awk cat chmod chown cmp cp cut date df dirname env expr getconf grep gzip head id ldd ln ls mkdir mkfifo mktemp mv printf ps readlink rm rmdir sed sh sha256sum sync tail tar timeout tr uname wc wget";
  for (const name of names.split(" ")) symlinkSync(Bun.which("busybox")!, join(tools, name));
  const script = box.scriptWith(feed.key.publicKey);
  const env = { PATH: tools, ENTMOOT_RELEASE_PUBKEYS: undefined };
  const said = await box.install([], { shell: [Bun.which("busybox")!, "sh"], script, env });
  expect(said).toContain("only checksums are checked");
  expect(await box.version()).toBe("v1.2.3");
});

test("without keys the script says that only checksums could be checked", async () => {
  using feed = new FakeFeed();
  feed.publish({ keys: [] });
  using box = new Sandbox(feed);
  const said = await box.install([], { env: { ENTMOOT_RELEASE_PUBKEYS: undefined } });
  expect(said).toContain("this script carries no release keys: only checksums are checked");
});

/** Machines, as their tools describe them, and the archive that is right for each. */
const MACHINES: readonly (readonly [uname: string, libc: string, archive: string])[] = [
  ["Linux x86_64", "glibc", "entmoot-linux-amd64.tar.gz"],
  ["Linux aarch64", "glibc", "entmoot-linux-arm64.tar.gz"],
  ["Linux aarch64", "musl", "entmoot-linux-arm64-musl.tar.gz"],
  ["Linux x86_64", "musl", "entmoot-linux-amd64-musl.tar.gz"],
  ["Darwin arm64", "", "entmoot-darwin-arm64.tar.gz"],
  ["Darwin x86_64", "", "entmoot-darwin-amd64.tar.gz"],
];

for (const [uname, libc, archive] of MACHINES) {
  test(`${uname} ${libc}: ${archive} is chosen`, async () => {
    using feed = new FakeFeed();
    feed.publish({
      edit: (manifest) => {
        const [row] = manifest.files;
        manifest.files = MACHINES.map(([of, lib, name]) => {
          const [os, machine] = of.toLowerCase().split(" ");
          const arch = machine === "x86_64" ? "amd64" : "arm64";
          return { ...row, name, os, arch, libc: lib };
        });
      },
    });
    using box = new Sandbox(feed);
    const env = { PATH: `${fakeMachine(box, uname, libc)}:${process.env.PATH}` };
    expect(await box.install(["--dry-run"], { env })).toContain(archive);
  });
}

test("where there is no binary, it is built with npm from the checkout the script is in", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const tools = fakeMachine(box, "Linux riscv64", "glibc");
  const npm = `#!/bin/sh\n[ "$*" = "run build" ] && mkdir -p dist && cp ../built dist/entmootd\n`;
  box.write("tools/npm", npm);
  box.write("built", fakeBinary("v1.0.0-source").toString());
  box.write("checkout/install.sh", readFileSync(SCRIPT, "utf8"));
  box.write("checkout/scripts/build.ts", "");
  box.write("checkout/package.json", `{\n  "name": "entmootd"\n}\n`);
  Bun.spawnSync(["chmod", "755", join(box.home, "tools/npm"), join(box.home, "built")]);
  const env = { ...box.env, PATH: `${tools}:${process.env.PATH}` };
  await using program = new Program(["dash", join(box.home, "checkout/install.sh")], { env });
  const { status, stderr } = await program.ended();
  expect(stderr).toContain("no binary for Linux riscv64; it has to be built from source");
  expect(status).toBe(0);
  expect(await box.version()).toBe("v1.0.0-source");
});

testWhere(
  needs ?? missingTool("git"),
  "outside a checkout the very commit that the manifest names is fetched and built",
  async () => {
    using feed = new FakeFeed();
    using box = new Sandbox(feed);
    const source = join(box.home, "source");
    box.write("source/install.sh", "");
    const git = (...args: string[]) => {
      const settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"];
      const ran = Bun.spawnSync(["git", ...settings, "-C", source, ...args], { env: box.env });
      if (ran.exitCode !== 0) throw new Error(ran.stderr.toString());
      return ran.stdout.toString().trim();
    };
    git("init", "-q");
    git("add", ".");
    git("commit", "-qm", "one");
    const commit = git("rev-parse", "HEAD");
    feed.publish({ edit: (manifest) => Object.assign(manifest, { commit }) });
    const tools = fakeMachine(box, "Linux riscv64", "glibc");
    box.write("tools/npm", `#!/bin/sh\nmkdir dist && cp '${box.home}/built' dist/entmootd\n`);
    box.write("built", fakeBinary("v1.0.0-source").toString());
    Bun.spawnSync(["chmod", "755", join(tools, "npm")]);
    const env = { PATH: `${tools}:${process.env.PATH}`, ENTMOOT_SOURCE_URL: source };
    const piped = readFileSync(SCRIPT, "utf8");
    await box.install([], { env, piped });
    expect(await box.version()).toBe("v1.0.0-source");
    feed.publish({ serial: 1_800_000_000_000 });
    const { status, stderr } = await box.run([], { env, piped });
    expect([status, stderr]).toEqual([1, expect.stringContaining("cannot be fetched")]);
  },
);

test("where there is neither a binary nor npm, the steps are told", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const tools = fakeMachine(box, "Linux riscv64", "glibc");
  box.write("tools/node", "#!/bin/sh\necho 12\n");
  box.write("tools/npm", "#!/bin/sh\nexit 1\n");
  Bun.spawnSync(["chmod", "755", join(tools, "node"), join(tools, "npm")]);
  const { status, stderr } = await box.run([], { env: { PATH: `${tools}:${process.env.PATH}` } });
  expect(status).toBe(1);
  expect(stderr).toContain("Node 20 or later is needed");
  expect(stderr).toEndWith("entmoot && sh entmoot/install.sh --from-source\n");
  expect(existsSync(box.installDir)).toBe(false);
});

/** Programs that describe another machine than this one; the folder of them. */
function fakeMachine(box: Sandbox, uname: string, libc: string): string {
  const [system, machine] = uname.split(" ");
  box.write("tools/uname", `#!/bin/sh\n[ "$1" = -s ] && echo ${system} || echo ${machine}\n`);
  box.write(
    "tools/getconf",
    `#!/bin/sh\n[ "$1" = GNU_LIBC_VERSION ] && { [ ${libc || "none"} = glibc ]; exit; }\necho 64\n`,
  );
  box.write("tools/ldd", `#!/bin/sh\necho 'musl libc (x86_64)' >&2\nexit 1\n`);
  const tools = join(box.home, "tools");
  for (const name of readdirSync(tools)) Bun.spawnSync(["chmod", "755", join(tools, name)]);
  return tools;
}

test("a wrong option is told with status 2", async () => {
  using box = new Sandbox();
  for (const args of [
    ["--purge"],
    ["--frobnicate"],
    ["--version"],
    ["--version", "../x"],
    ["uninstall", "--no-path"],
  ]) {
    const { status, stderr } = await box.run(args);
    expect([args, status]).toEqual([args, 2]);
    expect(stderr).toContain("see --help");
  }
});

test("a script cut off anywhere does nothing", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  box.write(".entmoot/bin/entmootd", "kept");
  const before = box.snapshot();
  const script = readFileSync(SCRIPT, "utf8");
  const tail = Array.from({ length: 14 }, (_, at) => script.length - 15 + at);
  const rest = Array.from({ length: 40 }, (_, at) => Math.floor((script.length * at) / 40));
  for (const length of [...rest, ...tail]) {
    // `main "$#"` alone is a whole line and a wish for nothing in particular, unless there were arguments.
    await box.run(["uninstall"], { piped: script.slice(0, length) });
    expect([length, box.snapshot()]).toEqual([length, before]);
  }
});
