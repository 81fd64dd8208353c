import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { missingTool, testWhere } from "../support/needs.ts";
import { sha256 } from "../support/release-feed.ts";
import { sliceOf } from "../support/slice.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { Sandbox } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

/** From the specification of Semantic Versioning, section 11, and its edges; ascending. */
const ASCENDING =
  "v0.9.9 v0.10.0 v1.0.0-0 v1.0.0-9 v1.0.0-10 v1.0.0-alpha v1.0.0-alpha.1 v1.0.0-alpha.beta v1.0.0-beta v1.0.0-beta.2 v1.0.0-beta.11 v1.0.0-rc.1 v1.0.0 v1.0.1 v9.0.0 v10.0.0 v18446744073709551616.0.0 v18446744073709551617.0.0".split(
    " ",
  );

/** In pieces that each begin with the last of the piece before, as each step is two whole runs of the script. */
const PIECES = [ASCENDING.slice(0, 7), ASCENDING.slice(6, 13), ASCENDING.slice(12)];

const RUNS = [["dash"], ["busybox", "sh"], ["bash"]].flatMap((shell) => PIECES.map((piece) => [shell, piece] as const));

for (const [shell, versions] of sliceOf(RUNS, 3)) {
  test(
    `${shell.join(" ")}: an older release under a newer serial is refused, from ${versions[0]} to ${versions.at(-1)}`,
    async () => {
      using feed = new FakeFeed();
      using box = new Sandbox(feed);
      let serial = 0;
      const run = (version: string) => {
        feed.publish({ version, serial: ++serial });
        return box.run(["--prerelease", "--no-path"], { shell });
      };
      for (const version of versions) {
        expect(await run(version)).toMatchObject({ status: 0, stderr: "" });
        const older = versions[versions.indexOf(version) - 1];
        if (older === undefined) continue;
        const { status, stderr } = await run(older);
        expect([version, status, stderr]).toEqual([
          version,
          1,
          expect.stringContaining(
            `release ${older}: is older than the installed ${version}; to install it all the same`,
          ),
        ]);
        expect(await box.version()).toBe(version);
      }
    },
    missingTool(shell[0]!),
  );
}

test("an older release is installed when it is named, and what it was built from does not make a version older", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  feed.publish({ version: "v0.2.0+b", serial: 1 });
  await box.install();
  feed.publish({ version: "v0.2.0+a", serial: 2 });
  await box.install();
  feed.publish({ version: "v0.1.5", serial: 3 });
  const { status, stderr } = await box.run();
  expect([status, stderr]).toEqual([1, expect.stringMatching(/name it: sh \/.*install\.sh --version v0\.1\.5\n$/)]);
  expect(await box.version()).toBe("v0.2.0+a");
  await box.install(["--version", "v0.1.5"]);
  expect(await box.version()).toBe("v0.1.5");
});

test("a pre-release is installed when it is asked for, and follows another", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  const refused = async (args: string[] = []) => {
    const { status, stderr } = await box.run(args, {
      piped: await Bun.file(box.scriptWith(feed.key.publicKey)).text(),
    });
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining("is a pre-release; to install it: ... | sh -s -- --prerelease\n"),
    ]);
  };
  feed.publish({ version: "v1.0.0-rc.1", serial: 1 });
  await refused();
  expect(existsSync(box.installDir)).toBe(false);
  await refused(["--dry-run"]);
  await box.install(["--prerelease"]);
  feed.publish({ version: "v1.0.0-rc.2", serial: 2 });
  await box.install();
  expect(await box.version()).toBe("v1.0.0-rc.2");
  feed.publish({ version: "v1.0.0", serial: 3 });
  await box.install();
  feed.publish({ version: "v1.1.0-rc.1", serial: 4 });
  await refused();
  expect(await box.version()).toBe("v1.0.0");
  await box.install(["--version", "v1.1.0-rc.1"]);
  expect(await box.version()).toBe("v1.1.0-rc.1");
});

/** A `curl` for which the forge is the feed: its downloads at their paths, and its list of releases as `list`. */
function forge(box: Sandbox, feed: FakeFeed): string {
  return box.withTools({
    curl: `for last; do :; done
case $last in
https://api.github.com/repos/jerryfane/entmoot/releases?per_page=1) to=list ;;
https://github.com/jerryfane/entmoot/releases/*) to=\${last#https://github.com/jerryfane/entmoot/releases/} ;;
esac
exec ${Bun.which("curl")} --silent --show-error --fail "${feed.url}$to"`,
  });
}

test("on the forge the newest pre-release is found by its list of releases, and the newest release without it", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  const env = { PATH: forge(box, feed), ENTMOOT_UPDATE_URL: undefined };
  feed.publish({ version: "v1.0.0", serial: 1, folder: "latest/download/" });
  feed.publish({ version: "v1.1.0-rc.1", serial: 2, folder: "download/v1.1.0-rc.1/" });
  feed.files.set(
    "list",
    Buffer.from('[\n  {\n    "tag_name": "v1.1.0-rc.1",\n    "body": "\\"tag_name\\": \\"x\\""\n  }\n]\n'),
  );
  await box.install([], { env });
  expect(await box.version()).toBe("v1.0.0");
  await box.install(["--prerelease"], { env });
  expect(await box.version()).toBe("v1.1.0-rc.1");
  feed.files.set("list", Buffer.from('[{"tag_name": "../../x"}]\n'));
  const { status, stderr } = await box.run(["--prerelease"], { env });
  expect([status, stderr]).toEqual([1, expect.stringContaining("expected a list of releases, found '../../x'")]);
});

test("the feed that was used is written down beside the program, until the default one is used", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  feed.publish();
  feed.publish({ folder: "latest/download/" });
  await box.install([], { env: { ENTMOOT_UPDATE_URL: feed.url.slice(0, -1) } });
  expect(box.read(".entmoot/bin/.entmoot-feed")).toBe(`${feed.url}\n`);
  box.write("built", fakeBinary("v1.0.0").toString());
  await box.install([], { env: { ENTMOOTD_LOCAL_BIN: `${box.home}/built` } });
  expect(box.read(".entmoot/bin/.entmoot-feed")).toBe(`${feed.url}\n`);
  await box.install([], { env: { PATH: forge(box, feed), ENTMOOT_UPDATE_URL: undefined } });
  expect(box.read(".entmoot/bin/.entmoot-feed")).toBe("");
});

test("keys that were given and cannot be used are no reason to do without", async () => {
  using feed = new FakeFeed();
  feed.publish();
  using box = new Sandbox(feed);
  const PATH = box.withTools({ openssl: "exit 1" });
  const { status, stderr } = await box.run([], { env: { PATH } });
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining("install openssl 3, or leave the variable out to rely on checksums"),
  ]);
  expect(existsSync(box.installDir)).toBe(false);
});

test("what an update went back from is installed only when it is named, and a mended one as ever", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  feed.publish({ version: "v0.2.0", serial: 1 });
  await box.install();
  feed.publish({ version: "v0.3.0", serial: 2 });
  const record = { version: "v0.3.0", sha256: sha256(fakeBinary("v0.3.0")), at_ms: 1, reason: "it hangs" };
  box.write(".entmoot/bin/.entmoot-taken-back", `${JSON.stringify([record])}\n`);
  for (const args of [[], ["--dry-run"]]) {
    const { status, stderr } = await box.run(args);
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/release v0\.3\.0: an update went back from it.* name it: sh .* --version v0\.3\.0\n$/),
    ]);
    expect(await box.version()).toBe("v0.2.0");
  }
  feed.publish({ version: "v0.3.0", serial: 3, binary: fakeBinary("v0.3.0", ": mended") });
  await box.install();
  feed.publish({ version: "v0.3.0", serial: 4 });
  await box.install(["--version", "v0.3.0"]);
  expect(await box.version()).toBe("v0.3.0");
});
