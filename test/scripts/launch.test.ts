import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { fingerprint, matchesLock } from "../../scripts/launch/install.mjs";
import { explainNpmFailure } from "../../scripts/launch/npm.mjs";
import { fetchPackage, lockedPackage, unpack, verifyIntegrity } from "../../scripts/launch/packages.mjs";
import { hostTarget, TARGETS, targetOf } from "../../scripts/launch/platform.mjs";

const ROOT = resolve(import.meta.dir, "../..");
const home = mkdtempSync(join(tmpdir(), "entmoot-launch-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function fresh(name: string): string {
  return mkdtempSync(join(home, `${name}-`));
}

describe("platforms", () => {
  test.each([
    [{ platform: "linux", arch: "x64", musl: false }, "bun-linux-x64"],
    [{ platform: "linux", arch: "x64", musl: true }, "bun-linux-x64-musl"],
    [{ platform: "linux", arch: "arm64", musl: true }, "bun-linux-arm64-musl"],
    [{ platform: "darwin", arch: "arm64", musl: false }, "bun-darwin-arm64"],
    [{ platform: "win32", arch: "x64", musl: false }, "bun-windows-x64"],
  ])("%j is %s", (machine, target) => expect(targetOf(machine)).toBe(target));

  test("one that is not supported is told which are", () => {
    expect(() => targetOf({ platform: "sunos", arch: "x64", musl: false })).toThrow(
      /sunos x64.*supported: bun-linux-x64,/,
    );
  });

  test("every package a target needs is in the lock file", () => {
    for (const { bun, iroh } of Object.values(TARGETS)) {
      expect(lockedPackage(ROOT, bun)).toMatchObject({
        version: "1.4.5",
        integrity: expect.stringMatching(/^sha512-/),
      });
      if (iroh !== undefined) expect(lockedPackage(ROOT, iroh).version).toBe("1.1.0");
    }
  });

  test("Node and Bun agree on the target of this machine", () => {
    const script = 'import("./scripts/launch/platform.mjs").then((m) => console.log(m.hostTarget()))';
    const node = Bun.spawnSync([nodePath(), "-e", script], { cwd: ROOT });
    expect(node.stdout.toString().trim()).toBe(hostTarget());
  });
});

describe("whether node_modules is what the lock file says", () => {
  const host = TARGETS[hostTarget()]!;

  /** A checkout with a lock file of three packages and what npm recorded of its installation. */
  function checkout(change: (installed: Record<string, object>) => void = () => {}): string {
    const root = fresh("lock");
    const packages: Record<string, object> = {
      "": { name: "x" },
      "node_modules/citty": { version: "0.2.2", integrity: "sha512-a" },
      [`node_modules/${host.bun}`]: { version: "1.4.5", integrity: "sha512-b", optional: true },
      "node_modules/@oven/bun-plan9": { version: "1.4.5", integrity: "sha512-c", optional: true },
    };
    const installed = structuredClone(packages);
    delete installed[""];
    delete installed["node_modules/@oven/bun-plan9"];
    for (const path of Object.keys(installed)) mkdirSync(join(root, path), { recursive: true });
    change(installed);
    writeFileSync(join(root, "package.json"), "{}");
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
    writeFileSync(join(root, "node_modules/.package-lock.json"), JSON.stringify({ packages: installed }));
    return root;
  }

  test("it is, though packages of other platforms are absent", () => expect(matchesLock(checkout())).toBe(true));

  test.each([
    ["a version differs", (i: Record<string, object>) => Object.assign(i["node_modules/citty"]!, { version: "0.2.1" })],
    [
      "a hash differs",
      (i: Record<string, object>) => Object.assign(i["node_modules/citty"]!, { integrity: "sha512-z" }),
    ],
    ["a package is missing", (i: Record<string, object>) => delete i["node_modules/citty"]],
    ["this platform's Bun is missing", (i: Record<string, object>) => delete i[`node_modules/${host.bun}`]],
  ])("it is not when %s", (_what, change) => expect(matchesLock(checkout(change))).toBe(false));

  test("it is not when a directory was removed by hand, the record is torn, or nothing was installed", () => {
    const removed = checkout();
    rmSync(join(removed, "node_modules/citty"), { recursive: true });
    const torn = checkout();
    writeFileSync(join(torn, "node_modules/.package-lock.json"), '{"packages":');
    const empty = checkout();
    rmSync(join(empty, "node_modules"), { recursive: true });
    expect([removed, torn, empty].map(matchesLock)).toEqual([false, false, false]);
  });

  test("the stamp changes with the lock file and with package.json", () => {
    const root = checkout();
    const before = fingerprint(root);
    writeFileSync(join(root, "package.json"), '{"version":"2"}');
    const after = fingerprint(root);
    writeFileSync(join(root, "package-lock.json"), "{}");
    expect(new Set([before, after, fingerprint(root)]).size).toBe(3);
  });
});

describe("a package archive", () => {
  /** A tar entry: header and padded content. */
  function entry(name: string, content: string, { mode = "0000644", type = "0", prefix = "" } = {}): Uint8Array {
    const body = new TextEncoder().encode(content);
    const block = new Uint8Array(512 + Math.ceil(body.length / 512) * 512);
    const put = (text: string, at: number) => block.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put(`${mode}\0`, 100);
    put(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
    put(type, 156);
    put("ustar\x0000", 257);
    put(prefix, 345);
    block.set(body, 512);
    return block;
  }
  const tar = (...entries: Uint8Array[]) => Buffer.concat([...entries, new Uint8Array(1024)]);

  test("is unpacked without its first directory, keeping what may be executed", () => {
    const into = fresh("unpack");
    const long = "d".repeat(90);
    unpack(
      tar(
        entry("package/package.json", "{}"),
        entry("package/bin/bun", "x".repeat(700), { mode: "0000755" }),
        entry("file.txt", "deep", { prefix: `package/${long}` }),
        entry("package/dir/", "", { type: "5" }),
      ),
      into,
    );
    expect(readFileSync(join(into, "package.json"), "utf8")).toBe("{}");
    expect(readFileSync(join(into, "bin/bun"), "utf8")).toBe("x".repeat(700));
    expect(statSync(join(into, "bin/bun")).mode & 0o777).toBe(0o755);
    expect(statSync(join(into, "package.json")).mode & 0o777).toBe(0o644);
    expect(readFileSync(join(into, long, "file.txt"), "utf8")).toBe("deep");
  });

  test.each(["package/../../escaped", "package/../x", "package//etc/x"])(
    "that would write to %s is refused",
    (name) => {
      expect(() => unpack(tar(entry(name, "x")), fresh("unsafe"))).toThrow("unsafe path");
    },
  );

  test("links in it are left out", () => {
    const into = fresh("links");
    unpack(tar(entry("package/link", "", { type: "2" }), entry("package/a", "a")), into);
    expect(() => statSync(join(into, "link"))).toThrow();
  });

  test("whose hash differs from the lock file's is refused, naming both", () => {
    const bytes = gzipSync("x");
    const right = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    verifyIntegrity("a@1", bytes, right);
    expect(() => verifyIntegrity("a@1", bytes, "sha512-other")).toThrow(`a@1: expected sha512-other, found ${right}`);
  });

  test("that cannot be fetched leaves nothing behind", async () => {
    const root = fresh("fetch");
    const npm = join(root, "npm-cli.js");
    writeFileSync(npm, 'console.error("npm error code ENOTFOUND"); process.exit(1);');
    const before = { npm: process.env.npm_execpath, node: process.env.ENTMOOT_NODE };
    process.env.npm_execpath = npm;
    process.env.ENTMOOT_NODE = nodePath();
    try {
      const into = join(root, "node_modules/x");
      const fetching = fetchPackage({ root, name: "x", locked: { version: "1.0.0" }, into });
      expect(fetching).rejects.toThrow(/x@1\.0\.0: the package registry cannot be reached/);
      await fetching.catch(() => {});
      // An npm that was started with -s tells its children to be silent too; then nothing says why.
      writeFileSync(
        npm,
        'if (process.argv.includes("--loglevel=error")) console.error("npm error code E404"); process.exit(1);',
      );
      await expect(fetchPackage({ root, name: "x", locked: { version: "1.0.0" }, into })).rejects.toThrow(
        "x@1.0.0: the registry does not have it",
      );
      expect([...new Bun.Glob("node_modules/**").scanSync({ cwd: root, onlyFiles: false })]).toEqual([]);
    } finally {
      restore("npm_execpath", before.npm);
      restore("ENTMOOT_NODE", before.node);
    }
  });
});

test.each([
  ["npm error code ENOTFOUND", /registry cannot be reached/],
  ["npm error code EAI_AGAIN", /registry cannot be reached/],
  ["npm error ENOSPC: no space left on device", /disk is full/],
  ["npm error code EACCES", /cannot be written/],
  ["npm error code EINTEGRITY", /differs from the lock file/],
  [
    "npm error code EOTHER\nnpm error 403 no luck\nnpm error A complete log of this run …",
    /npm says: code EOTHER; 403 no luck; mend/,
  ],
  ["", /npm says: nothing; mend/],
])("npm's failure %j gets its next step", (stderr, advice) => {
  expect(explainNpmFailure(stderr)).toMatch(advice);
});

describe("a child of the launcher", () => {
  const launcher = join(home, "launcher.mjs");
  const child = join(home, "child.mjs");
  writeFileSync(
    launcher,
    `import { runChild } from ${JSON.stringify(join(ROOT, "scripts/launch/child.mjs"))};
process.exitCode = await runChild(process.execPath, [${JSON.stringify(child)}, ...process.argv.slice(2)], { cwd: ${JSON.stringify(home)} });`,
  );
  // Counts signals, says so at the end, and ends only when stdin does or a signal came and settled.
  writeFileSync(
    child,
    `let count = 0;
const [status = "0"] = process.argv.slice(2);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {
  count += 1;
  if (count === 1) setTimeout(() => { console.log("got", signal, count); process.exit(Number(status)); }, 700);
});
console.log("ready", process.pid);
setInterval(() => {}, 1000);`,
  );
  chmodSync(launcher, 0o755);

  /** Starts \`command\`, waits until the child is ready, lets \`act\` signal, and gives how everything ended. */
  async function watch(command: string[], act: (launcherPid: number) => void) {
    const process_ = Bun.spawn(command, { cwd: home, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    let output = "";
    const decoder = new TextDecoder();
    let childPid = 0;
    for await (const chunk of process_.stdout) {
      output += decoder.decode(chunk, { stream: true });
      const ready = /ready (\d+)/.exec(output);
      if (ready !== null && childPid === 0) {
        childPid = Number(ready[1]);
        act(process_.pid);
      }
    }
    return { status: await process_.exited, output, childGone: isGone(childPid) };
  }

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "gets %s once, and its status is the launcher's",
    async (signal) => {
      const result = await watch([nodePath(), launcher, "0"], (pid) => process.kill(pid, signal));
      expect(result).toMatchObject({ status: 0, childGone: true });
      expect(result.output).toContain(`got ${signal} 1`);
    },
  );

  test("gets one SIGINT when the terminal and npm both deliver it", async () => {
    const result = await watch([nodePath(), launcher, "7"], (pid) => {
      process.kill(pid, "SIGINT");
      setTimeout(() => process.kill(pid, "SIGINT"), 50);
    });
    expect(result).toMatchObject({ status: 7, childGone: true });
    expect(result.output).toContain("got SIGINT 1");
  });

  test("that a signal kills gives 128 and the signal's number", async () => {
    const killer = join(home, "killer.mjs");
    writeFileSync(
      killer,
      readFileSync(launcher, "utf8").replace(JSON.stringify(child), JSON.stringify(join(home, "dies.mjs"))),
    );
    writeFileSync(join(home, "dies.mjs"), 'process.kill(process.pid, "SIGKILL");');
    expect(Bun.spawnSync([nodePath(), killer]).exitCode).toBe(137);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "run by npm ends with status 0 on %s to npm, and nothing is left",
    async (signal) => {
      const project = fresh("npm");
      const line = `exec node ${JSON.stringify(launcher)} 0`;
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "x", scripts: { start: line } }));
      const npm = ["npm", "--prefix", project, "--loglevel=error", "start"];
      const result = await watch(npm, (pid) => process.kill(pid, signal));
      expect(result).toMatchObject({ status: 0, childGone: true });
      expect(result.output).toContain(`got ${signal} 1`);
    },
  );
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

function nodePath(): string {
  return process.env.ENTMOOT_NODE ?? Bun.which("node") ?? "node";
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
