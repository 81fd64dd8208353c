import { expect } from "bun:test";
import { missingHost } from "../../scripts/hosts/install.ts";
import { eventually } from "../support/eventually.ts";
import { testWhere } from "../support/needs.ts";
import { inNetns } from "../support/netns.ts";
import { Claude } from "./claude.ts";
import { handedAfterBusy } from "./handed-after-busy.ts";
import { askedAndAnswered, deliveries, hostMoot, listening, nothingWaits, stateOf } from "./host-moot.ts";
import { noteSeen } from "./seen.ts";
import { CLAUDE_ALLOWED, WOKEN_HOSTS } from "./woken-hosts.ts";

inNetns(import.meta, () => {
  const missing = missingHost("claude") ?? missingHost("screen");

  testWhere(
    missing,
    "a message of a moot is one turn of a running Claude Code, and its answer reaches who asked",
    async () => {
      const { home: homeOf } = WOKEN_HOSTS.claude;
      await using moot = await hostMoot((stub, { data }) => homeOf(stub, () => ({ ENTMOOT_DATA: data })));
      const { elm, home, model, say } = moot;
      await using claude = await Claude.start(home, CLAUDE_ALLOWED);
      await listening(elm);

      const { asked, seen } = await askedAndAnswered(moot);
      const { door } = (await deliveries(elm)).listeners[0]!;
      noteSeen("claude", { door, as: seen.items[0]!.by, idle: await stateOf(elm, asked) });
      await claude.idle();
      expect((await deliveries(elm)).waiting).toEqual([]);

      // Busy: what it is about to say is said, and the message is a turn afterwards.
      await handedAfterBusy(claude, { elm, model, say }, "claude");

      // Cleared: its process shows another session, whose records are others.
      const [before] = (await deliveries(elm)).listeners;
      await claude.terminal.submit("/clear");
      await eventually("another session listens", async () => {
        const [now] = (await deliveries(elm)).listeners;
        return (now !== undefined && now.agent !== before!.agent) || undefined;
      });
      const cleared = await say("are you still there?");
      expect(await model.saw("are you still there?")).toMatchObject({ turns: 1, times: 1 });
      await eventually("it is read", async () => (await stateOf(elm, cleared.message_id)) === "read" || undefined);
      await claude.idle();

      // Closed: what comes meanwhile is handed over once it runs again.
      expect(await claude.quit()).toBe(0);
      await listening(elm, 0);
      const closed = await say("are you back?");
      await eventually("it waits", async () => ((await deliveries(elm)).waiting.length === 1 ? true : undefined));
      await using again = await Claude.start(home, CLAUDE_ALLOWED);
      expect(await model.saw("are you back?")).toMatchObject({ turns: 1, times: 1 });
      await again.idle();
      await nothingWaits(elm);
      noteSeen("claude", { closed: await stateOf(elm, closed.message_id) });
    },
  );
});
