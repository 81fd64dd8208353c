import { expect, test } from "bun:test";
import { cpSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

interface Forked {
  readonly fork?: { readonly point: string; readonly heads: readonly { head: string; followed: boolean }[] };
  readonly founder_waits?: string;
  readonly roster_head: string;
  readonly removed?: { readonly entry_id: string };
}
const stateOf = async (node: DaemonNode) => (await node.group()) as Awaited<ReturnType<DaemonNode["group"]>> & Forked;
const KEY = identity(9).publicKey.toBase64();

inNetns(import.meta, () => {
  test("a founder restored from an old copy waits, is stopped at the fork it makes all the same, and heals it", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    await Promise.all([a.serve(), b.serve(), c.serve()]);
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    await b.ask(["join", link]);
    await a.end();
    cpSync(a.data, join(home.path, "backup"), { recursive: true, filter: (path) => !path.endsWith(".sock") });
    await a.serve();
    await c.ask(["join", link]);
    await c.ask(["publish", "-topic", "chat", "-content", "of the newcomer"]);
    await eventually("the newcomer at everybody", async () => {
      const moots = await Promise.all([a, b, c].map(stateOf));
      return moots.every(({ members, messages }) => members === 3 && messages === 1) || undefined;
    });
    await a.end();
    renameSync(a.data, join(home.path, "newer"));
    renameSync(join(home.path, "backup"), a.data);

    // Nothing says that there is a later roster; that it is another file does.
    expect((await stateOf(a)).founder_waits).toContain("another file");
    const change = ["roster", "add", "-group", group_id, "-pubkey", KEY];
    const waits = await a.run(change);
    expect([waits.status, waits.stderr]).toEqual([1, expect.stringContaining("may be an old one")]);
    const back = ["roster", "remove", "-group", group_id, "-pubkey", KEY];
    expect(await a.run(back)).toMatchObject({ status: 1, stderr: expect.stringContaining("may be an old one") });
    expect(await a.run([...back, "-alone"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("not a member"),
    });
    await a.ask([...change, "-alone"]);

    await a.serve();
    const forked = await eventually("the fork at everybody", async () => {
      const moots = await Promise.all([a, b, c].map(stateOf));
      return moots.every(({ fork }) => fork !== undefined) ? moots : undefined;
    });
    const stopped = await a.run(back);
    expect([stopped.status, stopped.stderr]).toEqual([5, expect.stringContaining("roster heal")]);
    expect((await b.run(["peers", "-group", group_id])).stderr).toContain("has forked");
    // The history that the members have is kept, and who was added alone is added again.
    const keep = forked[0]!.fork!.heads.find(({ followed }) => !followed)!.head;
    const heal = ["roster", "heal", "-group", group_id, "-keep", keep];
    const asked = await a.run(heal);
    expect([asked.status, asked.stderr]).toEqual([5, expect.stringContaining("original program cannot follow")]);
    const readmitted = [{ entmoot_pubkey: KEY }];
    expect(await a.ask([...heal, "-dry-run"])).toMatchObject({ dry_run: true, readmitted });
    expect(await a.ask([...heal, "-yes"])).toMatchObject({ kept: keep, readmitted, members: 4 });
    await eventually("one roster again", async () => {
      const moots = await Promise.all([a, b, c].map(stateOf));
      const isOne = moots.every(({ fork, messages, roster_head: head }) => {
        return fork === undefined && head === moots[0]!.roster_head && messages === 1;
      });
      return isOne || undefined;
    });

    // A member that is removed while it is away is told by the other, although the founder is gone.
    const { entmoot_pubkey } = await b.ask(["info"]);
    await b.end();
    const removal = ["roster", "remove", "-group", group_id, "-pubkey", entmoot_pubkey];
    const lines = c.spawn(["tail", "-group", group_id, "-members"]);
    // Printed by the watch, which tells of members by then; what came before it began is not.
    await eventually("a tail that watches", async () => {
      await a.ask(["publish", "-topic", "chat", "-content", "watched"]);
      return lines.stdout.includes("watched") || undefined;
    });
    await a.ask(removal);
    expect(await lines.json({ event: "member" })).toMatchObject({ change: "removed", entmoot_pubkey });
    await a.end();
    await b.serve();
    const out = await eventually("who is out knows", async () => {
      const moot = await stateOf(b);
      return moot.local_member ? undefined : moot;
    });
    expect(out.removed).toMatchObject({ entry_id: out.roster_head });
    const published = await b.run(["publish", "-topic", "chat", "-content", "into the void"]);
    expect([published.status, published.stderr]).toEqual([2, expect.stringContaining(out.roster_head)]);
    const health = await b.run(["env", "-exit-code"]);
    expect([health.status, health.stdout]).toEqual([1, expect.stringContaining("removed this node")]);
    expect((await b.run(["peers", "-group", group_id])).stderr).toContain(out.roster_head);
  });
});
