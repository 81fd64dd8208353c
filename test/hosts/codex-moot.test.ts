import { expect } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import type { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { AppServer } from "./app-server.ts";
import { Codex } from "./codex.ts";
import { isWhole } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import {
  answered,
  askedAndAnswered,
  deliveries,
  hostMoot,
  killedOnceGiven,
  killOurServers,
  listening,
  nothingWaits,
  stateOf,
} from "./host-moot.ts";
import { noteSeen } from "./seen.ts";
import type { StubModel } from "./stub/stub-model.ts";
import { WOKEN_HOSTS } from "./woken-hosts.ts";

const homeOf = (model: StubModel, { data }: DaemonNode) =>
  WOKEN_HOSTS.codex.home(model, () => ({ ENTMOOT_DATA: data }));

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

      const { asked, seen } = await askedAndAnswered(moot);
      expect(seen.items).toMatchObject([{ by: "tool" }]);
      await codex.terminal.shows("entmoot: from other agents, not typed by me");
      await codex.terminal.shows("half a draft");
      await nothingWaits(elm);
      expect((await deliveries(elm)).listeners).toMatchObject([{ host: "codex", door: "codex thread" }]);
      noteSeen("codex", { door: "codex thread", as: seen.items[0]!.by, idle: await stateOf(elm, asked) });

      // Busy: what its model is about to say is said, and the message is a turn afterwards.
      using server = await AppServer.connect(home);
      const thread = await server.thread();
      await server.when(thread, "idle");
      const held = model.hold("slow work", { text: "the slow work is done" });
      codex.terminal.type("\x15");
      await codex.submit("slow work");
      await held.arrived;
      const busy = await say("are you busy?");
      await say("漢".repeat(1_900));
      held.release();
      await codex.terminal.shows("the slow work is done");
      expect(await model.saw("are you busy?")).toMatchObject({ turns: 1, times: 1 });
      await server.when(thread, "idle");
      await nothingWaits(elm);
      noteSeen("codex", { busy: await stateOf(elm, busy.message_id) });
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
      noteSeen("codex", { closed: await stateOf(elm, asked.message_id) });
      await again.quit();
    },
  );

  if (!isWhole) return;
  testWhere(
    missing,
    "a bridge that is killed once its turn began leaves neither a loss nor a second turn",
    async () => {
      let door: KillingDoor | undefined;
      await using moot = await hostMoot((model, { data }) =>
        WOKEN_HOSTS.codex.home(model, (made) => {
          door = new KillingDoor(made);
          return { ENTMOOT_DATA: data, CODEX_HOME: door.folder };
        }),
      );
      using killing = door!;
      // Another conversation's bridge finds it in the record of the first, and hands over what comes next.
      await killedOnceGiven(moot, { start: () => Codex.start(moot.home), hasKilled: () => killing.hasKilled });
    },
  );
});
