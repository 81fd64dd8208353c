import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/daemon.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { attachScene } from "./attach-scene.ts";
import { Claude, claudeHome } from "./claude.ts";

/** Its own record names the message once it has taken it, and says a moment later that it is in the conversation. */
const HEARD = ["delivered", "read", "acked"];

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "one command lets Claude Code hear the local moot, whether it runs or not, and one takes it back byte for byte",
    async () => {
      await using scene = await attachScene(claudeHome);
      const { here, home, main, model } = scene;
      const config = join(home.path, ".claude.json");
      // Its own first command makes what it keeps there.
      await home.run(["mcp", "list"]);

      // It does not run: its first start hears the test.
      const attached = await main.ask(["attach", "claude"], here);
      expect(attached).toMatchObject({
        event: "attached",
        host: "claude",
        voice: "claude-project",
        door: "claude inbox",
        proves: "read",
        running: null,
        skipped: [{ what: "test", why: expect.stringContaining("does not run") }],
        test: { state: "queued" },
      });
      expect(await home.run(["mcp", "list"])).toContain("entmoot");
      // What it offers to allow was not written, and is enough once its user writes it.
      expect(existsSync(attached.allow.where)).toBe(false);
      mkdirSync(dirname(attached.allow.where), { recursive: true });
      writeFileSync(attached.allow.where, attached.allow.text);
      model.answer("This is a test", { call: "entmoot_ack", with: { id: attached.test.message_id } });
      await using claude = await Claude.start(home, ["--permission-mode", "default"]);
      expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1 });
      const status = await eventually("the test is acknowledged", async () => {
        const now = await main.ask(["attach", "-status"], here);
        return now.attached[0].test === "acked" ? now : undefined;
      });
      expect(status.attached[0]).toMatchObject({
        daemon: true,
        listeners: [{ door: "claude inbox", turns: 1 }],
        moot: "member",
      });
      await claude.idle();

      // It runs, and has our tools: the test goes to it at once.
      const again = await main.ask(["attach", "claude"], here);
      expect(again).toMatchObject({ running: expect.stringContaining("claude "), skipped: [] });
      expect(HEARD).toContain(again.test.state);
      // Its agent acknowledged the first one alone: this one is done with because it was shown.
      expect((await main.ask(["attach", "-status"], here)).attached[0].test).toBe("acked");
      await claude.idle();
      expect(await claude.quit()).toBe(0);

      // The host has written there since; the entry goes, and nothing else.
      const { how } = await main.ask(["detach", "claude"], here);
      expect(how).toBe("removed");
      expect(await home.run(["mcp", "list"])).not.toContain("entmoot");

      // It runs, and was set up after its start: its inbox hears the test all the same.
      await using before = await Claude.start(home);
      const { stdout, status: exit, stderr } = await main.run(["attach", "claude", "-as", "elm"], here);
      const elm = JSON.parse(stdout);
      expect({ exit, ...elm }).toMatchObject({
        exit: 0,
        door: "claude inbox",
        running: `session ${before.session?.sessionId}, process ${before.terminal.pid}`,
        skipped: [],
      });
      expect(HEARD).toContain(elm.test.state);
      expect(stderr).toContain("start Claude Code again");
      await before.idle();
      expect(await before.quit()).toBe(0);
      await main.ask(["detach", "claude"], here);

      // Where it has not, the bytes are those of before.
      const between = readFileSync(config, "utf8");
      await main.ask(["attach", "claude"], here);
      await main.ask(["attach", "claude"], here);
      expect(readFileSync(config, "utf8")).not.toBe(between);
      expect((await main.ask(["detach", "claude"], here)).how).toBe("restored");
      expect(readFileSync(config, "utf8")).toBe(between);
      expect(existsSync(join(main.data, "voices", "claude-project", "identity.json"))).toBe(true);
    },
  );
});
