import { expect } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { attachScene } from "./attach-scene.ts";
import { Claude, claudeHome } from "./claude.ts";
import { handedAfterBusy } from "./handed-after-busy.ts";
import { isWhole } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import { answered, deliveries, killOurServers, listening, nothingWaits, stateOf } from "./host-moot.ts";
import { noteSeen } from "./seen.ts";
import { CLAUDE_ALLOWED } from "./woken-hosts.ts";

/** Every file below `folder` and what is in it, but for what the host notes of each of its runs. */
function filesBelow(folder: string): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name));
  const kept = found.filter((path) => !/\/(?:\.claude\/(?:backups|telemetry)|\.config\/git|tmp|run)\//.test(path));
  return Object.fromEntries(kept.map((path) => [path, readFileSync(path, "utf8")]));
}

function setInbound(home: HostHome, crossSessionInbound: string): void {
  mkdirSync(join(home.path, ".claude"), { recursive: true });
  writeFileSync(join(home.path, ".claude/settings.json"), `${JSON.stringify({ crossSessionInbound })}\n`);
}

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "where its inbox is closed Claude Code hears its moot by the monitor of a plugin, which detach takes back byte for byte",
    async () => {
      await using scene = await attachScene(claudeHome);
      const { here, home, main, model } = scene;
      setInbound(home, "refuse");
      // Its own first command makes what it keeps there.
      await home.run(["mcp", "list"]);
      const before = filesBelow(home.path);

      const dry = await main.ask(["attach", "claude", "-as", "elm", "-dry-run"], here);
      expect(dry).toMatchObject({ door: "claude monitor", entry: expect.stringContaining("plugin marketplace add") });
      expect(filesBelow(home.path)).toEqual(before);

      const attached = await main.ask(["attach", "claude", "-as", "elm"], here);
      expect(attached).toMatchObject({
        door: "claude monitor",
        proves: "read",
        skipped: [{ what: "inbox", why: expect.stringContaining("crossSessionInbound refuse") }, { what: "test" }],
        test: { state: "queued" },
      });
      expect((await main.ask(["detach", "claude"], here)).how).toBe("restored");
      expect(filesBelow(home.path)).toEqual(before);

      const { test, group_id } = await main.ask(["attach", "claude", "-as", "elm"], here);
      const elm = new DaemonNode(join(main.data, "voices"), "elm");
      const { local_node_id } = await elm.group(group_id);
      const say = (words: string) => main.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} ${words}`]);

      // Its first start hears the test.
      await using claude = await Claude.start(home, CLAUDE_ALLOWED);
      expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1 });
      await listening(elm);
      expect((await deliveries(elm)).listeners).toMatchObject([{ door: "claude monitor", can_look: true }]);
      await eventually("it is read", async () => (await stateOf(elm, test.message_id)) === "read" || undefined);
      await claude.idle();

      // Idle: one turn, marked as not its user's, and its answer arrives.
      const asked = await say("what is two and two?");
      model.answer("what is two and two?", { call: "entmoot_reply", with: { id: asked.message_id, content: "four" } });
      const seen = await model.saw("what is two and two?");
      expect(seen).toMatchObject({ turns: 1, times: 1 });
      expect(seen.items[0]!.text).toContain("[SYSTEM NOTIFICATION - NOT USER INPUT]");
      expect(seen.items[0]!.text).toContain(`&lt;entmoot-message id="${asked.message_id}"`);
      expect(seen.items[0]!.text).toContain('verified="signature"');
      await answered(main, asked.message_id);
      noteSeen("claude-monitor", {
        door: "claude monitor",
        as: seen.items[0]!.by,
        idle: await stateOf(elm, asked.message_id),
      });
      await claude.idle();

      // Busy: it is a turn afterwards.
      await handedAfterBusy(claude, { elm, model, say }, "claude-monitor");

      // Closed: what comes meanwhile is handed over once it runs again.
      expect(await claude.quit()).toBe(0);
      await listening(elm, 0);
      const closed = await say("are you back?");
      await using again = await Claude.start(home, CLAUDE_ALLOWED);
      expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
      await again.idle();
      await nothingWaits(elm);
      noteSeen("claude-monitor", { closed: await stateOf(elm, closed.message_id) });
      expect(await again.quit()).toBe(0);

      // The host has written into some of them since: what is ours is gone, and the others are as before.
      await main.ask(["detach", "claude"], here);
      const after = filesBelow(home.path);
      const ours = Object.entries(after).filter(
        ([path, text]) => /entmoot/i.test(path) || text.includes("claude-monitor"),
      );
      expect(ours.map(([path]) => path).filter((path) => !path.includes("/projects/"))).toEqual([]);
      expect(existsSync(join(elm.data, "claude-monitor"))).toBe(false);
      expect(after[join(home.path, ".claude/settings.json")]).toBe(before[join(home.path, ".claude/settings.json")]!);
    },
  );

  if (!isWhole) return;
  testWhere(
    missing,
    "where a session shows nothing of the test the monitor is set up in the same go, and -door inbox takes it back",
    async () => {
      await using scene = await attachScene(claudeHome);
      const { here, home, main, model } = scene;
      await home.run(["mcp", "list"]);
      await main.ask(["attach", "claude", "-as", "elm", "-test=false"], here);
      const elm = new DaemonNode(join(main.data, "voices"), "elm");
      // What is said on its command line no file shows.
      const refusing = [...CLAUDE_ALLOWED, "--settings", '{"crossSessionInbound":"refuse"}'];
      await using claude = await Claude.start(home, refusing);
      await listening(elm);
      const { door, running, skipped, test } = await main.ask(["attach", "claude"], here);
      expect({ door, running, test }).toMatchObject({
        door: "claude monitor",
        running: expect.stringContaining("claude "),
        test: null,
      });
      expect(skipped).toMatchObject([
        { what: "inbox", why: expect.stringContaining("shows nothing of it") },
        { what: "door", why: expect.stringContaining("plugins at its start") },
        { what: "test", why: expect.stringContaining("attach again") },
      ]);
      expect((await main.ask(["attach", "-status"], here)).attached).toMatchObject([{ door: "monitor" }]);
      expect(await claude.quit()).toBe(0);
      await listening(elm, 0);

      await using again = await Claude.start(home, refusing);
      await listening(elm);
      const heard = await main.ask(["attach", "claude"], here);
      expect(heard).toMatchObject({ door: "claude monitor", skipped: [{ what: "inbox" }] });
      expect(["delivered", "read", "acked"]).toContain(heard.test.state);
      expect(await model.saw("This is a test")).toMatchObject({ turns: 1, times: 1 });
      await again.idle();
      // A monitor that was killed is not started again by itself: nobody listens then, and that is said.
      killOurServers(home);
      await listening(elm, 0);
      expect((await main.run(["attach", "-status"], here)).stderr).toContain("nobody listens");
      expect(await again.quit()).toBe(0);

      const back = await main.ask(["attach", "claude", "-door", "inbox"], here);
      expect(back).toMatchObject({ door: "claude inbox", skipped: [{ what: "test" }] });
      expect(await home.run(["plugin", "list"])).not.toContain("entmoot");
      expect(existsSync(join(elm.data, "claude-monitor"))).toBe(false);
      await main.ask(["detach", "claude"], here);
    },
  );
});
