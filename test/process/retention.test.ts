import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { signMessage } from "../../src/core/record/message.ts";
import { readIdentity } from "../../src/host/identity-file.ts";
import { publish_signed } from "../../src/node/operations/messages.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const DAY = 86_400_000;

/** Takes in a message that this node's key signed `days` ago. */
async function sayDaysAgo(node: DaemonNode, group_id: string, days: number): Promise<void> {
  const { seed, publicKey } = readIdentity(join(node.data, "identity.json"))!;
  const { local_node_id } = await node.group();
  const message = signMessage({
    seed,
    group_id: GroupId.fromBytes(Uint8Array.fromBase64(group_id)),
    author: { pilot_node_id: local_node_id, entmoot_pubkey: publicKey },
    timestamp: BigInt(Date.now() - days * DAY),
    topics: ["chat"],
    parents: [],
    content: encodeUtf8(`${days} days ago`),
    references: [],
  });
  await using client = await node.client();
  await client.call(publish_signed, { message });
}

const lines = ({ stderr }: { readonly stderr: string }) =>
  stderr.split("\n").filter((line) => line.includes("removed"));

inNetns(import.meta, () => {
  test("a daemon that starts removes nothing until a member agrees on the time, and then says what it removed", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    await using ash = new DaemonNode(home.path, "ash");
    await Promise.all([oak.serve(), ash.serve()]);
    const created = await oak.ask(["group", "create", "-name", "council", "-retention", "30"]);
    expect(created).toMatchObject({
      retention_days: 30,
      retention: expect.stringMatching(/^keeps 30 days: messages older than \d{4}-/),
    });
    const { group_id } = created;
    for (const days of [60, 32, 1]) await sayDaysAgo(oak, group_id, days);
    await oak.end();
    await oak.serve();
    expect(await oak.group()).toMatchObject({
      messages: 3,
      policy: "standard",
      retention: {
        days: 30,
        removed: 0,
        removed_before: null,
        clock: "unproved",
        clock_note: expect.stringContaining("nothing is removed"),
        root_note: expect.stringContaining("members with the original program"),
      },
    });
    expect(lines(oak.daemon)).toEqual([]);

    const { link } = await oak.ask(["invite", "link", "-group", group_id]);
    await ash.ask(["join", link]);
    const { cutoff } = (await oak.group()).retention!;
    for (const node of [oak, ash]) {
      const group = await eventually("what is too old is gone", async () => {
        const now = await node.group();
        return now.messages === 1 ? now : undefined;
      });
      expect(group).toMatchObject({ retention: { cutoff, clock: "agreed", removed_before: cutoff } });
    }
    expect(lines(oak.daemon)).toHaveLength(1);
    expect(lines(oak.daemon)[0]).toContain(`removed 2 messages older than ${cutoff} (retention: 30 days)`);
    const [a, b] = [await oak.group(), await ash.group()];
    expect(a.merkle_root).toBe(b.merkle_root);
  });

  test("a moot that up founds keeps everything, and so does one that is told to", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "elm");
    expect(await node.up("-json")).toMatchObject({
      policy: "relaxed",
      retention: { days: null, cutoff: null, removed: 0 },
    });
    // Whose root may differ is said only where something is ever removed.
    expect((await node.group()).retention).not.toHaveProperty("root_note");
    const created = await node.ask(["group", "create", "-name", "archive", "-retention", "keep"]);
    expect(created).toMatchObject({ retention_days: 36_500, retention: "keeps everything" });
    const refused = await node.run(["group", "create", "-name", "x", "-retention", "forever"]);
    expect([refused.status, refused.stderr]).toEqual([
      5,
      expect.stringContaining("a number of days from 1 on, or keep"),
    ]);
  });
});
