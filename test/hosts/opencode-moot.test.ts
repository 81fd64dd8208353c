import { expect } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { PLUGIN_FILE, PLUGIN_TEXT } from "../../src/agent/opencode/plugin-text.ts";
import { BINARY } from "../support/binary.ts";
import type { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { isWhole } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import { askedAndAnswered, deliveries, hostMoot, killOurServers, listening, nothingWaits } from "./host-moot.ts";
import { HostTerminal } from "./host-terminal.ts";
import { opencodeHome, quit } from "./opencode.ts";
import type { StubModel } from "./stub/stub-model.ts";

/** Where the plugin puts its sockets. */
const FOLDER = `entmoot-opencode-${process.getuid?.()}`;

/** opencode's project with our server and our plugin, as set-up writes them. */
function homeOf(model: StubModel, node: DaemonNode, more: (home: HostHome) => object = () => ({})): HostHome {
  const home = opencodeHome(model);
  const environment = { ENTMOOT_DATA: node.data, ENTMOOT_HOST: "opencode", ...more(home) };
  const entry = { type: "local", command: [BINARY, "mcp"], environment, enabled: true };
  writeFileSync(join(home.project, "opencode.json"), JSON.stringify({ mcp: { entmoot: entry } }));
  mkdirSync(join(home.project, ".opencode/plugin"), { recursive: true });
  writeFileSync(join(home.project, ".opencode/plugin", PLUGIN_FILE), PLUGIN_TEXT);
  return home;
}

/** As a person starts it: without a port, so that no server of its own listens. */
async function start(home: HostHome, ...args: string[]): Promise<HostTerminal> {
  const terminal = await HostTerminal.start([home.program, ...args], { cwd: home.project, env: home.env });
  await terminal.shows("ctrl+p commands");
  return terminal;
}

/**
 * Stands between our server and our plugin: kills the one that began a run before it hears that the run was taken, once. Gives
 * the folder that our server is told to look in.
 */
class KillingDoor implements Disposable {
  readonly folder: string;
  hasKilled = false;
  readonly #home: HostHome;
  #server: Bun.Server<undefined> | undefined;

  constructor(home: HostHome) {
    this.#home = home;
    this.folder = join(home.path, "between");
    mkdirSync(join(this.folder, FOLDER), { recursive: true });
  }

  /** Once opencode runs. */
  async open(): Promise<void> {
    const behind = join(this.#home.path, "run", FOLDER);
    const name = await eventually("the plugin's socket", () => readdirSync(behind)[0]);
    this.#server?.stop(true);
    this.#server = Bun.serve({
      unix: join(this.folder, FOLDER, name),
      fetch: async (request) => {
        const { pathname, search } = new URL(request.url);
        const { method } = request;
        const body = method === "GET" ? {} : { body: await request.text() };
        const answer = await fetch(`http://localhost${pathname}${search}`, {
          method,
          unix: join(behind, name),
          ...body,
        });
        if (pathname.endsWith("/prompt_async") && !this.hasKilled) {
          this.hasKilled = true;
          killOurServers(this.#home);
        }
        return answer;
      },
    });
  }

  [Symbol.dispose](): void {
    this.#server?.stop(true);
  }
}

inNetns(import.meta, () => {
  const missing = missingHost("opencode") ?? missingHost("screen");

  testWhere(
    missing,
    "a message of a moot is one run of an idle and of a busy opencode, and its answer reaches who asked",
    async () => {
      await using moot = await hostMoot(homeOf);
      const { elm, home, model, say } = moot;
      await using terminal = await start(home);
      await listening(elm);
      terminal.type("half a draft");
      await terminal.shows("half a draft");

      // There is no session yet: one is made, and shown.
      expect((await askedAndAnswered(moot)).items).toMatchObject([{ by: "user" }]);
      await terminal.shows("what is two and two?");
      await terminal.shows("half a draft");
      await nothingWaits(elm);
      expect((await deliveries(elm)).listeners).toMatchObject([{ host: "opencode", door: "opencode session" }]);

      // Busy: the message is a run afterwards, in the same session.
      const held = model.hold("slow work", { text: "the slow work is done" });
      terminal.type("\x15");
      await terminal.submit("slow work");
      await held.arrived;
      await say("are you busy?");
      await eventually("it is in hand", async () => {
        const { waiting } = await deliveries(elm);
        return waiting[0]?.state === "handed" || undefined;
      });
      expect(model.seen("are you busy?").times).toBe(0);
      held.release();
      expect(await model.saw("are you busy?")).toMatchObject({ turns: 1, times: 1 });
      await nothingWaits(elm);
      const { items } = model.turns.findLast((turn) => turn.items.some(({ text }) => text.includes("are you busy?")))!;
      expect(items.some(({ text }) => text.includes("what is two and two?"))).toBe(true);
      await quit(terminal);
      await listening(elm, 0);

      // Closed: it waits for the next, which goes on with that session.
      await say("are you back?");
      await eventually("it waits", async () => ((await deliveries(elm)).waiting.length === 1 ? true : undefined));
      await using again = await start(home, "-c");
      expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
      const back = model.turns.findLast((turn) => turn.items.some(({ text }) => text.includes("are you back?")))!;
      expect(back.items.some(({ text }) => text.includes("what is two and two?"))).toBe(true);
      await again.shows("are you back?");
      await nothingWaits(elm);
      await quit(again);
    },
  );

  if (!isWhole) return;
  testWhere(missing, "a bridge that is killed once its run began leaves neither a loss nor a second run", async () => {
    let door: KillingDoor | undefined;
    const between = (made: HostHome) => {
      door = new KillingDoor(made);
      return { XDG_RUNTIME_DIR: door.folder };
    };
    await using moot = await hostMoot((stub, node) => homeOf(stub, node, between));
    const { elm, home, model, say } = moot;
    using killing = door!;
    const terminal = await start(home);
    await killing.open();
    await listening(elm);
    await say("only once, please");
    await model.saw("only once, please");
    await eventually("the end of the bridge", () => killing.hasKilled || undefined);
    await listening(elm, 0);
    expect((await deliveries(elm)).waiting).toMatchObject([{ state: "handed" }]);
    await quit(terminal);

    // The next one looks into all sessions first.
    await using again = await start(home);
    await killing.open();
    await listening(elm);
    await nothingWaits(elm);
    await say("and now this");
    expect(await model.saw("and now this")).toMatchObject({ turns: 1, times: 1 });
    await nothingWaits(elm);
    expect(model.seen("only once, please")).toMatchObject({ turns: 1, times: 1 });
    await quit(again);
  });
});
