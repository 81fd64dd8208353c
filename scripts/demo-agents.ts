import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "../test/support/binary.ts";
import { DaemonNode } from "../test/support/daemon.ts";
import { Talk } from "./demo-talk.ts";
import { missingHost } from "./hosts/install.ts";
import { isIsolated } from "./netns.ts";
import type { DemoParts } from "./run-demo.ts";

/** How often two bots say something, the first words among them. */
const SAID = 6;
/** After how many one of them is killed. */
const KILLED_AFTER = 3;

/** Two hosts where they are there, else two bots. */
export async function demoAgents(demo: DemoParts): Promise<void> {
  const missing = missingHost("claude") ?? missingHost("codex") ?? missingHost("screen");
  if (missing === undefined && isIsolated()) {
    const { demoHosts } = await import("./demo-hosts.ts");
    return demoHosts(demo, KILLED_AFTER);
  }
  demo.say(
    missing === undefined
      ? "hosts run only where nothing leaves this machine, so bots stand in"
      : `${missing}; until then bots stand in`,
  );
  return demoBots(demo);
}

/** Two shell bots of docs/agents.md, each beside a daemon of its own. */
export async function demoBots({ home, parts, say }: DemoParts): Promise<void> {
  const bin = join(home, "bin");
  mkdirSync(bin);
  symlinkSync(BINARY, join(bin, "entmootd"));
  const page = readFileSync(join(import.meta.dir, "../docs/agents.md"), "utf8");
  writeFileSync(join(home, "bot.sh"), /<!-- bot -->\n```sh\n([\s\S]*?)```/.exec(page)![1]!);
  const [oak, elm] = ["oak", "elm"].map((name) => parts.use(new DaemonNode(home, name))) as [DaemonNode, DaemonNode];
  await Promise.all([oak.serve("-hostname", "oak"), elm.serve("-hostname", "elm")]);
  const { group_id } = await oak.ask(["group", "create", "-name", "demo moot", "-policy", "none"]);
  const { link } = await oak.ask(["invite", "link", "-group", group_id]);
  await elm.ask(["join", link]);
  say("oak and elm run: two daemons in one moot, each with a bot of thirty lines of shell");

  const startBot = (node: DaemonNode, name: string) =>
    new Bot(["sh", join(home, "bot.sh")], {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home,
      BOT_DIR: join(home, `bot of ${name}`),
      ENTMOOT_AGENT_SOCKET: join(node.data, "agent.sock"),
    });
  const oaks = parts.use(startBot(oak, "oak"));
  const elms = parts.use(startBot(elm, "elm"));
  const talk = parts.use(await Talk.follow(oak, group_id, say));
  const { local_node_id } = await elm.group();
  await oak.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} hello`]);
  await talk.reaches(KILLED_AFTER);
  await elms.kill();
  await elm.kill();
  say("elm's bot and its daemon were ended with kill -9");
  await talk.isAsked(local_node_id);
  await elm.serve("-hostname", "elm");
  parts.use(startBot(elm, "elm"));
  say("both are back, and know of nothing but what is on disk");
  await talk.reaches(SAID);
  await oaks.kill();
  talk.requireEachOnce();
  say(`each was answered once: ${SAID} messages, none twice and none lost`);
}

/** A shell that runs until it is killed. */
class Bot implements AsyncDisposable {
  readonly #child: Bun.Subprocess;

  constructor(command: string[], env: Record<string, string | undefined>) {
    this.#child = Bun.spawn(command, { env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
