import { expect } from "bun:test";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { AppServer } from "./app-server.ts";
import { attachScene } from "./attach-scene.ts";
import { Codex, codexHome } from "./codex.ts";
import { hostFacts } from "./host-facts.ts";
import { answered } from "./host-moot.ts";
import { HostTerminal } from "./host-terminal.ts";
import { Opencode, opencodeHome } from "./opencode.ts";

/** A key at the end of a turn is taken for one that interrupts it. */
async function quitWhenIdle(codex: Codex): Promise<void> {
  using server = await AppServer.connect(codex.home);
  await server.when(await server.thread(), "idle");
  await codex.quit();
}

hostFacts(import.meta, () => {
  const screen = missingHost("screen");

  testWhere(
    missingHost("codex") ?? screen,
    "one command lets a Codex that runs hear the local moot, in its folder alone",
    async () => {
      await using scene = await attachScene(codexHome);
      const { here, home, main, model } = scene;
      const user = join(home.path, "config.toml");
      const project = join(home.project, ".codex/config.toml");
      const before = readFileSync(user, "utf8");
      await using codex = await Codex.start(home);
      model.answer("This is a test", { call: "entmoot_groups", with: {} });
      const attached = await main.ask(["attach", "codex"], here);
      expect(attached).toMatchObject({
        event: "attached",
        host: "codex",
        voice: "codex-project",
        door: "codex thread",
        running: expect.stringContaining("conversation "),
        skipped: [],
        test: { state: "read" },
      });
      expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1, items: [{ by: "tool" }] });
      const status = await main.ask(["attach", "-status"], here);
      expect(status.attached[0]).toMatchObject({ daemon: true, listeners: [{ door: "codex thread", turns: 1 }] });
      await quitWhenIdle(codex);

      // What it offers to allow is enough: its agent answers unasked.
      expect(readFileSync(project, "utf8")).not.toContain("approval_mode");
      appendFileSync(attached.allow.where, attached.allow.text);
      await using again = await Codex.start(home);
      const { local_node_id } = await new DaemonNode(join(main.data, "voices"), "codex-project").group();
      const asked = await main.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} two and two?`]);
      model.answer("two and two?", { call: "entmoot_reply", with: { id: asked.message_id, content: "four" } });
      await answered(main, asked.message_id);
      await quitWhenIdle(again);
      await main.ask(["detach", "codex"], here);
      expect(existsSync(project)).toBe(false);
      expect(readFileSync(user, "utf8")).not.toContain("entmoot");

      // In a folder that Codex does not trust it is set up for all of them, and says so.
      writeFileSync(user, before.replace(/\n\[projects[\s\S]*/, "\n"));
      const untrusted = await main.ask(["attach", "codex"], here);
      expect(untrusted).toMatchObject({ voice: "codex", skipped: [{ what: "project" }, { what: "test" }] });
      expect(readFileSync(user, "utf8")).toContain("[mcp_servers.entmoot]");
      expect((await main.ask(["detach", "codex"], here)).how).toBe("restored");
    },
  );

  testWhere(
    missingHost("opencode") ?? screen,
    "one command lets opencode hear the local moot, and one takes it back",
    async () => {
      await using scene = await attachScene(opencodeHome);
      const { here, home, main, model } = scene;
      const attached = await main.ask(["attach", "opencode"], here);
      expect(attached).toMatchObject({ event: "attached", host: "opencode", voice: "opencode-project", running: null });
      model.answer("This is a test", { call: "entmoot_ack", with: { id: attached.test.message_id } });
      await using terminal = await HostTerminal.start([home.program], { cwd: home.project, env: home.env });
      // A start with a plugin takes its time.
      await terminal.shows("ctrl+p commands");
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

  testWhere(
    missingHost("opencode") ?? screen,
    "an opencode that runs with a port hears the moot at once by -url",
    async () => {
      await using scene = await attachScene(opencodeHome);
      const { here, home, main, model } = scene;
      await using opencode = await Opencode.start(home);

      // Without its address it is seen, and told as one that hears nothing yet.
      const deaf = await main.ask(["attach", "opencode"], here);
      expect(deaf).toMatchObject({ running: `process ${opencode.terminal.pid}`, test: { state: "queued" } });
      expect(deaf.skipped).toMatchObject([{ what: "door" }, { what: "test" }]);
      await main.ask(["detach", "opencode"], here);

      model.answer("This is a test", { call: "entmoot_groups", with: {} });
      const attached = await main.ask(["attach", "opencode", "-url", opencode.url], here);
      expect(attached).toMatchObject({
        door: "opencode session",
        running: opencode.url,
        skipped: [{ what: "plugin" }],
        voice: "opencode-project",
      });
      expect(["delivered", "read", "answered"]).toContain(attached.test.state);
      await opencode.terminal.shows("This is a test");
      expect(existsSync(join(home.project, ".opencode"))).toBe(false);
      const { local_node_id } = await new DaemonNode(join(main.data, "voices"), "opencode-project").group();
      const asked = await main.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} two and two?`]);
      model.answer("two and two?", { call: "entmoot_reply", with: { id: asked.message_id, content: "four" } });
      await answered(main, asked.message_id);

      // A password that is not its own is told as that, and nothing is changed.
      const wrong = { ...here, env: { ...here.env, OPENCODE_SERVER_PASSWORD: "plum" } };
      const refused = await main.run(["attach", "opencode", "-url", opencode.url], wrong);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toContain("OPENCODE_SERVER_PASSWORD");
      await opencode.quit();
      await main.ask(["detach", "opencode"], here);
      const gone = await main.run(["attach", "opencode", "-url", opencode.url], here);
      expect(gone.status).toBe(1);
      expect(gone.stderr).toContain("opencode --port");
      expect((await main.ask(["attach", "-status"], here)).attached).toEqual([]);
    },
  );
});
