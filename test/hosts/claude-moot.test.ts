import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { BINARY } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { Claude, claudeHome } from "./claude.ts";
import { StubModel } from "./stub/stub-model.ts";
import { answered, deliveries, listening, nothingWaits, twoDaemons } from "./two-daemons.ts";

const ALLOWED = ["--permission-mode", "default", "--allowedTools", "mcp__entmoot__entmoot_reply"];

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "a message of a moot is one turn of a running Claude Code, and its answer reaches who asked",
    async () => {
      using folder = new TemporaryDirectory();
      const { elm, oak, say } = await twoDaemons(folder.path);
      await using _oak = oak;
      await using _elm = elm;
      using model = new StubModel();
      await using home = claudeHome(model);
      await home.run([
        "mcp",
        "add",
        "--scope",
        "user",
        "entmoot",
        "-e",
        `ENTMOOT_DATA=${elm.data}`,
        "--",
        BINARY,
        "mcp",
      ]);
      await using claude = await Claude.start(home, ALLOWED);
      await listening(elm);

      const asked = await say("what is two and two?");
      const answer = { call: "entmoot_reply", with: { id: asked.message_id, content: "two and two is four" } };
      model.answer("what is two and two?", answer);
      const seen = await model.saw("what is two and two?");
      expect(seen).toMatchObject({ turns: 1, times: 1 });
      expect(seen.items[0]!.text).toContain(`<entmoot-message id="${asked.message_id}"`);
      expect(seen.items[0]!.text).toContain('name="oak" verified="signature"');
      await answered(oak, asked.message_id);
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
