import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { ClaudeInbox } from "./claude-inbox.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";

/** The user is asked before a tool is called, but for the probe's echo. */
const ASKING = ["--permission-mode", "default", "--allowedTools", "mcp__probe__probe_echo"];

hostFacts(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(missing, "a message to an idle session is a turn of its own, and leaves the user's draft", async () => {
    await using inbox = await ClaudeInbox.start(ASKING);
    const { claude, model, probe } = inbox;
    const { env, pid, ppid } = await probe.started();
    expect(ppid).toBe(claude.terminal.pid);
    expect(env.CLAUDE_CODE_SESSION_ID).toBe(claude.session!.sessionId);
    expect(env.CLAUDE_PROJECT_DIR).toBe(inbox.home.project);
    claude.terminal.type("half a dra");
    await claude.terminal.shows("half a dra");

    const id = await inbox.send("apple one");
    const seen = await model.saw("apple one");
    await claude.idle();
    expect(seen).toMatchObject({ turns: 1, times: 1 });
    expect(seen.items[0]).toMatchObject({ by: "user" });
    expect(seen.items[0]!.text).toStartWith("Another Claude session sent a message:\napple one\n");
    expect(await inbox.evidence(id)).toBe("user");
    expect(claude.transcript.find(({ origin }) => origin?.msg_id === id).origin).toMatchObject({
      verifiedPeerPid: pid,
    });
    await claude.terminal.shows(/❯\s+half a dra\s*\n/);
  });

  testWhere(
    missing,
    "a message to a busy session joins the turn between two calls, or follows it with priority later",
    async () => {
      await using inbox = await ClaudeInbox.start(ASKING);
      const { claude, model } = inbox;
      const held = model.hold("slow work", { call: "probe_echo", with: { text: "busy" } });
      await claude.terminal.submit("slow work");
      await held.arrived;
      const joining = await inbox.send("banana one");
      const following = await inbox.send("banana two", { priority: "later" });
      held.release();
      await model.saw("banana two");
      await claude.idle();

      const [first] = model.seen("banana one").items;
      expect(model.seen("banana one")).toMatchObject({ turns: 1, times: 1 });
      // As weighty as the host's own words: what stands in it must say who speaks.
      expect(first).toMatchObject({ by: "system" });
      expect(first!.text).toStartWith("Another Claude session sent a message while you were working:\nbanana one\n");
      expect(await inbox.evidence(joining)).toBe("attachment/queued_command");
      expect(model.seen("banana two")).toMatchObject({ turns: 1, times: 1, items: [{ by: "user" }] });
      expect(await inbox.evidence(following)).toBe("user");
    },
  );

  testWhere(missing, "priority now drops what the model was about to say", async () => {
    await using inbox = await ClaudeInbox.start(ASKING);
    const { claude, model, probe } = inbox;
    const held = model.hold("slow work", { call: "probe_echo", with: { text: "lost" } });
    await claude.terminal.submit("slow work");
    await held.arrived;
    await inbox.send("cherry now", { priority: "now" });
    await model.saw("cherry now");
    held.release();
    await claude.idle();
    expect(probe.calls).toEqual([]);
  });

  testWhere(missing, "a message waits while a dialog asks the user, and does not answer it", async () => {
    await using inbox = await ClaudeInbox.start(ASKING);
    const { claude, model, probe } = inbox;
    model.answer("ask me", { call: "probe_reply", with: { text: "asked" } });
    await claude.terminal.submit("ask me");
    await claude.terminal.shows("Do you want to proceed?");
    expect(await claude.waiting()).toMatchObject({ waitingFor: "permission prompt" });
    await inbox.send("damson one");
    expect(probe.calls).toEqual([]);
    expect(model.seen("damson one").times).toBe(0);
    await claude.allow();
    await probe.called("asked");
    expect(await model.saw("damson one")).toMatchObject({ turns: 1, times: 1, items: [{ by: "system" }] });
  });

  testWhere(
    missing,
    "only the very words of the message before bring no turn; an id that came before does",
    async () => {
      await using inbox = await ClaudeInbox.start(ASKING);
      const { claude, model } = inbox;
      const msg_id = await inbox.send("elder one");
      await model.saw("elder one");
      await claude.idle();
      await inbox.send("elder one", { msg_id });
      await claude.terminal.shows("Dropped a peer message");
      await inbox.send("elder two");
      await model.saw("elder two");
      expect(model.seen("elder one")).toMatchObject({ turns: 1, times: 1 });
      await claude.idle();
      await inbox.send("elder one", { msg_id });
      await eventually("a second turn", () => model.seen("elder one").turns === 2 || undefined);
    },
  );

  testWhere(missing, "another session's id and more than 1 MB bring no turn", async () => {
    await using inbox = await ClaudeInbox.start(ASKING);
    const { claude, model } = inbox;
    await inbox.send("juniper one", { session_id: crypto.randomUUID() });
    void inbox.send(`juniper two ${"x".repeat(1_200_000)}`).catch(() => {});
    await inbox.send("juniper last", { session_id: claude.session!.sessionId });
    await model.saw("juniper last");
    expect(model.seen("juniper one").times).toBe(0);
    expect(model.seen("juniper two").times).toBe(0);
  });

  testWhere(
    missing,
    "/clear begins another session in the process, and what names the old one is dropped",
    async () => {
      await using inbox = await ClaudeInbox.start(ASKING);
      const { claude, model } = inbox;
      const { sessionId: before } = await claude.idle();
      await claude.terminal.submit("/clear");
      const now = await eventually("another session", () => {
        const { sessionId } = claude.session ?? { sessionId: before };
        return sessionId === before ? undefined : sessionId;
      });
      await inbox.send("mango one", { session_id: before });
      const id = await inbox.send("mango two", { session_id: now });
      await model.saw("mango two");
      expect(model.seen("mango one").times).toBe(0);
      await inbox.evidence(id);
      expect(claude.transcript.find(({ origin }) => origin?.msg_id === id)).toMatchObject({ sessionId: now });
    },
  );

  testWhere(
    missing,
    "of a burst from one sender the first thirty come in, and it is not told of the others",
    async () => {
      await using inbox = await ClaudeInbox.start(ASKING);
      const { claude, model } = inbox;
      const held = model.hold("slow work");
      await claude.terminal.submit("slow work");
      await held.arrived;
      for (let number = 100; number < 140; number++) await inbox.send(`lemon ${number}`);
      held.release();
      await model.saw("lemon 129");
      await claude.idle();
      const came = Array.from({ length: 40 }, (_, index) => model.seen(`lemon ${100 + index}`).times);
      expect(came.slice(0, 30)).toEqual(Array(30).fill(1));
      // It grows again while they come.
      expect(came.at(-1)).toBe(0);
    },
  );

  for (const name of ["DISABLE_TELEMETRY", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"]) {
    testWhere(missing, `the inbox is open with ${name}`, async () => {
      await using inbox = await ClaudeInbox.start(ASKING, { env: { [name]: "1" } });
      const id = await inbox.send("fig one");
      expect((await inbox.model.saw("fig one")).turns).toBe(1);
      await inbox.claude.idle();
      expect(await inbox.evidence(id)).toBe("user");
    });
  }

  testWhere(missing, "crossSessionInbound hold shows a message to the user and not to the model", async () => {
    await using inbox = await ClaudeInbox.start([...ASKING, "--settings", '{"crossSessionInbound":"hold"}']);
    const id = await inbox.send("grape one");
    await inbox.claude.terminal.shows("Held peer message");
    expect(inbox.model.seen("grape one").times).toBe(0);
    expect(inbox.evidenceNow(id)).toBeUndefined();
  });

  testWhere(
    missing,
    "without permission checks a child's message comes in, and the user is asked about any other",
    async () => {
      await using inbox = await ClaudeInbox.start(["--dangerously-skip-permissions"], {
        env: { IS_SANDBOX: "1" },
        before: async (home) => writeSettings(home, { skipDangerousModePermissionPrompt: true }),
      });
      await inbox.send("kiwi child");
      expect((await inbox.model.saw("kiwi child")).turns).toBe(1);
      await inbox.claude.idle();
      const stranger = connect(inbox.socket, () => stranger.end(`${JSON.stringify(inbox.frame("kiwi stranger"))}\n`));
      await inbox.claude.terminal.shows("The sender did not attest its permission mode");
      expect(inbox.model.seen("kiwi stranger").times).toBe(0);
    },
  );
});

function writeSettings(home: HostHome, settings: object): void {
  mkdirSync(join(home.path, ".claude"), { recursive: true });
  writeFileSync(join(home.path, ".claude/settings.json"), JSON.stringify(settings));
}
