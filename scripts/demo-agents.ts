import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeUtf8 } from "../src/core/bytes/utf8.ts";
import { textOf } from "../src/core/errors.ts";
import { GroupId, MessageId } from "../src/core/ids.ts";
import type { Message } from "../src/core/record/records.ts";
import { messages } from "../src/node/operations/messages.ts";
import { members } from "../src/node/operations/moots.ts";
import { BINARY } from "../test/support/binary.ts";
import { DaemonNode, eventually } from "../test/support/daemon.ts";
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

/** What is said in a moot from the first message of `topic` on, printed as it comes to one node. */
export class Talk implements AsyncDisposable {
  readonly #said: Message[] = [];
  readonly #names: ReadonlyMap<number, string>;
  readonly #ending = new AbortController();
  readonly #say: (text: string) => void;

  private constructor(names: ReadonlyMap<number, string>, say: (text: string) => void) {
    this.#names = names;
    this.#say = say;
  }

  static async follow(node: DaemonNode, group: string, say: (text: string) => void): Promise<Talk> {
    const group_id = GroupId.fromBytes(Uint8Array.fromBase64(group));
    const client = await node.client();
    const { members: all } = await client.call(members, { group_id });
    const talk = new Talk(new Map(all.map(({ hostname, node_id }) => [node_id, hostname])), say);
    const { signal } = talk.#ending;
    void (async () => {
      await using _client = client;
      let after = "";
      while (!signal.aborted) {
        const asked = {
          group_id,
          by: "arrival",
          topic: "chat",
          wait_ms: 10_000,
          ...(after === "" ? {} : { after }),
        } as const;
        const { messages: rows, place } = await client.call(messages, asked, { signal });
        after = place ?? after;
        for (const { message } of rows) talk.#note(message);
      }
    })().catch(() => {}); // It ends with its node.
    return talk;
  }

  /** Which of them it is, from 1, once it has come here too. */
  numberOf(id: string): Promise<number> {
    const sought = MessageId.fromBytes(Uint8Array.fromBase64(id));
    return eventually(`message ${id}`, () => this.#said.findIndex((said) => said.id === sought) + 1 || undefined);
  }

  /** Resolves once so many were said. */
  async reaches(count: number): Promise<void> {
    await eventually(`${count} messages`, () => this.#said.length >= count || undefined).catch((cause) => {
      throw new Error(`expected ${count} messages, found ${this.#said.length}: ${textOf(cause)}`, { cause });
    });
  }

  /** Resolves once the last one said is not that node's own: so it is its turn. */
  async isAsked(nodeId: number): Promise<void> {
    await eventually("a message to who is gone", () => this.#said.at(-1)?.author.pilot_node_id !== nodeId || undefined);
  }

  /** Throws where one was answered twice, or says that it answers none. */
  requireEachOnce(): void {
    const answered = this.#said.slice(1).map(({ references }) => references[0]);
    if (new Set(answered).size === answered.length && !answered.includes(undefined)) return;
    throw new Error(`one was answered more than once: ${answered.join(", ")}`);
  }

  #note(message: Message): void {
    this.#said.push(message);
    const [to] = message.references;
    const answers = to === undefined ? "" : `, answering ${MessageId.toBase64(to).slice(0, 8)}`;
    const who = this.#names.get(message.author.pilot_node_id) ?? message.author.pilot_node_id;
    const words = decodeUtf8(message.content).trim();
    this.#say(`${who} says ${MessageId.toBase64(message.id).slice(0, 8)}${answers}: ${words}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
  }
}
