import { expect } from "bun:test";
import { eventually } from "../support/eventually.ts";
import type { Claude } from "./claude.ts";
import { type HostMoot, stateOf } from "./host-moot.ts";
import { noteSeen } from "./seen.ts";
import type { WokenHostName } from "./woken-hosts.ts";

/** A message that comes while `claude` works waits for the end of that, and is one turn then, by whichever door `name` has. */
export async function handedAfterBusy(
  claude: Claude,
  { elm, model, say }: Pick<HostMoot, "elm" | "model" | "say">,
  name: WokenHostName,
): Promise<void> {
  const held = model.hold("slow work", { text: "the slow work is done" });
  await claude.terminal.submit("slow work");
  await held.arrived;
  const busy = await say("are you busy?");
  await eventually("it is in hand", async () => (await stateOf(elm, busy.message_id)) === "handed" || undefined);
  expect(model.seen("are you busy?").times).toBe(0);
  held.release();
  expect(await model.saw("are you busy?")).toMatchObject({ turns: 1, times: 1 });
  await claude.terminal.shows("the slow work is done");
  await eventually("it is read", async () => (await stateOf(elm, busy.message_id)) === "read" || undefined);
  noteSeen(name, { busy: await stateOf(elm, busy.message_id) });
  await claude.idle();
}
