import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { BINARY } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { Claude, claudeHome } from "./claude.ts";
import { askedAndAnswered, deliveries, hostMoot, listening, nothingWaits } from "./host-moot.ts";

const ALLOWED = ["--permission-mode", "default", "--allowedTools", "mcp__entmoot__entmoot_reply"];

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "a message of a moot is one turn of a running Claude Code, and its answer reaches who asked",
    async () => {
      await using moot = await hostMoot(async (stub, node) => {
        const made = claudeHome(stub);
        const entry = ["entmoot", "-e", `ENTMOOT_DATA=${node.data}`, "--", BINARY, "mcp"];
        await made.run(["mcp", "add", "--scope", "user", ...entry]);
        return made;
      });
      const { elm, home, model, say } = moot;
      await using claude = await Claude.start(home, ALLOWED);
      await listening(elm);

      await askedAndAnswered(moot);
      await claude.idle();
      expect((await deliveries(elm)).waiting).toEqual([]);

      // Closed: what comes meanwhile is handed over once it runs again.
      expect(await claude.quit()).toBe(0);
      await listening(elm, 0);
      await say("are you back?");
      await eventually("it waits", async () => ((await deliveries(elm)).waiting.length === 1 ? true : undefined));
      await using again = await Claude.start(home, ALLOWED);
      expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
      await again.idle();
      await nothingWaits(elm);
    },
  );
});
