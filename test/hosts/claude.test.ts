import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { testWhere } from "../support/needs.ts";
import { Claude, claudeHome } from "./claude.ts";
import { hostFacts } from "./host-facts.ts";
import { Probe } from "./probe.ts";
import { StubModel } from "./stub/stub-model.ts";

hostFacts(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "Claude Code takes what is typed, calls a tool of a server, and ends with all that it started",
    async () => {
      using model = new StubModel();
      await using home = claudeHome(model);
      const probe = new Probe(home.path);
      await home.run(["mcp", "add", "--scope", "user", "probe", "--", ...probe.command]);
      await using host = await Claude.start(home, [
        "--permission-mode",
        "default",
        "--allowedTools",
        "mcp__probe__probe_echo",
      ]);
      model.answer("say apple", { call: "probe_echo", with: { text: "apple" } });
      await host.terminal.submit("say apple");
      await probe.called("apple");
      expect((await model.saw("probe heard apple")).times).toBe(1);
      expect(model.seen("say apple")).toMatchObject({ turns: 1, times: 1 });
      const { pid } = await probe.started();
      expect(home.processes()).toContain(pid);
      await host.idle();
      expect(await host.quit()).toBe(0);
      await home.quiet();
    },
  );
});
