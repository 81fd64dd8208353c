import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { missingTool, testWhere } from "../support/needs.ts";
import { Program } from "../support/program.ts";
import { FakeFeed, fakeBinary } from "./fake-feed.ts";
import { Sandbox, SCRIPT } from "./sandbox.ts";

const needs = missingTool("openssl") ?? missingTool("curl") ?? missingTool("dash");
const test = (name: string, run: () => Promise<void>, missing?: string) => testWhere(needs ?? missing, name, run);

test("a folder that is no feed and a server that is down are asked about, with a step that works from a pipe", async () => {
  using feed = new FakeFeed();
  using box = new Sandbox(feed);
  const piped = readFileSync(SCRIPT, "utf8");
  for (const url of [feed.url, "http://127.0.0.1:1/"]) {
    const options = { env: { ENTMOOT_UPDATE_URL: url } };
    const { status, stderr } = await box.run([], { ...options, piped });
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining("is this a release feed? to build from source instead: "),
    ]);
    expect(stderr).toEndWith("instead: ... | sh -s -- --from-source\n");
    expect((await box.run(["--version", "v1.0.0"], options)).stderr).toEndWith(`instead: sh ${SCRIPT} --from-source\n`);
  }
});

test(
  "a source that cannot be fetched is told as that, where git and Node are there",
  async () => {
    using box = new Sandbox();
    const env = { ENTMOOT_SOURCE_URL: `${box.path}/nowhere` };
    const { status, stderr } = await box.run(["--from-source"], { env, piped: readFileSync(SCRIPT, "utf8") });
    expect(status).toBe(1);
    expect(stderr).toContain("HEAD cannot be fetched; is it a git repository that has it?");
    expect(stderr).not.toContain("install git and Node");
  },
  missingTool("git") ?? missingTool("npm") ?? missingTool("node"),
);

for (const libc of ["musl", "glibc"]) {
  test(`a program that does not start on ${libc} ${libc === "musl" ? "may lack two packages" : "lacks none"}`, async () => {
    using feed = new FakeFeed();
    feed.publish({ binary: fakeBinary("v1.0.0", "echo 'Error loading shared library libstdc++.so.6' >&2; exit 127") });
    using box = new Sandbox(feed);
    const getconf = `[ "$1" != GNU_LIBC_VERSION ] || { [ ${libc} = glibc ]; exit; }\necho 64`;
    const PATH = box.withTools({ getconf, ldd: "echo 'musl libc' >&2; exit 1" });
    const { status, stderr } = await box.run([], { env: { PATH } });
    expect(status).toBe(1);
    expect(stderr).toContain("does not run on this machine (Error loading shared library libstdc++.so.6");
    expect(stderr.includes("apk add libstdc++ libgcc")).toBe(libc === "musl");
  });
}

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  test(`${signal} ends an installation with a word`, async () => {
    using feed = new FakeFeed();
    feed.publish();
    using box = new Sandbox(feed);
    // The stand-in reads from the pipe that this test holds, so it ends with the test.
    const PATH = box.withTools({ tar: "echo at tar >&4; read -r go <&3; exit 1" });
    const command = ["dash", "-c", 'exec 3<&0 4>&1; exec dash "$0"', SCRIPT];
    await using install = new Program(command, { env: { ...box.env, PATH }, cwd: box.path, stdin: "open" });
    await install.line((line) => line === "at tar");
    install.kill(signal);
    install.closeStdin();
    expect(await install.ended()).toMatchObject({ status, stderr: "install.sh: interrupted; run it again\n" });
  });
}
