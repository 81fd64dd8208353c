import { expect } from "bun:test";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { hostFacts } from "./host-facts.ts";
import { Opencode, opencodeHome } from "./opencode.ts";
import { PluginFolder } from "./opencode-plugin.ts";
import { Probe, readLines } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

hostFacts(import.meta, () => {
  const missing = missingHost("opencode") ?? missingHost("screen");

  testWhere(
    missing,
    "a prompt by the server is a turn of the session on the terminal, joins a run, and is known by its mark",
    async () => {
      using model = new StubModel();
      await using home = opencodeHome(model);
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "probe", "--", ...probe.command]);
      await using opencode = await Opencode.start(home);
      const { terminal } = opencode;
      // There is no session before its user says something, or somebody makes one and shows it.
      expect(await opencode.json("GET", "/session")).toEqual([]);
      const { id } = await opencode.json("POST", "/session", {});
      await opencode.ask("POST", "/tui/select-session", { sessionID: id });

      const events = opencode.listen();
      const first = await opencode.prompt(id, "apple one", { entmoot: "id-one" });
      expect(first.status).toBe(204);
      expect(await model.saw("apple one")).toMatchObject({ turns: 1, times: 1, items: [{ by: "user" }] });
      await opencode.idle(id);
      await terminal.shows("apple one");
      await eventually(
        "the end of the run in its events",
        () => events.some(({ type }) => type === "session.idle") || undefined,
      );
      terminal.type("half a draft");
      await terminal.shows("half a draft");

      const held = model.hold("slow work", { call: "probe_reply", with: { text: "busy" } });
      await opencode.prompt(id, "slow work");
      await held.arrived;
      expect(await opencode.json("GET", "/session/status")).toEqual({ [id]: { type: "busy" } });
      await opencode.prompt(id, "apple two", { entmoot: "id-two" });
      held.release();
      // Nobody was asked before the call.
      await probe.called("busy");
      await model.saw("apple two");
      await opencode.idle(id);
      const { newest } = model.turns.findLast((turn) => turn.newest.some(({ text }) => text.includes("apple two")))!;
      expect(newest.map(({ by }) => by)).toEqual(["tool", "user"]);
      await terminal.shows("half a draft");

      // What was marked is found by its mark, with the run that answered it.
      const messages = await opencode.json("GET", `/session/${id}/message`);
      const marked = messages.filter(({ parts }: Message) =>
        parts.some(({ metadata }) => metadata?.entmoot === "id-two"),
      );
      expect(marked).toHaveLength(1);
      expect(messages.some(({ info }: Message) => info.parentID === marked[0].info.id)).toBe(true);

      // The same id again is taken and not refused: its words stand with the old ones, and nothing runs.
      const again = { messageID: marked[0].info.id, parts: [{ type: "text", text: "apple three" }] };
      expect((await opencode.ask("POST", `/session/${id}/prompt_async`, again)).status).toBe(204);
      await eventually("the words in its records", async () => {
        const { parts } = await opencode.json("GET", `/session/${id}/message/${marked[0].info.id}`);
        return parts.length === 2 || undefined;
      });
      await opencode.idle(id);
      await opencode.prompt(id, "apple four");
      await model.saw("apple four");
      expect(model.seen("apple three")).toMatchObject({ turns: 0, times: 1 });
      await opencode.idle(id);
    },
  );

  testWhere(missing, "a plugin hears of runs and starts one from inside", async () => {
    using model = new StubModel();
    using plugin = new PluginFolder();
    await using home = opencodeHome(model, { plugin: [`file://${plugin.path}`] });
    plugin.write(home.path);
    await using opencode = await Opencode.start(home);
    const { id } = await opencode.json("POST", "/session", {});
    const request = join(home.path, "request.json");
    writeFileSync(`${request}.new`, JSON.stringify({ session: id, text: "banana by the plugin" }));
    renameSync(`${request}.new`, request);
    expect(await model.saw("banana by the plugin")).toMatchObject({ turns: 1, times: 1 });
    await opencode.idle(id);
    const said = await eventually("the end of the run, heard by the plugin", () => {
      const lines = readLines(join(home.path, "plugin.jsonl"));
      return lines.some(({ event }) => event === "session.idle") ? lines : undefined;
    });
    expect(said[0].serverUrl).toStartWith("http://127.0.0.1:");
    expect(said.filter(({ status }) => status === 204)).toHaveLength(1);
  });
});

interface Message {
  readonly info: { readonly id: string; readonly parentID?: string };
  readonly parts: readonly { readonly metadata?: Readonly<Record<string, string>> }[];
}
