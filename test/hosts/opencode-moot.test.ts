import { expect } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import type { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { isWhole } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import {
  askedAndAnswered,
  deliveries,
  hostMoot,
  killedOnceGiven,
  killOurServers,
  listening,
  nothingWaits,
  stateOf,
} from "./host-moot.ts";
import { quit } from "./opencode.ts";
import { noteSeen } from "./seen.ts";
import type { StubModel } from "./stub/stub-model.ts";
import { startOpencode, WOKEN_HOSTS } from "./woken-hosts.ts";

/** Where the plugin puts its sockets. */
const FOLDER = `entmoot-opencode-${process.getuid?.()}`;

const homeOf = (model: StubModel, { data }: DaemonNode) =>
  WOKEN_HOSTS.opencode.home(model, () => ({ ENTMOOT_DATA: data }));

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
      await using terminal = await startOpencode(home);
      await listening(elm);
      terminal.type("half a draft");
      await terminal.shows("half a draft");

      // There is no session yet: one is made, and shown.
      const { asked, seen } = await askedAndAnswered(moot);
      expect(seen.items).toMatchObject([{ by: "user" }]);
      await terminal.shows("what is two and two?");
      await terminal.shows("half a draft");
      await nothingWaits(elm);
      expect((await deliveries(elm)).listeners).toMatchObject([{ host: "opencode", door: "opencode session" }]);
      noteSeen("opencode", { door: "opencode session", as: seen.items[0]!.by, idle: await stateOf(elm, asked) });

      // Busy: the message is a run afterwards, in the same session.
      const held = model.hold("slow work", { text: "the slow work is done" });
      terminal.type("\x15");
      await terminal.submit("slow work");
      await held.arrived;
      const busy = await say("are you busy?");
      await eventually("it is in hand", async () => {
        const { waiting } = await deliveries(elm);
        return waiting[0]?.state === "handed" || undefined;
      });
      expect(model.seen("are you busy?").times).toBe(0);
      held.release();
      expect(await model.saw("are you busy?")).toMatchObject({ turns: 1, times: 1 });
      await nothingWaits(elm);
      noteSeen("opencode", { busy: await stateOf(elm, busy.message_id) });
      const { items } = model.turns.findLast((turn) => turn.items.some(({ text }) => text.includes("are you busy?")))!;
      expect(items.some(({ text }) => text.includes("what is two and two?"))).toBe(true);
      await quit(terminal);
    },
  );

  testWhere(missing, "what came while no opencode ran is one run of the next", async () => {
    await using moot = await hostMoot(homeOf);
    const { elm, home, model, say } = moot;
    const closed = await say("are you there?");
    await eventually("it waits", async () => (await stateOf(elm, closed.message_id)) === "queued" || undefined);
    await using terminal = await startOpencode(home);
    expect(await model.saw("are you there?")).toMatchObject({ turns: 1, times: 1 });
    await terminal.shows("are you there?");
    await nothingWaits(elm);
    noteSeen("opencode", { closed: await stateOf(elm, closed.message_id) });
    await quit(terminal);
  });

  if (!isWhole) return;
  testWhere(missing, "what came while it was closed is a run of the session that it goes on with", async () => {
    await using moot = await hostMoot(homeOf);
    const { elm, home, model, say } = moot;
    await using terminal = await startOpencode(home);
    await listening(elm);
    await terminal.submit("hello there");
    await model.saw("hello there");
    await quit(terminal);
    await listening(elm, 0);
    await say("are you back?");
    await eventually("it waits", async () => ((await deliveries(elm)).waiting.length === 1 ? true : undefined));
    await using again = await startOpencode(home, ["-c"]);
    expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
    const back = model.turns.findLast((turn) => turn.items.some(({ text }) => text.includes("are you back?")))!;
    expect(back.items.some(({ text }) => text.includes("hello there"))).toBe(true);
    await again.shows("are you back?");
    await nothingWaits(elm);
    await quit(again);
  });

  testWhere(missing, "a bridge that is killed once its run began leaves neither a loss nor a second run", async () => {
    let door: KillingDoor | undefined;
    await using moot = await hostMoot((model, { data }) =>
      WOKEN_HOSTS.opencode.home(model, (made) => {
        door = new KillingDoor(made);
        return { ENTMOOT_DATA: data, XDG_RUNTIME_DIR: door.folder };
      }),
    );
    using killing = door!;
    const start = async () => {
      const running = await WOKEN_HOSTS.opencode.start(moot.home);
      await killing.open();
      return running;
    };
    // The next one looks into all sessions first.
    await killedOnceGiven(moot, { start, hasKilled: () => killing.hasKilled });
  });
});
