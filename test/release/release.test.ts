import { afterAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { hostTarget, TARGETS } from "../../scripts/launch/platform.mjs";
import { publicKeyOf } from "../../src/core/signature.ts";
import { releaseKeyId, verifyManifest } from "../../src/update/release-manifest.ts";

const ROOT = resolve(import.meta.dir, "../..");
const home = mkdtempSync(join(tmpdir(), "entmoot release "));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Ours, of these tests only. */
const SEED = new Uint8Array(32).fill(11);
const PUBLIC = publicKeyOf(SEED).toBase64();
const KEYS = { ENTMOOT_RELEASE_KEY: SEED.toBase64(), ENTMOOT_RELEASE_PUBKEYS: PUBLIC };

async function release(root: string, args: readonly string[], env: Record<string, string> = {}) {
  const clean = { ...process.env, ENTMOOT_RELEASE_KEY: undefined, ENTMOOT_RELEASE_PUBKEYS: undefined };
  const run = Bun.spawn([process.execPath, join(root, "release.ts"), ...args], {
    cwd: home,
    env: { ...clean, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  return { status, stdout, stderr };
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** This checkout a second time, in a folder with another name. */
function otherFolder(): string {
  const root = join(home, "another folder", "copy");
  mkdirSync(root, { recursive: true });
  for (const name of [
    "src",
    "scripts",
    "release.ts",
    "install.sh",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "README.md",
    "LICENSE",
  ]) {
    cpSync(join(ROOT, name), join(root, name), { recursive: true });
  }
  // Hard links, as an installation of its own would be other files with the same bytes.
  const copied = Bun.spawnSync(["cp", "-Rl", join(ROOT, "node_modules"), root], { stderr: "ignore" });
  if (copied.exitCode !== 0) cpSync(join(ROOT, "node_modules"), join(root, "node_modules"), { recursive: true });
  return root;
}

test("a release of this machine's target is signed, complete, and says what it holds", async () => {
  const out = join(home, "feed");
  const { status, stdout, stderr } = await release(ROOT, ["--version", "0.7.0", "--out", out, "--serial", "42"], KEYS);
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  const names = readdirSync(out).sort();
  const archive = names.find((name) => name.startsWith("entmoot-"))!;
  expect(names).toEqual(
    ["checksums.txt", archive, "install.sh", "manifest.json", "manifest.json.sig", "sbom.cdx.json"].sort(),
  );

  const bytes = new Uint8Array(readFileSync(join(out, "manifest.json")));
  const signatures = readFileSync(join(out, "manifest.json.sig"), "utf8");
  const { manifest, keyId } = verifyManifest({ bytes, signatures, keys: [PUBLIC] });
  expect(keyId).toBe(releaseKeyId(PUBLIC));
  const packed = readFileSync(join(out, archive));
  expect(manifest).toMatchObject({ version: "v0.7.0", serial: 42 });
  expect(manifest.expires_at_ms - Date.now()).toBeWithin(89 * 864e5, 90 * 864e5 + 1);
  expect(manifest.files).toMatchObject([
    { name: archive, size: packed.length, sha256: sha256(packed), verified: "run", iroh: true },
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    version: "v0.7.0",
    serial: 42,
    signed: true,
    files: [{ name: archive }],
  });

  // What is attested is what stands here: the script that people run unseen most of all.
  const checksums = readFileSync(join(out, "checksums.txt"), "utf8").trim().split("\n");
  expect(checksums.map((line) => line.split("  ")[1]!)).toEqual([archive, "sbom.cdx.json", "install.sh"]);
  for (const line of checksums) {
    const [hash, name] = line.split("  ");
    expect(sha256(readFileSync(join(out, name!)))).toBe(hash!);
  }
  const unpacked = join(home, "unpacked");
  mkdirSync(unpacked);
  expect(Bun.spawnSync(["tar", "-xzf", join(out, archive), "-C", unpacked]).exitCode).toBe(0);
  const pages = readdirSync(unpacked).filter((name) => name.endsWith(".1"));
  expect(pages).toContain("entmootd.1");
  expect(pages).toContain("entmootd-group-create.1");
  expect(readFileSync(join(unpacked, "entmootd.1"), "utf8")).toStartWith(".TH");
  expect(
    readdirSync(unpacked)
      .filter((name) => !pages.includes(name))
      .sort(),
  ).toEqual(["LICENSE", "README.md", "SKILL.md", "THIRD_PARTY_NOTICES", "entmootd"]);
  const { binary } = manifest.files[0]!;
  const program = readFileSync(join(unpacked, binary.name));
  expect([program.length, sha256(program)]).toEqual([binary.size, binary.sha256]);
  expect(program.includes(PUBLIC)).toBe(true);
  const run = Bun.spawnSync([join(unpacked, "entmootd"), "version"], { env: { HOME: home } });
  expect(JSON.parse(run.stdout.toString())).toEqual({
    version: "v0.7.0",
    commit: manifest.commit,
    date: manifest.date,
  });

  const sbom = JSON.parse(readFileSync(join(out, "sbom.cdx.json"), "utf8"));
  expect(sbom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", metadata: { timestamp: manifest.date } });
  const components: string[] = sbom.components.map(({ name }: { name: string }) => name);
  const { bun, iroh } = TARGETS[hostTarget()]!;
  const mcp = ["@modelcontextprotocol/core", "@modelcontextprotocol/server", "zod"];
  const prompts = [
    "@clack/core",
    "@clack/prompts",
    "fast-string-truncated-width",
    "fast-string-width",
    "fast-wrap-ansi",
    "sisteransi",
  ];
  const others = ["@noble/ed25519", "@noble/hashes", "@xterm/headless", "citty", "consola", "valibot"];
  expect(components).toEqual([...mcp, ...prompts, ...others, iroh!, bun].toSorted());
  expect(sbom.components.every(({ licenses }: { licenses?: unknown }) => licenses !== undefined)).toBe(true);
  const notices = readFileSync(join(unpacked, "THIRD_PARTY_NOTICES"), "utf8");
  const sections = notices.split(/\n=+\n(?=\S+ \d)/).slice(1);
  expect(sections.map((section) => section.split("\n")[0])).toEqual(
    sbom.components.map(({ name, version }: { name: string; version: string }) => `${name} ${version}`),
  );
  for (const section of sections) expect(section).toContain("Permission is hereby granted, free of charge");
  expect(notices).toContain(readFileSync(join(ROOT, "node_modules/@noble/hashes/LICENSE"), "utf8").trim());
});

test("two releases of one source in two folders, at two times, hold identical archives", async () => {
  const [first, second] = [join(home, "one"), join(home, "two")];
  // The copy is in no git: both are told the same time, and neither finds a commit.
  const other = otherFolder();
  const plain = { GIT_DIR: join(home, "no git here"), SOURCE_DATE_EPOCH: "1700000000" };
  const here = await release(ROOT, ["--version", "v0.7.1", "--out", first], plain);
  const there = await release(other, ["--version", "v0.7.1", "--out", second], plain);
  expect([here.status, there.status]).toEqual([0, 0]);
  const [a, b] = [JSON.parse(here.stdout), JSON.parse(there.stdout)];
  expect(a.serial).not.toBe(b.serial);
  const { name } = a.files[0];
  expect(sha256(readFileSync(join(first, name)))).toBe(sha256(readFileSync(join(second, name))));
  for (const same of ["sbom.cdx.json", "checksums.txt", "install.sh"]) {
    expect(readFileSync(join(first, same), "utf8")).toBe(readFileSync(join(second, same), "utf8"));
  }

  // Neither was signed, which is said and no failure.
  expect(a.signed).toBe(false);
  expect(here.stderr).toContain("WARNING: the feed is NOT SIGNED");
  expect(readdirSync(first)).not.toContain("manifest.json.sig");
});

test("a release into a feed keeps the version before in a folder named after it", async () => {
  const out = join(home, "kept");
  mkdirSync(out);
  // The smallest feed there can be: what is in the archive does not matter here.
  const line = { name: "entmoot-linux-amd64.tar.gz", os: "linux", arch: "amd64", libc: "glibc", size: 1 };
  const rest = { sha256: "0".repeat(64), iroh: true, verified: "run", experimental: false };
  const file = { ...line, ...rest, binary: { name: "entmootd", size: 1, sha256: "0".repeat(64) } };
  const old = {
    type: "entmoot.release.v1",
    version: "v0.6.0",
    serial: 1,
    commit: "unknown",
    date: "2026-01-02T03:04:05Z",
  };
  writeFileSync(join(out, "manifest.json"), JSON.stringify({ ...old, expires_at_ms: 1, files: [file] }));
  writeFileSync(join(out, "manifest.json.sig"), "old\n");
  writeFileSync(join(out, "entmoot-linux-amd64.tar.gz"), "o");
  // What a run that was killed left: no process has this id, the kernel's largest is 2^22.
  mkdirSync(join(out, ".release-4194305"));
  const { status, stdout, stderr } = await release(ROOT, ["--version", "v0.5.9", "--out", out, "--expires-in", "1s"]);
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  const { warnings } = JSON.parse(stdout);
  expect(warnings).toContainEqual(expect.stringContaining("v0.5.9 is older than v0.6.0, which"));
  expect(warnings).toContainEqual(expect.stringContaining("good for 1 s only"));
  for (const step of ["building …", "checking the executable …", "packing …"]) expect(stderr).toContain(step);
  expect(readdirSync(join(out, "v0.6.0")).sort()).toEqual([
    "entmoot-linux-amd64.tar.gz",
    "manifest.json",
    "manifest.json.sig",
  ]);
  expect(JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")).version).toBe("v0.5.9");
  expect(readdirSync(out).filter((name) => name.endsWith(".sig") || name.startsWith("."))).toEqual([]);
  const trial = await release(ROOT, ["--version", "v0.6.1-rc.1", "--out", out]);
  expect(JSON.parse(trial.stdout).warnings).toContainEqual(
    expect.stringContaining("v0.6.1-rc.1 is a pre-release and takes the place of v0.5.9"),
  );
});

/** A command line or environment that is refused, and why. Nothing is built and nothing written. */
const REFUSED: readonly (readonly [args: readonly string[], env: Record<string, string>, said: RegExp])[] = [
  [["--version", "latest"], {}, /--version: expected a version such as v1\.2\.3, found vlatest/],
  // No reader could order these, so none would install them.
  [["--version", "v01.2.3"], {}, /--version: expected a version such as v1\.2\.3, found v01\.2\.3/],
  [["--version", "v1.2.3-rc..1"], {}, /--version: expected/],
  [["--targets", "linux-amd64,plan9"], {}, /--targets: expected host, all or a list of linux-amd64, .*found "plan9"/],
  [["--serial", "-1"], {}, /--serial/],
  [["--serial", "9".repeat(16)], {}, /--serial: expected a whole number/],
  [["--expires-in", "0d"], {}, /--expires-in: expected a duration/],
  [["--expires-in", "soon"], {}, /--expires-in: expected a duration such as 90d, .*found soon/],
  [["--sign"], {}, /^release: Unknown option '--sign'; "npm run release -- --help" lists the options$/m],
  [["v1.2.3"], {}, /^release: Unexpected argument 'v1\.2\.3'; "npm run release -- --help"/m],
  [[], { ENTMOOT_RELEASE_KEY: "c2VjcmV0" }, /ENTMOOT_RELEASE_KEY: expected base64 of the 32-byte seed/],
  [[], { ENTMOOT_RELEASE_PUBKEYS: "QUJD" }, /release key: expected base64 of 32 bytes, found QUJD/],
  [["--strict"], { ...KEYS, ENTMOOT_RELEASE_KEY: "" }, /\(--strict\)/],
];

test.each(REFUSED)("a release with %j and %j is refused at once", async (args, env, said) => {
  const out = join(home, "refused");
  const { status, stdout, stderr } = await release(ROOT, [...args, "--out", out], env);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toMatch(said);
  expect(stderr).not.toContain("c2VjcmV0");
  expect(readdirSync(home)).not.toContain("refused");
});

test("help tells each option with its default, and builds nothing", async () => {
  const { status, stdout, stderr } = await release(ROOT, ["--help"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  for (const said of ["--version V", "--targets LIST", "linux-arm64-musl", "dist/release", "--serial N", "90d"]) {
    expect(stdout).toContain(said);
  }
});

test.each(["building …", "packing …"])("an interrupt while it is %s leaves nothing in the feed", async (step) => {
  const out = join(home, "interrupted", step);
  const run = Bun.spawn([process.execPath, join(ROOT, "release.ts"), "--out", out], {
    cwd: home,
    stdout: "ignore",
    stderr: "pipe",
  });
  let said = "";
  for await (const piece of run.stderr.pipeThrough(new TextDecoderStream())) {
    said += piece;
    if (said.includes(step) && !run.killed) run.kill("SIGINT");
  }
  expect(said).toContain("release: interrupted; removing what is unfinished");
  await run.exited;
  expect(run.signalCode).toBe("SIGINT");
  expect(readdirSync(out)).toEqual([]);
});
