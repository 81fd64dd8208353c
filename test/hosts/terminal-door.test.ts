import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import type { HostName } from "../../scripts/hosts/pinned.ts";
import { TERMINAL_CONFIG } from "../../src/agent/terminal/terminal-config.ts";
import { TerminalScreen } from "../../src/agent/terminal/terminal-screen.ts";
import { eventually } from "../support/eventually.ts";
import { hosted, someText, TestUser } from "../support/hosted.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { claudeHome } from "./claude.ts";
import { codexHome } from "./codex.ts";
import type { HostHome } from "./host-home.ts";
import { opencodeHome } from "./opencode.ts";
import { StubModel } from "./stub/stub-model.ts";

/** A user whose terminal answers what programs ask of it, as real ones do. */
class AnsweringUser extends TestUser {
  screen: TerminalScreen | undefined;

  override show(bytes: Uint8Array | string): void {
    super.show(bytes);
    this.screen?.feed(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
  }

  get rows(): string {
    return this.screen?.view.rows.join("\n") ?? "";
  }
}

const HOSTS: readonly {
  readonly name: HostName;
  readonly home: (model: StubModel) => HostHome;
  readonly args: readonly string[];
  /** Shown once it waits for its user. */
  readonly ready: RegExp;
}[] = [
  { name: "claude", home: claudeHome, args: ["--permission-mode", "default"], ready: /❯/ },
  { name: "codex", home: codexHome, args: [], ready: /Ask Codex to do anything/ },
  { name: "opencode", home: opencodeHome, args: [], ready: /Ask anything/ },
];

inNetns(import.meta, () => {
  for (const { name, home: makeHome, args, ready } of HOSTS) {
    testWhere(
      missingHost(name),
      `${name} in a terminal: a text is a turn, once, and a draft is left alone`,
      async () => {
        using model = new StubModel();
        await using home = makeHome(model);
        const user = new AnsweringUser();
        user.size = { columns: 100, rows: 30 };
        using screen = await TerminalScreen.open({
          size: user.size,
          onChange: () => {},
          onReply: (text) => user.type(text),
        });
        user.screen = screen;
        const shows = async (what: RegExp) => {
          try {
            await eventually(`on the screen: ${what}`, () => (what.test(user.rows) ? true : undefined));
          } catch (cause) {
            throw new Error(`not on the screen: ${what}\n${user.rows}`, { cause });
          }
        };
        await using host = await hosted([home.program, ...args], {
          env: home.env,
          folder: home.project,
          user,
          config: { ...TERMINAL_CONFIG, keyQuietMs: 1_000, readyWaitMs: 60_000, endWaitMs: 1_000 },
        });
        await shows(ready);

        // As bridges do: one that has only just started may not take its first line yet.
        const handed = async (text: string) => {
          for (;;) {
            const what = await host.hand(text).catch((cause) => {
              throw new Error(`${cause.message}\n${user.rows}`, { cause });
            });
            if (what.level !== "later") return what;
          }
        };
        expect(await handed(someText("apple-one"))).toMatchObject({ level: "submitted" });
        expect(await model.saw('reply(id="apple-one").')).toMatchObject({ turns: 1, times: 1 });

        // The user has begun a line; once it is rubbed out the next goes.
        await host.door.whenReady(new AbortController().signal);
        user.type("half");
        await shows(/half/);
        expect(host.door.hindrance("")).toEqual({ level: "later", reason: "its user has begun a line" });
        user.type("\x7f\x7f\x7f\x7f");
        expect(await handed(someText("apple-two"))).toMatchObject({ level: "submitted" });
        expect(await model.saw('reply(id="apple-two").')).toMatchObject({ turns: 1, times: 1 });
        expect(model.seen("half").times).toBe(0);

        if (name !== "claude") return;
        // A dialog before its user is not answered by what a peer has sent.
        model.answer("say cherry", { call: "Bash", with: { command: "touch cherry", description: "makes a file" } });
        await host.door.whenReady(new AbortController().signal);
        user.type("say cherry");
        await shows(/say cherry/);
        user.type("\r");
        await shows(/❯ 1\. Yes/);
        await eventually(
          "what stands in the way",
          () => host.door.hindrance("")?.reason.includes("a choice") || undefined,
        );
        user.type("\x1b");
      },
    );
  }
});
