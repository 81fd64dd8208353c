import { expect } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed } from "./fake-feed.ts";
import { PATH_MARK, Sandbox, SCRIPT, SHELLS } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const needsRoot =
  needs ??
  (process.platform !== "linux" ? "needs Linux" : undefined) ??
  (process.getuid?.() === 0 ? undefined : "needs root") ??
  missingTool("unshare") ??
  missingTool("chroot");

/**
 * The inside of a container: everything read-only but /data, programs forbidden in /tmp, nobody special. Arguments:
 * an empty folder, the script, then the command. Mounts are of this process's own namespace and go away with it.
 */
const CONTAINER = `set -eu
root=$1 script=$2
shift 2
mount -t tmpfs none "$root"
mkdir "$root/proc" "$root/dev" "$root/tmp" "$root/data" "$root/home"
for each in /usr /bin /sbin /lib /lib64 /etc; do
  if [ -L "$each" ]; then cp -P "$each" "$root$each"
  elif [ -d "$each" ]; then mkdir "$root$each" && mount --rbind "$each" "$root$each" && mount -o remount,bind,ro "$root$each"
  fi
done
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o noexec,mode=1777 none "$root/tmp"
mount -t tmpfs -o mode=0755,uid=65534,gid=65534 none "$root/data"
cp "$script" "$root/install.sh"
: >"$root/.dockerenv"
mount -o remount,ro "$root"
exec chroot --userspec=65534:65534 --groups=65534 "$root" "$@"`;

for (const shell of SHELLS) {
  testWhere(
    needsRoot ?? missingTool(shell[0]!),
    `${shell.join(" ")}: a container with only /data to write to, without root, gets its wrapper there`,
    async () => {
      using feed = new FakeFeed();
      feed.publish({ version: "v1.2.3" });
      using box = new Sandbox(feed);
      const root = join(box.path, "root");
      mkdirSync(root);
      const inside = `set -eu
sh='${shell.join(" ")}'
if touch /usr/x 2>/dev/null; then echo not read-only; exit 1; fi
$sh /install.sh 2>&1
$sh /install.sh >/dev/null 2>&1
ls -A /data/.entmoot /data/.entmoot/bin /tmp
/data/.entmoot/entmoot info
/data/.entmoot/bin/entmoot version
mkdir /data/.entmoot/groups
$sh /install.sh uninstall
ls -A /data/.entmoot`;
      const command = ["unshare", "-m", "sh", "-c", CONTAINER, "sh", root, SCRIPT, "dash", "-c", inside];
      const env = { ...box.env, HOME: "/srv/agent", TMPDIR: undefined, SHELL: "/bin/sh" };
      await using program = new Program(command, { env, cwd: "/" });
      const { status, stdout, stderr } = await program.ended();
      expect([status, stderr]).toEqual([0, ""]);
      const line = `case ":$PATH:" in *:'/data/.entmoot/bin':*) ;; *) export PATH='/data/.entmoot/bin':"$PATH" ;; esac ${PATH_MARK}`;
      expect(stdout.split("\n")).toEqual([
        `signed by release key ${feed.key.id}`,
        `fetching ${feed.url}${feed.archive}`,
        "install.sh: /srv/agent/.profile: cannot be written; add this line to the start-up file of your shell:",
        `install.sh:   ${line}`,
        "entmootd v1.2.3 is installed in /data/.entmoot/bin",
        "start here: /data/.entmoot/entmoot up",
        ...["/data/.entmoot:", "bin", "entmoot", "runtime.env", ""],
        ...[
          "/data/.entmoot/bin:",
          ".entmoot-feed",
          ".entmoot-serial",
          ".entmoot-version",
          "entmoot",
          "entmootd",
          "",
          "/tmp:",
        ],
        ...["-socket", "/data/.pilot/pilot.sock", "-data", "/data/.entmoot", "info"],
        '{"version":"v1.2.3","commit":"abc","date":"2026-01-01T00:00:00Z"}',
        "removed the program in /data/.entmoot/bin",
        "kept /data/.entmoot with identity, moots and messages; --purge removes them too",
        "groups",
        "",
      ]);
    },
  );
}

testWhere(
  needsRoot,
  "in a container whose /data is root's, what is in /data/.entmoot and can be written is used, not a second home",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const root = join(box.path, "root");
    mkdirSync(root);
    const data = `mount -t tmpfs -o mode=0755,uid=65534,gid=65534 none "$root/data"`;
    const given = `mount -t tmpfs -o mode=0755 none "$root/data"
mkdir "$root/data/.entmoot" && echo secret >"$root/data/.entmoot/identity.json" && chown -R 65534:65534 "$root/data/.entmoot"`;
    expect(CONTAINER).toContain(data);
    const inside =
      "dash /install.sh 2>&1 && ls -A /data/.entmoot && dash /install.sh uninstall && ls -A /data/.entmoot";
    const command = ["unshare", "-m", "sh", "-c", CONTAINER.replace(data, given), "sh", root, SCRIPT];
    const env = { ...box.env, HOME: "/tmp/home", TMPDIR: undefined, SHELL: "/bin/sh" };
    await using program = new Program([...command, "dash", "-c", inside], { env, cwd: "/" });
    const { status, stdout } = await program.ended();
    expect(status).toBe(0);
    expect(stdout).toContain("start here: /data/.entmoot/entmoot up\nbin\nentmoot\nidentity.json\nruntime.env\n");
    expect(stdout).toEndWith("--purge removes them too\nidentity.json\n");
  },
);

testWhere(
  needsRoot,
  "in a container without a home folder, or whose home is the root folder, what to set or to add is said once",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    const root = join(box.path, "root");
    mkdirSync(root);
    const bare = CONTAINER.replace(/^.*dockerenv.*\n/m, "");
    expect(bare).not.toBe(CONTAINER);
    const command = ["unshare", "-m", "sh", "-c", bare, "sh", root, SCRIPT];
    const inside = "unset HOME; dash /install.sh && exit 1; HOME=/ ENTMOOT_HOME=/data/.entmoot dash /install.sh";
    const env = { ...box.env, TMPDIR: undefined, SHELL: "/bin/bash" };
    await using program = new Program([...command, "dash", "-c", `{ ${inside}; } 2>&1`], { env, cwd: "/" });
    const { status, stdout } = await program.ended();
    expect(stdout).toContain(
      "neither HOME nor ENTMOOT_HOME is set; /data can be written: set ENTMOOT_HOME=/data/.entmoot\n",
    );
    expect(status).toBe(0);
    expect(stdout).toContain("install.sh: /.bashrc: cannot be written; add this line");
    expect(stdout).toContain("install.sh: /.profile: cannot be written either\n");
    expect(stdout.split(PATH_MARK)).toHaveLength(2);
  },
);

testWhere(
  needs ?? (process.getuid?.() === 0 ? missingTool("setpriv") : undefined),
  "a folder that cannot be written is named, and nothing is changed",
  async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    chmodSync(box.path, 0o755);
    chmodSync(box.home, 0o555);
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const shell = [...(process.getuid?.() === 0 ? nobody : []), "sh"];
    const script = readFileSync(SCRIPT, "utf8");
    const { status, stderr } = await box.run([], { shell, piped: script });
    expect(stderr).toContain(`${box.installDir}: cannot be made; set ENTMOOT_HOME to a folder that can be written`);
    expect(status).toBe(1);
    expect(existsSync(box.installDir)).toBe(false);
  },
);

testWhere(
  needsRoot,
  "a full disk is told before anything is fetched, and a disk with room for the binary alone is enough",
  async () => {
    using feed = new FakeFeed();
    // Bytes that do not pack: the archive is as large as the binary.
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("hex");
    const lines = Array.from({ length: 20 }, () => `# ${noise}`).join("\n");
    feed.publish({ binary: Buffer.from(`#!/bin/sh\necho '{"version":"v1.0.0"}'; exit\n${lines}\n`) });
    for (const [size, status] of [
      ["2m", 1],
      ["4m", 0],
    ] as const) {
      using box = new Sandbox(feed);
      const inside = `mount -t tmpfs -o size=${size} none "$HOME" && exec dash '${SCRIPT}'`;
      await using program = new Program(["unshare", "-m", "sh", "-c", inside], { env: box.env, cwd: box.path });
      const ended = await program.ended();
      expect([size, ended.status, ended.stderr]).toEqual([
        size,
        status,
        status === 0 ? "" : expect.stringContaining("no room left on the disk"),
      ]);
    }
  },
);

testWhere(needs, "the real program is installed from its archive, and its wrapper leads to the data root", async () => {
  using feed = new FakeFeed();
  const binary = readFileSync(BINARY);
  const { version } = JSON.parse(Bun.spawnSync([BINARY, "version"]).stdout.toString());
  feed.publish({ version, binary });
  using box = new Sandbox(feed);
  await box.install();
  expect(await box.version()).toBe(version);
  const env = JSON.parse(await box.said(box.alias, "env", "-json"));
  expect(env.data_dir).toBe(box.installDir);
  expect(env.binary).toBe(box.binary);
  // Two data roots never run one key unasked.
  const other = join(box.path, "other");
  const given = join(box.path, "key.json");
  for (const [args, variables, identity] of [
    [[], {}, join(box.installDir, "identity.json")],
    [["-data", other], {}, join(other, "identity.json")],
    [[], { ENTMOOT_DATA: other }, join(other, "identity.json")],
    [["-data", other, "-identity", given], {}, given],
    [["-data", other], { ENTMOOT_IDENTITY: given }, given],
  ] as const) {
    const settings = { PATH: process.env.PATH, HOME: box.home, ...variables };
    await using program = new Program([box.alias, ...args, "env", "-json"], { env: settings });
    const found = JSON.parse((await program.ended()).stdout);
    expect(found).toMatchObject({ data_dir: identity.startsWith(box.home) ? box.installDir : other });
    expect(found.identity_path).toBe(identity);
  }
  await box.install(["uninstall"]);
  expect(existsSync(box.installDir)).toBe(false);
  rmSync(box.home, { recursive: true });
});
