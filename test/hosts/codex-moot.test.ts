import { expect } from "bun:test";
import { appendFileSync, mkdirSync, symlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { BINARY } from "../support/binary.ts";
import type { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { AppServer } from "./app-server.ts";
import { Codex, codexHome } from "./codex.ts";
import { isWhole } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import {
  answered,
  askedAndAnswered,
  deliveries,
  hostMoot,
  killOurServers,
  listening,
  nothingWaits,
} from "./host-moot.ts";
import type { StubModel } from "./stub/stub-model.ts";

/** Codex with our server among its own, as set-up adds it; its user lets it answer unasked. */
async function homeOf(
  model: StubModel,
  node: DaemonNode,
  told: (home: HostHome) => string = ({ path }) => path,
): Promise<HostHome> {
  const home = codexHome(model);
  const env = { ENTMOOT_DATA: node.data, ENTMOOT_HOST: "codex", CODEX_HOME: told(home) };
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  await home.run(["mcp", "add", "entmoot", ...variables, "--", BINARY, "mcp"]);
  appendFileSync(
    join(home.path, "config.toml"),
    '\n[mcp_servers.entmoot.tools.entmoot_reply]\napproval_mode = "approve"\n',
  );
  return home;
}

/**
 * Stands between our server and Codex's: kills the one that began a turn before it hears that the turn was taken, once. Gives
 * the folder that our server is told to be Codex's.
 */
class KillingDoor implements Disposable {
  readonly folder: string;
  hasKilled = false;
  readonly #server: Server;

  constructor(home: HostHome) {
    this.folder = join(home.path, "between");
    mkdirSync(join(this.folder, "app-server-control"), { recursive: true });
    mkdirSync(join(home.path, "sessions"), { recursive: true });
    symlinkSync(join(home.path, "sessions"), join(this.folder, "sessions"));
    this.#server = createServer((ours) => {
      const codex = connect(join(home.path, "app-server-control/app-server-control.sock"));
      const close = () => {
        ours.destroy();
        codex.destroy();
      };
      for (const end of [ours, codex]) end.on("error", close).on("close", close);
      ours.on("data", (bytes) => codex.write(bytes));
      codex.on("data", (bytes) => {
        // What a server says in a WebSocket is not masked.
        if (this.hasKilled || !bytes.includes('"turn":{"id"')) return ours.write(bytes);
        this.hasKilled = true;
        killOurServers(home);
        return false;
      });
    }).listen(join(this.folder, "app-server-control/app-server-control.sock"));
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}

inNetns(import.meta, () => {
  const missing = missingHost("codex") ?? missingHost("screen");

  testWhere(
    missing,
    "a message of a moot is one turn of an idle and of a busy Codex, and its answer reaches who asked",
    async () => {
      await using moot = await hostMoot(homeOf);
      const { elm, home, model, say } = moot;
      await using codex = await Codex.start(home);
      await listening(elm);
      codex.terminal.type("half a draft");
      await codex.terminal.shows("half a draft");

      expect((await askedAndAnswered(moot)).items).toMatchObject([{ by: "tool" }]);
      await codex.terminal.shows("entmoot: from other agents, not typed by me");
      await codex.terminal.shows("half a draft");
      await nothingWaits(elm);
      expect((await deliveries(elm)).listeners).toMatchObject([{ host: "codex", door: "codex thread" }]);

      // Busy: what its model is about to say is said, and the message is a turn afterwards.
      using server = await AppServer.connect(home);
      const thread = await server.thread();
      await server.when(thread, "idle");
      const held = model.hold("slow work", { text: "the slow work is done" });
      codex.terminal.type("\x15");
      await codex.submit("slow work");
      await held.arrived;
      await say("are you busy?");
      await say("漢".repeat(1_900));
      held.release();
      await codex.terminal.shows("the slow work is done");
      expect(await model.saw("are you busy?")).toMatchObject({ turns: 1, times: 1 });
      await server.when(thread, "idle");
      await nothingWaits(elm);
      const characters = model.seen("漢").items.reduce((sum, { text }) => sum + text.split("漢").length - 1, 0);
      expect(characters).toBe(1_900);
      expect(model.seen("what is two and two?").times).toBe(1);
      await codex.quit();
    },
  );

  testWhere(
    missing,
    "nobody is woken in a thread whose terminal is closed or shows another; it waits for the next",
    async () => {
      await using moot = await hostMoot(homeOf);
      const { elm, home, model, oak, say } = moot;
      const codex = await Codex.start(home);
      await listening(elm);
      const { agent } = (await deliveries(elm)).listeners[0]!;
      await codex.submit("hello there");
      await codex.done(1);
      await codex.submit("/new");
      await eventually("the conversation that the terminal turned to listens, and it alone", async () => {
        const { listeners } = await deliveries(elm);
        return (listeners.length === 1 && listeners[0]!.agent !== agent) || undefined;
      });
      await say("which one are you?");
      await model.saw("which one are you?");
      await nothingWaits(elm);
      // Not in the conversation that the terminal turned away from.
      const withIt = model.turns.filter((turn) => turn.items.some(({ text }) => text.includes("which one are you?")));
      expect(withIt.every(({ items }) => items.every(({ text }) => !text.includes("hello there")))).toBe(true);

      await codex.quit();
      await listening(elm, 0);
      const asked = await say("are you back?");
      const answer = { call: "entmoot_reply", with: { id: asked.message_id, content: "back" } };
      model.answer("are you back?", answer);
      expect(model.seen("are you back?").times).toBe(0);
      await using again = await Codex.start(home, ["resume", agent.replace("codex ", "")]);
      expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
      await answered(oak, asked.message_id);
      expect((await deliveries(elm)).listeners).toMatchObject([{ agent }]);
      await nothingWaits(elm);
      await again.quit();
    },
  );

  if (!isWhole) return;
  testWhere(
    missing,
    "a bridge that is killed once its turn began leaves neither a loss nor a second turn",
    async () => {
      let door: KillingDoor | undefined;
      const between = (made: HostHome) => {
        door = new KillingDoor(made);
        return door.folder;
      };
      await using moot = await hostMoot((stub, node) => homeOf(stub, node, between));
      const { elm, home, model, say } = moot;
      using killing = door!;
      const codex = await Codex.start(home);
      await listening(elm);
      await say("only once, please");
      await model.saw("only once, please");
      await eventually("the end of the bridge", () => killing.hasKilled || undefined);
      await listening(elm, 0);
      expect((await deliveries(elm)).waiting).toMatchObject([{ state: "handed" }]);
      await codex.quit();

      // Another conversation's bridge finds it in the record of the first, and hands over what comes next.
      await using again = await Codex.start(home);
      await listening(elm);
      await nothingWaits(elm);
      await say("and now this");
      expect(await model.saw("and now this")).toMatchObject({ turns: 1, times: 1 });
      await nothingWaits(elm);
      expect(model.seen("only once, please")).toMatchObject({ turns: 1, times: 1 });
      await again.quit();
    },
  );
});
