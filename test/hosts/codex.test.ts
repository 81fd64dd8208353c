import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { AppServer } from "./app-server.ts";
import { Codex, codexHome } from "./codex.ts";
import { hostFacts } from "./host-facts.ts";
import { Probe } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

hostFacts(import.meta, () => {
  const missing = missingHost("codex") ?? missingHost("screen");

  testWhere(
    missing,
    "Codex takes what is typed, calls a tool of a server, and its daemon ends when told to",
    async () => {
      using model = new StubModel();
      await using home = codexHome(model);
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "probe", "--", ...probe.command]);
      await using host = await Codex.start(home);
      model.answer("say apple", { call: "probe_echo", with: { text: "apple" } });
      await host.submit("say apple");
      await probe.called("apple");
      expect((await model.saw("probe heard apple")).times).toBe(1);
      expect(model.seen("say apple")).toMatchObject({ turns: 1, times: 1 });
      const { pid } = await probe.started();
      expect(home.processes()).toContain(pid);
      using server = await AppServer.connect(home);
      await server.when(await server.thread(), "idle");
      expect(await host.quit()).toBe(0);
      await home.run(["app-server", "daemon", "stop"]);
      // Its updater goes on, so not everything ends.
      await eventually("the end of the probe", () => !home.processes().includes(pid) || undefined);
    },
  );
});
