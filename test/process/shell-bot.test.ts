import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MessageId } from "../../src/core/ids.ts";
import { messages } from "../../src/node/operations/messages.ts";
import { BINARY } from "../support/binary.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/agents.md"), "utf8");
const [, BOT] = /<!-- bot -->\n```sh\n([\s\S]*?)```\n<!-- end of bot -->/.exec(PAGE)!;

/** Stands for `entmootd` in the bot's PATH: kills the bot or the daemon around one command, where `ARM` names it. */
const ENTMOOTD = `#!/bin/sh
armed=$(cat "$ARM" 2>/dev/null)
strike() { rm -f "$ARM"; kill -9 "$1"; }
case $armed in
  "bot $1 before") strike "$PPID"; exit 1 ;;
  "daemon $1 before") strike "$(cat "$DAEMON_PID")" ;;
  "daemon $1 during") (strike "$(cat "$DAEMON_PID")") & ;;
  "bot $1 during") (strike "$PPID") & ;;
esac
"$REAL" "$@"
status=$?
case $armed in
  "bot $1 after") strike "$PPID" ;;
  "daemon $1 after") strike "$(cat "$DAEMON_PID")" ;;
esac
exit "$status"
`;

/** Every place at which one of the two can be gone. */
const POINTS = ["inbox", "read", "reply"].flatMap((command) =>
  ["before", "during", "after"].flatMap((when) => ["bot", "daemon"].map((who) => ({ who, command, when }))),
);

test("the bot of the page has thirty lines or fewer beside its head", () => {
  expect(BOT!.trim().split("\n").length).toBeLessThanOrEqual(31);
});

inNetns(import.meta, () => {
  test("the bot of docs/agents.md answers each message once, whichever of bot and daemon is killed at whichever step", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    await using elm = new DaemonNode(home.path, "elm");
    await oak.serve();
    await elm.serve();
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { link } = await oak.ask(["invite", "link"]);
    await elm.ask(["join", link]);
    await agree([oak, elm]);
    const { local_node_id } = await oak.group();

    const bin = join(home.path, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "entmootd"), ENTMOOTD);
    chmodSync(join(bin, "entmootd"), 0o755);
    writeFileSync(join(home.path, "bot.sh"), BOT!);
    const env = {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home.path,
      REAL: BINARY,
      ARM: join(home.path, "armed"),
      DAEMON_PID: join(home.path, "daemon.pid"),
      BOT_DIR: join(home.path, "bot files"),
      ENTMOOT_AGENT_SOCKET: join(oak.data, "agent.sock"),
    };
    const startBot = () =>
      // What it started may outlive it, and would hold a pipe open.
      Bun.spawn(["sh", join(home.path, "bot.sh")], { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    const notePid = () => writeFileSync(env.DAEMON_PID, `${oak.daemon.pid}`);
    notePid();
    let bot = startBot();
    try {
      const questions: string[] = [];
      for (const { command, when, who } of POINTS) {
        writeFileSync(env.ARM, `${who} ${command} ${when}`);
        // The first is taken by the command that waits already, so that the second is there at each step of the next round.
        for (const n of [1, 2]) {
          const content = `@${local_node_id} ${who} ${command} ${when} ${n}`;
          questions.push((await elm.ask(["publish", "-topic", "chat", "-content", content])).message_id);
        }
        await eventually(`${who} killed ${when} ${command}`, () => (existsSync(env.ARM) ? undefined : true), 120_000);
        if (who === "bot") {
          await bot.exited;
          bot = startBot();
        } else {
          await oak.daemon.ended();
          await oak.serve();
          notePid();
        }
      }
      await using client = await elm.client();
      const answers = () =>
        client.call(messages, { by: "arrival", limit: 1000 }).then(({ messages: rows }) =>
          rows.flatMap(({ message }) => {
            const said = new TextDecoder().decode(message.content);
            return message.references.map((id) => ({ id: MessageId.toBase64(id), said }));
          }),
        );
      const all = await eventually(
        "an answer to each",
        async () => {
          const found = await answers();
          return new Set(found.map(({ id }) => id)).size === questions.length ? found : undefined;
        },
        120_000,
      );
      expect(all.map(({ id }) => id).toSorted()).toEqual(questions.toSorted());
      expect(all.map(({ said }) => said).toSorted()).toEqual(
        POINTS.flatMap(({ command, when, who }) =>
          [1, 2].map(
            (n) => `heard: @${local_node_id} ${who} ${command} ${when} ${n}
`,
          ),
        ).toSorted(),
      );
      // Nothing asks any more, and nothing more is said.
      await eventually("an empty inbox", async () => {
        const { stdout, status } = await oak.run(["inbox", "-asks", "-json"]);
        return status === 0 && stdout === "" ? true : undefined;
      });
      expect(await answers()).toHaveLength(questions.length);
      expect(group_id).toBeString();
    } finally {
      bot.kill("SIGKILL");
      await bot.exited;
    }
  }, 600_000);
});
