import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { testWhere } from "../support/needs.ts";
import { hostFacts } from "./host-facts.ts";
import { Opencode, opencodeHome } from "./opencode.ts";
import { Probe } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

hostFacts(import.meta, () => {
  const missing = missingHost("opencode") ?? missingHost("screen");

  testWhere(
    missing,
    "opencode takes what is typed, calls a tool of a server, and ends with all that it started",
    async () => {
      using model = new StubModel();
      await using home = opencodeHome(model);
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "probe", "--", ...probe.command]);
      await using host = await Opencode.start(home);
      model.answer("say apple", { call: "probe_echo", with: { text: "apple" } });
      await host.terminal.submit("say apple");
      await probe.called("apple");
      expect((await model.saw("probe heard apple")).times).toBe(1);
      expect(model.seen("say apple")).toMatchObject({ turns: 1, times: 1 });
      const { pid } = await probe.started();
      expect(home.processes()).toContain(pid);
      expect(await host.quit()).toBe(0);
      await home.quiet();
    },
  );
});
