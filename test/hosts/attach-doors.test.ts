import { expect } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";

import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { Codex, codexHome } from "./codex.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import { HostTerminal } from "./host-terminal.ts";
import { opencodeHome } from "./opencode.ts";
import { StubModel } from "./stub/stub-model.ts";

/** Where a person types `entmootd` beside that host. */
function besideHost(home: HostHome, main: DaemonNode) {
  const env = { ...home.env, PATH: `${dirname(home.program)}:${process.env.PATH}`, ENTMOOT_DATA: main.data };
  return { cwd: home.project, env };
}

hostFacts(import.meta, () => {
  const screen = missingHost("screen");

  testWhere(missingHost("codex") ?? screen, "one command lets Codex hear the local moot", async () => {
    using folder = new TemporaryDirectory();
    await using main = new DaemonNode(folder.path, "main");
    await main.serve();
    using model = new StubModel();
    await using home = codexHome(model);
    const here = besideHost(home, main);
    expect(await main.ask(["attach", "codex"], here)).toMatchObject({ event: "attached", host: "codex" });
    await using codex = await Codex.start(home);
    expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1, items: [{ by: "tool" }] });
    const status = await eventually("the test is read", async () => {
      const now = await main.ask(["attach", "-status"], here);
      return now.attached[0].test === "read" ? now : undefined;
    });
    expect(status.attached[0]).toMatchObject({ daemon: true, listeners: [{ door: "codex thread", turns: 1 }] });
    await codex.quit();
    await main.ask(["detach", "codex"], here);
    expect(readFileSync(join(home.path, "config.toml"), "utf8")).not.toContain("entmoot");
  });

  testWhere(
    missingHost("opencode") ?? screen,
    "one command lets opencode hear the local moot, and one takes it back",
    async () => {
      using folder = new TemporaryDirectory();
      await using main = new DaemonNode(folder.path, "main");
      await main.serve();
      using model = new StubModel();
      await using home = opencodeHome(model);
      const here = besideHost(home, main);
      const attached = await main.ask(["attach", "opencode"], here);
      expect(attached).toMatchObject({ event: "attached", host: "opencode", voice: "opencode-project" });
      model.answer("This is a test", { call: "entmoot_ack", with: { id: attached.test.message_id } });
      await using terminal = await HostTerminal.start([home.program], { cwd: home.project, env: home.env });
      expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1 });
      const status = await eventually("the test is acknowledged", async () => {
        const now = await main.ask(["attach", "-status"], here);
        return now.attached[0].test === "acked" ? now : undefined;
      });
      expect(status.attached[0]).toMatchObject({ daemon: true, listeners: [{ door: "opencode session", turns: 1 }] });
      terminal.type("\x03");
      await terminal.ended();
      await main.ask(["detach", "opencode"], here);
      // opencode names its schema in that file by itself, which stays.
      expect(readFileSync(join(home.project, "opencode.json"), "utf8")).not.toContain("entmoot");
      expect(existsSync(join(home.project, ".opencode/plugin/entmoot.js"))).toBe(false);
    },
  );
});
