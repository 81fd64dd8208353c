import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { inNetns } from "../support/netns.ts";
import { Program } from "../support/program.ts";
import { DOING, IN_COUNCIL, LOOKING } from "../support/seen-flags.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What a person sees of it, without what is another each time: ids, and milliseconds. */
function shown({ exit, stderr, stdout }: { exit: number; stderr: string; stdout: string }): string {
  return `${exit}\n${stdout}${stderr}`.replace(/[A-Za-z0-9+/]{43}=/g, "ID").replace(/\d{13}/g, "MS");
}

inNetns(import.meta, () => {
  test("each of these flags changes what is seen", async () => {
    using home = new TemporaryDirectory();
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: home.path,
      ENTMOOT_IROH_BIND: "127.0.0.1,::1",
      ENTMOOT_RELAY: "off",
      ENTMOOT_LAN: "off",
    };
    const run = async (...args: string[]) => {
      const child = Bun.spawn([BINARY, ...args], {
        env,
        cwd: home.path,
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
      return { stdout, stderr, exit };
    };
    for (const name of ["council", "senate"]) await run("group", "create", "-name", name);
    await using daemon = new Program([BINARY, "serve"], { env });
    await daemon.line((line) => line.includes('"serving"'));
    const said: string[] = [];
    for (const topic of ["chat", "chat", "news"]) {
      const { stdout } = await run("publish", ...IN_COUNCIL, "-topic", topic, "-content", `word ${said.length}`);
      said.push(JSON.parse(stdout).message_id);
    }
    await run("publish", "-group", "senate", "-topic", "chat", "-content", "word elsewhere");
    await run("publish", ...IN_COUNCIL, "-topic", "_entmoot/x", "-content", "word reserved");
    const { id } = JSON.parse((await run("invite", "link", ...IN_COUNCIL)).stdout);
    writeFileSync(join(home.path, "words"), "some words");
    const held = { message: said[1]!, link: id, file: "words" };
    const alike: string[] = [];
    for (const [name, row] of Object.entries({ ...LOOKING, ...DOING })) {
      const { flag, line } = row(held);
      const [without, withIt] = [shown(await run(...line)), shown(await run(...line, ...flag))];
      if (without === withIt || /flag provided|invalid value/.test(withIt)) alike.push(`${name}: ${withIt}`);
    }
    expect(alike).toEqual([]);
    // What shows elsewhere alone: in a file, and where it is looked for.
    await run("reply", held.message, "-content", "a", "-topic", "elsewhere");
    expect((await run("query", ...IN_COUNCIL, "-topic", "elsewhere")).stdout).toContain('"content":"a"');
    await run("stats", ...IN_COUNCIL, "-svg", "picture.svg");
    expect(readFileSync(join(home.path, "picture.svg"), "utf8")).toStartWith("<svg");
  });
});
