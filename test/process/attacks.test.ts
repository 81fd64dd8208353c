import { expect, test } from "bun:test";
import { join } from "node:path";
import { status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { peers } from "../../src/node/operations/moots.ts";
import { ATTACKS, attackOn, HOSTILE_MEMBERS, VICTIM } from "../support/attack-on.ts";
import { DaemonNode } from "../support/daemon.ts";
import { LARGE_MOOT, layLargeMoot } from "../support/large-moot.ts";
import { inNetns } from "../support/netns.ts";
import { anonymousBytes } from "../support/process-memory.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const MESSAGES = 60_000;
const SILENT_MEMBERS = 1_000;

/** What the whole program may hold, whatever is done to it. */
const CEILING_BYTES = 400_000_000;

/** How often something is published meanwhile: enough that each attack has met its limits. */
const PUBLISHES = 300;

inNetns(import.meta, () => {
  test("under every attack at once a daemon stays under its ceiling, and what is published is stored", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "root");
    const members = [...HOSTILE_MEMBERS.values()];
    layLargeMoot(node.data, { founder: VICTIM, members, messages: MESSAGES, silent: SILENT_MEMBERS });
    await node.serve("-log-level", "error");
    await using client = await node.client();
    const { transport } = await client.call(status, {});
    const said = { group_id: LARGE_MOOT, topics: ["chat"], content: new Uint8Array(100) };
    await using _attacks = await attackOn({ ...transport, libraryDir: join(home.path, "lib") }, Object.keys(ATTACKS));
    for (let n = 0; n < PUBLISHES; n += 1) {
      await client.call(publish, said);
      expect(anonymousBytes(node.daemon.pid)).toBeLessThan(CEILING_BYTES);
    }
    const { groups, peer_refusals } = await client.call(status, {});
    expect(groups[0]?.messages).toBe(MESSAGES + PUBLISHES);
    // Who went past its part is known by name.
    const rows = (await client.call(peers, { group_id: LARGE_MOOT })).peers.filter(({ refusals }) => refusals > 0);
    expect(rows.map(({ refused_for }) => refused_for)).toContain("answers");
    expect(peer_refusals).toBeGreaterThanOrEqual(rows.reduce((sum, { refusals }) => sum + refusals, 0));
  });
});
