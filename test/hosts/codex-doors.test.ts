import { expect } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { AppServer } from "./app-server.ts";
import { Codex, codexHome } from "./codex.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostHome } from "./host-home.ts";
import { Probe } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

/** Codex on a terminal with the probe among its servers, and a second client of its daemon. */
class CodexDoor implements AsyncDisposable {
  static async start(model: StubModel, configure: (home: HostHome) => void = () => {}): Promise<CodexDoor> {
    const home = codexHome(model);
    try {
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "probe", "--", ...probe.command]);
      configure(home);
      const codex = await Codex.start(home);
      const server = await AppServer.connect(home);
      return new CodexDoor(home, probe, codex, server, await server.thread());
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(
    readonly home: HostHome,
    readonly probe: Probe,
    readonly codex: Codex,
    readonly server: AppServer,
    readonly thread: string,
  ) {}

  /** A turn with `value` as untrusted content under `id`, and `line` as the user's. */
  // biome-ignore lint/suspicious/noExplicitAny: the host's own records.
  async hand(id: string, value: string, line = `entmoot: ${id}`): Promise<any> {
    return await this.server.ask("turn/start", {
      threadId: this.thread,
      input: line === "" ? [] : [{ type: "text", text: line }],
      clientUserMessageId: id,
      additionalContext: { [id]: { kind: "untrusted", value } },
    });
  }

  async idle(): Promise<void> {
    await this.server.when(this.thread, "idle");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server[Symbol.dispose]();
    await this.codex[Symbol.asyncDispose]();
    await this.home[Symbol.asyncDispose]();
  }
}

hostFacts(import.meta, () => {
  const missing = missingHost("codex") ?? missingHost("screen");

  testWhere(
    missing,
    "untrusted content reaches an idle thread as a tool's output, leaves the draft, and is on record",
    async () => {
      using model = new StubModel();
      await using door = await CodexDoor.start(model);
      const { codex, server, thread } = door;
      codex.terminal.type("half a draft");
      await codex.terminal.shows("half a draft");
      // Before the first turn there is nothing to resume, and yet a turn can be started.
      await expect(server.ask("thread/resume", { threadId: thread })).rejects.toThrow("no rollout found");
      await door.hand("id-one", "apple one");
      expect(await model.saw("apple one")).toMatchObject({ turns: 1, times: 1, items: [{ by: "tool" }] });
      await door.idle();
      await codex.terminal.shows("› entmoot: id-one");
      await codex.terminal.shows("› half a draft");

      await server.ask("thread/resume", { threadId: thread, excludeTurns: true });
      await door.hand("id-two", "apple two");
      await server.event("item/completed", ({ item }) => item.type === "userMessage" && item.clientId === "id-two");
      await server.event("turn/completed", ({ turn }) => turn.status === "completed");
      // Its own records name it twice: the user's line by its id, the content by what letters and digits are in the key.
      const payloads = codex.rollout.map(({ payload }) => payload);
      expect(payloads.filter(({ item }) => item?.client_id === "id-two")).toHaveLength(1);
      expect(payloads.filter(({ name, output }) => name === "idtwo" && output === "apple two")).toHaveLength(1);
    },
  );

  testWhere(
    missing,
    "the same key and words again run a turn without the words; a tool's output comes again",
    async () => {
      using model = new StubModel();
      await using door = await CodexDoor.start(model);
      const { server, thread } = door;
      await door.hand("one", "banana one", "first line");
      await model.saw("first line");
      await door.idle();
      await door.hand("one", "banana one", "second line");
      await model.saw("second line");
      await door.idle();
      expect(model.seen("banana one")).toMatchObject({ turns: 1, times: 1 });

      const toolOutput = { name: "entmoot_message", namespace: "entmoot", output: "banana two" };
      await server.ask("turn/start", { threadId: thread, input: [], toolOutput });
      await model.saw("banana two");
      await door.idle();
      await server.ask("turn/start", { threadId: thread, input: [], toolOutput });
      await eventually("the same again", () => model.seen("banana two").times === 2 || undefined);
    },
  );

  testWhere(missing, "untrusted content is cut at some 4,000 characters", async () => {
    using model = new StubModel();
    await using door = await CodexDoor.start(model);
    await door.hand("long", `cherry ${"x".repeat(20_000)} end`);
    const [item] = (await model.saw("cherry")).items;
    expect(item!.text.length).toBeGreaterThan(3_500);
    expect(item!.text.length).toBeLessThan(4_500);
  });

  testWhere(
    missing,
    "an active thread refuses a turn without a line, drops what the model was about to say for one with it, and queues",
    async () => {
      using model = new StubModel();
      await using door = await CodexDoor.start(model);
      const { codex, probe, server, thread } = door;
      const held = model.hold("slow work", { call: "probe_echo", with: { text: "lost" } });
      await codex.submit("slow work");
      await held.arrived;
      await server.when(thread, "active");
      await expect(door.hand("none", "damson none", "")).rejects.toThrow("EmptyInput");
      const queued = [{ type: "text", text: "damson queued" }];
      await server.ask("thread/queue/add", { threadId: thread, input: queued, clientUserMessageId: "queued" });
      expect((await server.ask("thread/queue/list", { threadId: thread })).data).toHaveLength(1);
      await door.hand("joins", "damson joins");
      held.release();
      await model.saw("damson queued");
      await door.idle();
      expect(model.seen("damson joins")).toMatchObject({ turns: 1, times: 1 });
      expect(model.seen("damson queued")).toMatchObject({ turns: 1, times: 1, items: [{ by: "user" }] });
      expect(model.seen("damson none").times).toBe(0);
      expect(probe.calls).toEqual([]);
    },
  );

  testWhere(
    missing,
    "its user is asked before a call that changes something, and so is every client of the thread",
    async () => {
      using model = new StubModel();
      await using door = await CodexDoor.start(model);
      const { codex, probe, server, thread } = door;
      await door.hand("first", "elder first");
      await model.saw("elder first");
      await door.idle();
      await server.ask("thread/resume", { threadId: thread });
      model.answer("elder asks", { call: "probe_reply", with: { text: "elder" } });
      await door.hand("asks", "elder asks");
      await codex.terminal.shows("Allow the probe MCP server to run tool");
      await eventually("the question to this client", () => server.questions.length === 1 || undefined);
      expect(server.questions[0]!.method).toBe("mcpServer/elicitation/request");
      const { thread: read } = await server.ask("thread/read", { threadId: thread });
      expect(read.status).toEqual({ type: "active", activeFlags: ["waitingOnApproval"] });
      expect(probe.calls).toEqual([]);
    },
  );

  testWhere(
    missing,
    "a setting of its user's lets one tool be called unasked; a server gets little of the environment",
    async () => {
      using model = new StubModel();
      await using door = await CodexDoor.start(model, (home) =>
        appendFileSync(
          join(home.path, "config.toml"),
          '\n[mcp_servers.probe.tools.probe_reply]\napproval_mode = "approve"\n',
        ),
      );
      const { probe, thread } = door;
      model.answer("fig for you", { call: "probe_reply", with: { text: "fig" } });
      await door.hand("fig", "fig for you");
      await probe.called("fig");
      const { env } = await probe.started();
      expect(Object.keys(env).sort()).toEqual(["HOME", "LANG", "PATH", "SHELL", "TERM", "TMPDIR"]);
      expect(probe.heard[0]).toMatchObject({ method: "initialize", params: { protocolVersion: "2025-06-18" } });
      // Whose call it is stands in the call.
      expect(probe.heard.at(-1).params._meta.threadId).toBe(thread);
    },
  );

  testWhere(missing, "a thread goes on without its terminal: a turn runs that nobody sees", async () => {
    using model = new StubModel();
    await using door = await CodexDoor.start(model);
    await door.hand("first", "grape first");
    await model.saw("grape first");
    await door.idle();
    await door.codex.quit();
    await door.hand("second", "grape second");
    expect((await model.saw("grape second")).turns).toBe(1);
  });
});
