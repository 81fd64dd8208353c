import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { irohNativePlugin } from "../../../scripts/iroh-native-plugin.ts";
import { inNetns } from "../../support/netns.ts";

const HOST = `bun-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
const LONG_MS = 120_000;

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "entmoot-embedded-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Compiles the test program as a release would be, carrying the library of `target`. */
async function compile(target: string): Promise<string> {
  const outfile = join(dir, target);
  if (existsSync(outfile)) return outfile;
  await Bun.build({
    entrypoints: [join(import.meta.dir, "../../support/iroh-program.ts")],
    compile: { outfile },
    bytecode: true,
    format: "cjs",
    minify: true,
    plugins: [irohNativePlugin(target)],
  });
  return outfile;
}

/** Nothing is writable for the program but the library folder it is given. */
const BARE = { PATH: process.env.PATH ?? "", TMPDIR: "/nonexistent", HOME: "/nonexistent" };

async function answerOf(command: string[]): Promise<Record<string, unknown>> {
  const run = Bun.spawn(command, { env: BARE, stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  const printed = await run.stdout.text();
  await run.exited;
  return JSON.parse(printed);
}

inNetns(import.meta, () => {
  test(
    "two compiled programs unpack the library they carry and talk",
    async () => {
      const program = await compile(HOST);
      const lib = join(dir, "lib");
      const server = Bun.spawn([program, "serve", lib], {
        env: BARE,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "inherit",
      });
      try {
        const { value } = await server.stdout.getReader().read();
        const { key, hint } = JSON.parse(new TextDecoder().decode(value));
        expect(await answerOf([program, "ask", lib, key, hint])).toEqual({ answer: "hello", loaded: true });
        const [hash = "", ...others] = readdirSync(lib);
        expect(hash).toMatch(/^[0-9a-f]{64}$/);
        expect(others).toEqual([]);
        expect(readdirSync(join(lib, hash))).toEqual(["iroh.node"]);
        expect(statSync(join(lib, hash)).mode & 0o777).toBe(0o700);
      } finally {
        server.kill("SIGKILL");
        await server.exited;
      }
    },
    LONG_MS,
  );

  test(
    "a compiled program that needs no carrier does not load the library",
    async () => {
      expect(await answerOf([await compile(HOST), "version"])).toEqual({ loaded: false });
    },
    LONG_MS,
  );

  test(
    "a program built for a target without iroh says so and what else there is",
    async () => {
      const answer = await answerOf([await compile("bun-darwin-x64"), "serve", join(dir, "none")]);
      expect(answer).toEqual({
        code: "unsupported",
        message: expect.stringMatching(/none for bun-darwin-x64; so it reaches no other machine/),
      });
      expect(existsSync(join(dir, "none"))).toBe(false);
    },
    LONG_MS,
  );
});
