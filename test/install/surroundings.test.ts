import { expect } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const needsRoot =
  (process.platform !== "linux" ? "needs Linux" : undefined) ??
  (process.getuid?.() === 0 ? undefined : "needs root") ??
  missingTool("unshare");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

test("a script cut off in the middle of a name does not run the program of that shorter name", async () => {
  using box = new Sandbox();
  const script = readFileSync(SCRIPT, "utf8");
  const names = [...script.matchAll(/\n([a-z]+)/g)].map(({ 1: name, index }) => ({ name: name!, end: index + 1 }));
  const PATH = box.withTools(Object.fromEntries(names.map(({ name }) => [name, `echo ${name} >>"$HOME/ran"`])));
  expect(names.map(({ name }) => name)).toContain("make");
  for (const { name, end } of names) await box.run([], { env: { PATH }, piped: script.slice(0, end + name.length) });
  expect(box.read("ran")).toBe("");
});

test("what a stranger's server says cannot move the cursor, or fill the screen", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  feed.publish();
  feed.files.set("manifest.json.sig", Buffer.from("\x1b]0;owned\x07\x1b[2J x\n"));
  const signature = await box.run();
  feed.publish({ edit: (manifest) => Object.assign(manifest, { version: "\x9b\x1b[2J".repeat(9_999) }) });
  const version = await box.run();
  for (const { status, stderr } of [signature, version]) {
    expect(status).toBe(1);
    expect(stderr).toContain("expected");
    expect(stderr.includes("\x1b") || stderr.includes("\x07")).toBe(false);
    expect(stderr.length).toBeLessThan(2_100);
  }
});

test("habits in .curlrc do not get between the feed and its checks", async () => {
  using feed = new FakeFeed();
  feed.publish({ version: "v1.2.3" });
  using box = new Sandbox(feed);
  box.write(".curlrc", 'location\nwrite-out = "\\n%{url_effective}\\n"\n');
  await box.install();
  expect(await box.version()).toBe("v1.2.3");
  feed.files.set("manifest.json", () => Response.redirect(`${feed.url.replace("127.0.0.1", "localhost")}x`, 302));
  expect((await box.run()).stderr).toContain("sends us elsewhere (status 302)");
});

/** Settings of people's own that have broken installers: of fetchers, of tools, of the shell. */
const HABITS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "tools that colour, count and list": {
    GREP_OPTIONS: "--color=always -n -v",
    TAR_OPTIONS: "--totals --verbose",
    GZIP: "-v",
    CDPATH: "/:/tmp",
    GIT_DIR: "/nowhere",
  },
  "a shell that overwrites no file, expands no pattern and exports all": { SHELLOPTS: "allexport:noclobber:noglob" },
  "a start-up file for every script": { BASH_ENV: "habits.sh", ENV: "habits.sh" },
  "functions for tools that talk": Object.fromEntries(
    ["grep", "sed", "cd", "ls", "rm", "mv", "curl", "tar", "cat"].map((name) => [
      `BASH_FUNC_${name}%%`,
      `() { echo "I am ${name}"; command ${name} -v "$@"; }`,
    ]),
  ),
  "blanks elsewhere": { IFS: "/" },
};

for (const [what, habits] of Object.entries(HABITS)) {
  test(`the settings of whoever runs it are nothing to it: ${what}`, async () => {
    using feed = new FakeFeed();
    feed.publish({ version: "v1.2.3" });
    for (const shell of [["bash", "--posix"], ["sh"]]) {
      using box = new Sandbox(feed);
      writeFileSync(join(box.path, "habits.sh"), "echo a talking start-up file\ncd /\n");
      box.write(".bashrc", "# mine\n");
      const said = await box.install([], { shell, env: habits });
      expect(said).toContain("entmootd v1.2.3 is installed");
      expect(await box.version()).toBe("v1.2.3");
      expect(await box.said(box.alias, "publish")).toContain("publish");
      await box.install(["uninstall"], { shell, env: habits });
      expect(box.read(".bashrc")).toBe("# mine\n");
    }
  });
}

for (const [fetcher, file, settings] of [
  [
    "curl",
    ".curlrc",
    'proxy = "http://127.0.0.1:1"\noutput = "elsewhere"\ninclude\nlimit-rate = 1\nmax-filesize = 3\n',
  ],
  ["wget", ".wgetrc", "save_headers = on\nhttp_proxy = http://127.0.0.1:1\noutput_document = elsewhere\nquota = 1\n"],
] as const) {
  test(
    `what ${file} says is not read, and told where nothing can be fetched`,
    async () => {
      using feed = new FakeFeed();
      feed.publish({ version: "v1.2.3" });
      using box = new Sandbox(feed);
      const PATH = join(box.path, "tools");
      for (const tool of readdirSync("/usr/bin").filter((name) => name === fetcher || !/^(curl|wget)$/.test(name))) {
        box.link(join("../tools", tool), join("/usr/bin", tool));
      }
      box.write(file, settings);
      const options = { env: { PATH }, shell: [Bun.which("dash")!] };
      await box.install([], options);
      expect(await box.version()).toBe("v1.2.3");
      feed.stop();
      const { status, stderr } = await box.run([], options);
      expect(status).toBe(1);
      expect(stderr).toContain(`${join(box.home, file)} is not read here: a proxy goes into https_proxy`);
    },
    missingTool(fetcher),
  );
}

test(
  "a proxy is not asked for what is on this machine",
  async () => {
    using feed = new FakeFeed();
    feed.publish({ version: "v1.2.3" });
    const proxy = "http://127.0.0.1:1/";
    const env = { http_proxy: proxy, https_proxy: proxy, all_proxy: proxy };
    for (const wget of [undefined, Bun.which("wget"), Bun.which("busybox")]) {
      using box = new Sandbox(feed);
      const PATH = join(box.path, "tools");
      mkdirSync(PATH);
      for (const tool of readdirSync("/usr/bin").filter((name) => wget === undefined || !/^(curl|wget)$/.test(name))) {
        box.link(join("../tools", tool), join("/usr/bin", tool));
      }
      if (wget) box.link("../tools/wget", wget);
      await box.install([], { env: { ...env, PATH }, shell: [Bun.which("dash")!] });
      expect(await box.version()).toBe("v1.2.3");
    }
  },
  missingTool("wget") ?? missingTool("busybox"),
);

for (const missing of ["tar", "gzip"]) {
  test(`without ${missing} the script says so`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    for (const tool of readdirSync("/usr/bin").filter((name) => name !== missing)) {
      box.link(`tools/${tool}`, join("/usr/bin", tool));
    }
    const { status, stderr } = await box.run([], { env: { PATH: join(box.home, "tools") }, shell: ["/usr/bin/dash"] });
    expect([status, stderr]).toEqual([1, `install.sh: ${missing} is not installed; install it\n`]);
    expect(existsSync(box.installDir)).toBe(false);
  });
}

for (const [what, openssl] of [
  ["finds every signature right", "exit 0"],
  ["finds every signature wrong", "exit 1"],
  ["knows no Ed25519", 'echo "unknown option -rawin" >&2; exit 1'],
] as const) {
  test(`an openssl that ${what} is not believed`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const PATH = box.withTools({ openssl });
    const script = box.scriptWith(feed.key.publicKey);
    const env = { PATH, ENTMOOT_RELEASE_PUBKEYS: undefined };
    expect(await box.install([], { script, env })).toContain("only checksums are checked");
  });
}

test(
  "a folder where programs may not run is told as that, and nothing is left in it",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const inside = `mount -t tmpfs -o noexec none "$HOME" && { dash '${SCRIPT}'; ls -A "$HOME"; }`;
    await using program = new Program(["unshare", "-m", "sh", "-c", inside], { env: box.env, cwd: box.path });
    const { stdout, stderr } = await program.ended();
    expect(stderr).toContain(`${box.installDir}/bin: programs may not run there; is it mounted noexec?`);
    expect(stdout.trim().split("\n").at(-1)).toStartWith("fetching");
  },
  needsRoot,
);

test(
  "installed by root in the home folder of somebody else, all of it is theirs",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    chmodSync(box.path, 0o755);
    Bun.spawnSync(["chown", "4711:4712", box.home]);
    await box.install();
    for (const name of [".bashrc", ".profile", ...readdirSync(box.installDir, { recursive: true, encoding: "utf8" })]) {
      const path = /^\.(bashrc|profile)$/.test(name) ? join(box.home, name) : join(box.installDir, name);
      const { uid, gid } = lstatSync(path);
      expect([name, uid, gid]).toEqual([name, 4711, 4712]);
    }
    expect(lstatSync(box.installDir).uid).toBe(4711);
  },
  needsRoot,
);

for (const shell of SHELLS) {
  test(
    `root runs nothing and reads no shell that another user put there, and writes through no link of theirs: ${shell.join(" ")}`,
    async () => {
      using feed = new FakeFeed();
      feed.publish();
      using box = new Sandbox(feed);
      chmodSync(box.path, 0o755);
      const marks = join(box.path, "marks");
      mkdirSync(marks);
      chmodSync(marks, 0o777);
      const mark = (name: string) => `id -u >>'${marks}/${name}'`;
      box.write(".entmoot/runtime.env", `${mark("sourced")}\nENTMOOT_DATA=/elsewhere\n`);
      box.write(".entmoot/bin/entmootd", `#!/bin/sh\n${mark("run")}\necho '{"version":"v0.1.0"}'\n`);
      chmodSync(box.binary, 0o755);
      const mine = join(box.path, "of root");
      writeFileSync(mine, "mine\n");
      symlinkSync(mine, join(box.home, ".bashrc"));
      Bun.spawnSync(["chown", "-hR", "4711:4712", box.home]);
      await box.install([], { shell });
      await box.run(["uninstall"], { shell });
      expect(existsSync(join(marks, "sourced"))).toBe(false);
      const ran = existsSync(join(marks, "run")) ? readFileSync(join(marks, "run"), "utf8") : "";
      expect(ran.trim().split("\n")).not.toContain("0");
      expect(readFileSync(mine, "utf8")).toBe("mine\n");
    },
    needsRoot,
  );
}

for (const shell of SHELLS) {
  test(
    `root takes its lines out of another user's start-up files as that user: ${shell.join(" ")}`,
    async () => {
      using feed = new FakeFeed();
      feed.publish();
      using box = new Sandbox(feed);
      chmodSync(box.path, 0o755);
      box.write(".bashrc", "root::0:0:::/bin/sh\n");
      Bun.spawnSync(["chown", "-hR", "4711:4712", box.home]);
      await box.install([], { shell });
      expect(box.read(".bashrc")).toContain(PATH_MARK);
      const mine = join(box.path, "of root");
      writeFileSync(mine, "mine\n");
      for (const name of [".bashrc", ".profile"]) symlinkSync(mine, join(box.home, `${name}.without-entmoot`));
      Bun.spawnSync(["chown", "-hR", "4711:4712", box.home]);
      await box.install(["uninstall"], { shell });
      expect(readFileSync(mine, "utf8")).toBe("mine\n");
      const { uid, gid } = lstatSync(mine);
      expect([uid, gid]).toEqual([0, 0]);
      expect(box.read(".bashrc")).toBe("root::0:0:::/bin/sh\n");
      expect(lstatSync(join(box.home, ".bashrc")).uid).toBe(4711);
    },
    needsRoot,
  );
}

test(
  "on a disk without room for the archive, one that waits elsewhere is gone when the run is ended",
  async () => {
    using feed = new FakeFeed();
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex");
    const lines = Array.from({ length: 20 }, () => `# ${noise}`).join("\n");
    feed.publish({ binary: Buffer.concat([fakeBinary("v1.0.0"), Buffer.from(lines)]) });
    using box = new Sandbox(feed);
    const PATH = box.withTools({ tar: "kill -TERM $FAKE_PID; exit 1" });
    writeFileSync(join(box.path, "tar"), readFileSync(join(box.home, "tools/tar")), { mode: 0o755 });
    const inside = `mount -t tmpfs -o size=4m none "$HOME"; export FAKE_PID=$$; PATH=${JSON.stringify(box.path)}:$PATH exec dash '${SCRIPT}'`;
    const command = ["unshare", "-m", "sh", "-c", inside];
    await using program = new Program(command, { env: { ...box.env, PATH }, cwd: box.path });
    expect((await program.ended()).status).toBe(143);
    expect(readdirSync(box.temporary)).toEqual([]);
  },
  needsRoot,
);

test(
  "a start-up file on a full disk gets no half of a line",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const inside = `mount -t tmpfs -o size=16k none "$HOME" && cd "$HOME" && head -c 4090 /dev/zero | tr '\\0' '#' >.bashrc
cat /dev/zero >fill 2>/dev/null
ENTMOOT_HOME='${box.path}/elsewhere' dash '${SCRIPT}' && wc -c <.bashrc`;
    await using program = new Program(["unshare", "-m", "sh", "-c", inside], { env: box.env, cwd: box.path });
    const { stdout, stderr } = await program.ended();
    expect(stderr).toContain(".bashrc: cannot be written; add this line");
    expect(stdout.trim().split("\n").at(-1)).toBe("4090");
  },
  needsRoot,
);

for (const [what, tool, when, said] of [
  ["makes no signature right", "openssl", "base64", "cannot be written; is the disk full?"],
  ["empties no start-up file", "grep", "-vxF", ".bashrc: cannot be written; remove the line"],
] as const) {
  test(
    `a disk that runs full in the middle ${what}`,
    async () => {
      using feed = new FakeFeed();
      feed.publish();
      using box = new Sandbox(feed);
      // The tool finds the disk full when it is called with that first word.
      const body = `[ "$1" != ${when} ] || cat /dev/zero >"$HOME/fill" 2>/dev/null\nexec ${Bun.which(tool)} "$@"`;
      box.withTools({ [tool]: body });
      writeFileSync(join(box.path, tool), box.read(`tools/${tool}`), { mode: 0o755 });
      const inside = `mount -t tmpfs -o size=3m none "$HOME" && seq 2000 >"$HOME/.bashrc"
[ ${tool} = openssl ] || dash '${SCRIPT}' || exit 9
PATH="$0:$PATH" dash '${SCRIPT}' "$@"; grep -c '^[0-9]*$' "$HOME/.bashrc"; ls -A "$HOME"`;
      const args = tool === "openssl" ? [] : ["uninstall"];
      const command = ["unshare", "-m", "sh", "-c", inside, box.path, ...args];
      await using program = new Program(command, { env: box.env, cwd: box.path });
      const { stdout, stderr } = await program.ended();
      expect(stderr).toContain(said);
      expect(stderr).not.toContain("only checksums");
      expect(stdout).toContain("2000\n.bashrc\n");
    },
    needsRoot,
  );
}

test("a HOME that is no absolute path is told as that, and ENTMOOT_HOME does without", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  for (const HOME of ["home", "-rf", "~"]) {
    const { status, stderr } = await box.run([], { env: { HOME } });
    expect([status, stderr]).toEqual([1, expect.stringContaining(`HOME: expected an absolute path, found '${HOME}'`)]);
  }
  await box.install([], { env: { HOME: undefined, ENTMOOT_HOME: box.installDir } });
  expect(await box.version()).toBe("v1.0.0");
});

test("a version that is an empty word is no wish for the newest", async () => {
  using box = new Sandbox();
  for (const args of [["--version="], ["--version", ""]]) {
    const { status, stderr } = await box.run(args);
    expect([status, stderr]).toEqual([2, expect.stringContaining("--version: expected a version")]);
  }
});
