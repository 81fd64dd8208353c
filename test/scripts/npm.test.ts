import { afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runNpm } from "../../scripts/launch/npm.mjs";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const { npm_execpath, ENTMOOT_RELEASE_KEY } = process.env;
afterEach(() => {
  for (const [name, value] of Object.entries({ npm_execpath, ENTMOOT_RELEASE_KEY })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test("npm is not told the key that signs releases, and the rest of the environment is", async () => {
  using directory = new TemporaryDirectory();
  const fake = join(directory.path, "npm-cli.js");
  writeFileSync(fake, "process.stdout.write(JSON.stringify(process.env))");
  Object.assign(process.env, { npm_execpath: fake, ENTMOOT_RELEASE_KEY: "secret" });
  const { status, stdout } = await runNpm([], { cwd: directory.path, quiet: true });
  expect(status).toBe(0);
  const env = JSON.parse(stdout);
  expect(env.ENTMOOT_RELEASE_KEY).toBeUndefined();
  expect(env).toMatchObject({ npm_execpath: fake });
});
