import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { BINARY } from "../support/binary.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const README = readFileSync(resolve(import.meta.dir, "../../README.md"), "utf8");

const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

inNetns(import.meta, () => {
  test("a new user sets up, owns a public moot, tightens it, finds what was said, carries it elsewhere, and all is well", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    await using elm = new DaemonNode(home.path, "elm");
    await using ash = new DaemonNode(home.path, "ash");

    // Set up: the same twice is once, and what is to be run next is said.
    const setUp = ["bootstrap", "agent", "-yes", "-json", "-default-moot", "decline", "-runner", "custom"];
    const first = await oak.ask([...setUp, "-runner-command", "sh"]);
    expect(first).toMatchObject({ applied: true, changed: true, default_moot: { choice: "declined" } });
    expect(await oak.ask([...setUp, "-runner-command", "sh"])).toMatchObject({ applied: true, changed: false });
    const serve = Bun.spawn(["sh", "-c", `exec ${first.commands[0]} -hostname oak`], {
      env: oak.environment,
      stdout: "pipe",
      stderr: "ignore",
    });
    await using _serve = {
      async [Symbol.asyncDispose]() {
        serve.kill("SIGKILL");
        await serve.exited;
      },
    };
    await eventually("the daemon of the printed command", async () =>
      (await oak.run(["health"])).status === 0 ? true : undefined,
    );
    expect((await oak.ask(setUp.slice(0, 4))).commands).toBeUndefined();
    await elm.serve("-hostname", "elm");

    // A public moot, and who joins it.
    const moot = await oak.ask([
      "group",
      "create",
      "-name",
      "town square",
      "-visibility",
      "public",
      "-join-mode",
      "open_invite",
      "-policy",
      "none",
    ]);
    expect(await elm.ask(["join", moot.open_invite.link])).toMatchObject({ event: "joined", group_id: moot.group_id });
    await agree([oak, elm]);
    const draft = join(home.path, "draft");
    await Bun.write(draft, `long words of a lamplighter ${"a".repeat(9_000)}`);
    await elm.ask(["publish", "-topic", "chat/plans", "-file", draft]);
    await oak.ask(["publish", "-topic", "chat", "-content", "the lanterns are lit"]);
    await agree([oak, elm], { messages: 2 });

    // Tightened, and felt by the member, also after a restart.
    await oak.ask(["group", "policy", "set", "-preset", "standard", "-json"]);
    await agree([oak, elm], { messages: 3 });
    const isRefused = async () => {
      const { status, stderr } = await elm.run(["publish", "-topic", "chat", "-file", draft]);
      expect({ status, stderr }).toEqual({ status: 5, stderr: expect.stringContaining("exceeds group max") });
      expect(await elm.ask(["policy", "explain", "-file", draft, "-json"])).toMatchObject({
        refused_by: "max_message_bytes",
      });
    };
    await isRefused();
    await elm.end();
    await elm.serve("-hostname", "elm");
    await isRefused();
    expect(await elm.run(["doctor", "-exit-code"])).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/policy: FAILED policy_refuses: .*until it is changed the same is refused again/),
    });
    await elm.ask(["publish", "-topic", "chat", "-content", "said in short"]);
    await agree([oak, elm], { messages: 4 });

    // Found and counted.
    const found = linesOf((await elm.run(["search", "lamplighter", "-json"])).stdout);
    expect(found).toHaveLength(1);
    expect((await oak.run(["context", found[0].message_id])).stdout).toContain("the lanterns are lit");
    const stats = await oak.ask(["stats", "-json"]);
    // The founder's policy is a message too.
    expect(stats).toMatchObject({ messages: 4, members: 2 });
    expect(linesOf((await oak.run(["topics", "-json"])).stdout).map(({ topic }) => topic)).toContain("chat/plans");

    // Carried to a node that has never met them, with an equal root.
    const archive = join(home.path, "town square.moot");
    const { merkle_root } = await oak.group();
    expect(await oak.ask(["export", "town square", archive])).toMatchObject({ messages: 4, merkle_root });
    expect(await ash.ask(["import", archive])).toMatchObject({ created: true, member: false, stored: 4, merkle_root });
    expect((await ash.run(["verify"])).status).toBe(0);
    expect(linesOf((await ash.run(["search", "lanterns", "-json"])).stdout)).toHaveLength(1);

    // And nothing is wrong with either.
    for (const node of [oak, elm]) {
      expect(await node.ask(["doctor", "-probe", "-exit-code", "-json"])).toMatchObject({ failed: 0, unknown: 0 });
    }
    expect(await oak.run(["stop"])).toMatchObject({ status: 0 });
  });

  test("the section of the README on owning a moot does what it says, word for word", async () => {
    using home = new TemporaryDirectory();
    const bin = join(home.path, "bin");
    mkdirSync(bin);
    symlinkSync(BINARY, join(bin, "entmootd"));
    await using node = new DaemonNode(home.path, ".entmoot", {
      env: { ENTMOOT_DATA: undefined, PATH: `${bin}:${process.env.PATH}` },
      command: ["sh", "-ec"],
    });
    const [, script] = /<!-- owning -->\n```sh\n([\s\S]*?)```\n/.exec(README)!;
    const { status, stderr, stdout } = await node.run([`trap 'kill $! 2>&- || :' EXIT\n${script}entmootd stop`], {
      cwd: home.path,
    });
    expect({ status, stderr, stdout }).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining("FAILED"),
      stdout: expect.stringMatching(
        /applied[\s\S]*allowed[\s\S]*square\] is open[\s\S]*exported[\s\S]*nothing is found to be wrong/,
      ),
    });
  });
});
