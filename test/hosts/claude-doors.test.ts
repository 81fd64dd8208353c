import { expect } from "bun:test";
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { testWhere } from "../support/needs.ts";
import { ClaudeInbox } from "./claude-inbox.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";

hostFacts(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(missing, "a plugin's monitor brings its line to an idle session that refuses its inbox", async () => {
    await using inbox = await ClaudeInbox.start(
      ["--permission-mode", "default", "--settings", '{"crossSessionInbound":"refuse"}'],
      { env: { DISABLE_TELEMETRY: "1" }, before: addMonitor },
    );
    const { claude, model } = inbox;
    await claude.terminal.shows("1 monitor");
    await inbox.send("apple by the inbox");
    appendFileSync(join(inbox.home.path, "market/lines.txt"), "apple by the monitor\n");
    const { turns, times, items } = await model.saw("apple by the monitor");
    expect({ turns, times }).toEqual({ turns: 1, times: 1 });
    expect(items[0]!.by).toBe("user");
    expect(items[0]!.text).toContain("[SYSTEM NOTIFICATION - NOT USER INPUT]");
    expect(items[0]!.text).toContain("<event>apple by the monitor</event>");
    expect(model.seen("apple by the inbox").times).toBe(0);
    // It is idle; `shell` says that something of its own still runs.
    expect((await claude.idle()).status).toBe("shell");
  });

  testWhere(missing, "what a monitor says at once is one event, of which each line and the whole are cut", async () => {
    await using inbox = await ClaudeInbox.start(["--permission-mode", "default"], { before: addMonitor });
    const { claude, home, model } = inbox;
    await claude.terminal.shows("1 monitor");
    const eventWith = async (words: string, lines: readonly string[]) => {
      appendFileSync(join(home.path, "market/lines.txt"), `${lines.join("\n")}\n`);
      const { turns, times, items } = await model.saw(words);
      expect({ turns, times }).toEqual({ turns: 1, times: 1 });
      await claude.idle();
      return /<event>([\s\S]*)<\/event>/.exec(items[0]!.text)![1]!;
    };
    const lines = Array.from({ length: 100 }, (_, n) => `grape ${n} of a hundred`);
    expect(await eventWith("grape 0 of", lines)).toBe(lines.join("\n"));
    expect(await eventWith("kiwi", [`kiwi&<${"x".repeat(600)}`])).toBe(`kiwi&amp;&lt;${"x".repeat(494)}...(truncated)`);
    const many = Array.from({ length: 8 }, (_, n) => `lemon ${n} ${"x".repeat(460)}`);
    const cut = await eventWith("lemon 0", many);
    expect(cut.replace(/\n?\.\.\.\(truncated\)$/, "")).toBe(many.join("\n").slice(0, 3_000));
  });

  testWhere(missing, "a hook that rewakes brings what it says to an idle session, once", async () => {
    await using inbox = await ClaudeInbox.start(["--permission-mode", "default"], { before: addRewakingHook });
    const { home, model } = inbox;
    writeFileSync(join(home.path, "go"), "");
    const { turns, times, items } = await model.saw("banana by the hook");
    expect({ turns, times }).toEqual({ turns: 1, times: 1 });
    expect(items[0]!.text).toContain("[SYSTEM NOTIFICATION - NOT USER INPUT]");
    await inbox.claude.idle();
  });

  testWhere(
    missing,
    "a server's tools are kept back until the model searches, and its user is asked before a call",
    async () => {
      await using inbox = await ClaudeInbox.start(["--permission-mode", "default"]);
      const { claude, model, probe } = inbox;
      model.answer("cherry", { call: "probe_reply", with: { text: "cherry" } });
      await inbox.send("cherry for you");
      await claude.terminal.shows("Do you want to proceed?");
      expect(model.turns[0]!.tools).toContain("ToolSearch");
      expect(model.turns[0]!.tools).not.toContain("mcp__probe__probe_reply");
      expect(model.turns.at(-1)!.tools).toContain("mcp__probe__probe_reply");
      expect(probe.calls).toEqual([]);
      await claude.allow();
      await probe.called("cherry");
      expect(probe.heard[0]).toMatchObject({ method: "server/discover" });
      expect(probe.heard[1]).toMatchObject({ method: "initialize", params: { protocolVersion: "2025-11-25" } });
    },
  );

  testWhere(missing, "a rule in the user's settings lets one tool be called unasked", async () => {
    await using inbox = await ClaudeInbox.start(["--permission-mode", "default"], {
      before: async (home) => writeSettings(home, { permissions: { allow: ["mcp__probe__probe_reply"] } }),
    });
    inbox.model.answer("damson", { call: "probe_reply", with: { text: "damson" } });
    await inbox.send("damson for you");
    await inbox.probe.called("damson");
  });

  testWhere(missing, "without a mode of its user's, a model is asked whether a call may be made", async () => {
    await using inbox = await ClaudeInbox.start([]);
    inbox.model.answer("elder", { call: "probe_reply", with: { text: "elder" } });
    await inbox.send("elder for you");
    await inbox.claude.terminal.shows("Auto mode works for now"); // Said once, where requests go through a gateway.
    await inbox.claude.allow();
    await inbox.probe.called("elder");
    const asked = inbox.model.requests.filter(({ items }) => /You are a security monitor/.test(items[0]!.text));
    expect(asked.length).toBeGreaterThan(0);
    expect(JSON.stringify(asked[0]!.newest)).toContain("elder for you");
  });
});

function writeSettings(home: HostHome, settings: object): void {
  mkdirSync(join(home.path, ".claude"), { recursive: true });
  writeFileSync(join(home.path, ".claude/settings.json"), JSON.stringify(settings));
}

/** A plugin whose monitor prints what is added to `market/lines.txt`, installed by the host's own commands. */
async function addMonitor(home: HostHome): Promise<void> {
  const market = join(home.path, "market");
  const write = (path: string, value: unknown) => {
    mkdirSync(join(market, path, ".."), { recursive: true });
    writeFileSync(join(market, path), typeof value === "string" ? value : JSON.stringify(value));
  };
  const plugins = [{ name: "lines", source: "./lines", description: "a probe" }];
  write(".claude-plugin/marketplace.json", { name: "probe-market", owner: { name: "probe" }, plugins });
  write("lines/.claude-plugin/plugin.json", { name: "lines", version: "1.0.0", description: "a probe" });
  write("lines/monitors/monitors.json", [
    { name: "lines", command: `exec tail -n +1 -F '${join(market, "lines.txt")}'`, description: "lines for the agent" },
  ]);
  write("lines.txt", "");
  await home.run(["plugin", "marketplace", "add", market]);
  await home.run(["plugin", "install", "lines@probe-market"]);
}

/** At the start of a session: a hook that waits for the file `go`, and then wakes the session with words. */
async function addRewakingHook(home: HostHome): Promise<void> {
  const script = join(home.path, "hook.sh");
  const wait = `while [ ! -e '${home.path}/go' ]; do sleep 0.05; done`;
  writeFileSync(script, `#!/bin/sh\n${wait}\necho 'banana by the hook' >&2\nexit 2\n`);
  chmodSync(script, 0o755);
  const hook = { type: "command", command: script, asyncRewake: true, timeout: 86_400 };
  writeSettings(home, { hooks: { SessionStart: [{ hooks: [hook] }] } });
}
