import { expect, test } from "bun:test";
import { join } from "node:path";
import { OPERATIONS } from "../../src/node/operations/table.ts";
import { BINARY } from "../support/binary.ts";
import { BESIDE } from "../support/command-lines.ts";
import { everyCommand } from "../support/every-command.ts";
import { inNetns } from "../support/netns.ts";
import { oldDaemon } from "../support/old-daemon.ts";
import { Program } from "../support/program.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Commands that would be the daemon, or go on until somebody ends them. */
const NOT_ASKED = new Set(["serve", "esp serve", "up", "mcp", "monitor", "update", "update-lock", "self-test"]);

const envOf = (home: string) => ({
  PATH: process.env.PATH ?? "",
  HOME: home,
  ENTMOOT_IROH_BIND: "127.0.0.1,::1",
  ENTMOOT_RELAY: "off",
  ENTMOOT_LAN: "off",
});

async function run(home: string, args: readonly string[]) {
  const child = Bun.spawn([BINARY, ...args], {
    env: envOf(home),
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exit };
}

/** How every command ends in this home, by its words. Each with a status that its help lists, and a reason where that is none of success. */
async function everyEnd(home: string) {
  const ends = new Map<string, { readonly exit: number; readonly said: string }>();
  const todo = (await everyCommand()).filter(([path]) => !NOT_ASKED.has(path[0]!) && !NOT_ASKED.has(path.join(" ")));
  const next = async () => {
    for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
      const [path, command] = each;
      const words = path.join(" ");
      const { exit, stderr, stdout } = await run(home, [...path, ...(BESIDE[words] ?? [])]);
      const said = stderr + (path[0] === "health" ? stdout : "");
      const isListed = command.help?.exits.some((listed) => listed === exit) ?? false;
      expect([words, exit, isListed, said]).toEqual([words, exit, true, said]);
      if (exit !== 0) expect([words, said]).toEqual([words, expect.stringMatching(/.{10}/)]);
      ends.set(words, { exit, said });
    }
  };
  // Most of it is waiting.
  await Promise.all([next(), next(), next(), next(), next(), next()]);
  // What met another command at the data root for too long says nothing of the daemon: once more, with nobody there.
  for (const each of await everyCommand()) {
    if (/ is in use by |another process/.test(ends.get(each[0].join(" "))?.said ?? "")) todo.push(each);
  }
  await next();
  return ends;
}

const endedWith = (ends: Awaited<ReturnType<typeof everyEnd>>, status: number) =>
  [...ends].filter(([, { exit }]) => exit === status);

inNetns(import.meta, () => {
  test("where a daemon was killed, a command does without one or says how to start one", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    await using daemon = new Program([BINARY, "serve"], { env: envOf(home.path) });
    await daemon.line((line) => line.includes('"serving"'));
    daemon.kill("SIGKILL");
    await daemon.ended();
    const down = endedWith(await everyEnd(home.path), 6);
    expect(down.map(([words]) => words).toSorted()).toEqual(
      ["ask", "health", "publish", "stop", "tail", "voice add", "voice list"].toSorted(),
    );
    for (const each of down) expect(each).toEqual([each[0], { exit: 6, said: expect.stringMatching(/serve"|down/) }]);
  });

  test("where a daemon is stopped, a command reads the files or says which process it is and what to do", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    await using daemon = new Program([BINARY, "serve"], { env: envOf(home.path) });
    await daemon.line((line) => line.includes('"serving"'));
    daemon.kill("SIGSTOP");
    const ends = await everyEnd(home.path);
    for (const each of endedWith(ends, 6)) {
      expect(each).toEqual([each[0], { exit: 6, said: expect.stringContaining(String(daemon.pid)) }]);
    }
    expect(endedWith(ends, 6).length).toBeGreaterThan(20);
    daemon.kill("SIGCONT");
  });

  test("of a daemon that is older, each command that it does not know says to update and restart it", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    const names = Object.values(OPERATIONS).map(({ name }) => name);
    const unknown = names.filter((name) => name !== "status" && name !== "version");
    await using _old = await oldDaemon(join(home.path, ".entmoot"), "v0.0.1", unknown);
    const ends = await everyEnd(home.path);
    const refused = [...ends].filter(([, { said }]) => said.includes("not known to this version"));
    for (const each of refused) {
      expect(each).toEqual([each[0], { exit: 5, said: expect.stringContaining("update and restart the daemon") }]);
    }
    expect(refused.length).toBeGreaterThan(45);
  });

  test("a daemon that is newer is asked as ever", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    await using _new = await oldDaemon(join(home.path, ".entmoot"), "v99.0.0", []);
    for (const args of [["info"], ["query"], ["publish", "-topic", "chat", "-content", "a"], ["doctor"], ["health"]]) {
      expect([args, (await run(home.path, args)).exit]).toEqual([args, 0]);
    }
  });
});
