import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlClient } from "../../src/control/control-client.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Messages each daemon publishes in the first round. */
const EACH = 200;
/** Callers that publish through one control socket at the same time. */
const CALLERS = 8;
/** Of the messages of each daemon, so many go through the command line. */
const BY_COMMAND = 5;

inNetns(import.meta, () => {
  test("three daemons agree while they talk, after one of them crashes and after all have restarted", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    const all = [a, b, c];
    await Promise.all(all.map((node) => node.serve()));

    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const groupId = GroupId.fromBytes(Uint8Array.fromBase64(group_id));
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    expect(await b.ask(["join", link])).toMatchObject({ event: "joined", status: "joined", group_id, members: 2 });
    const { entmoot_pubkey } = await c.ask(["info"]);
    await a.ask(["roster", "add", "-group", group_id, "-pubkey", entmoot_pubkey]);
    const invite = join(home.path, "invite.json");
    writeFileSync(invite, (await a.run(["invite", "create", "-group", group_id])).stdout);
    expect(await c.ask(["join", invite])).toMatchObject({ event: "joined", status: "joined", group_id, members: 3 });

    const acknowledged = new Set<string>();
    await Promise.all(all.map((node, at) => publishMany(node, groupId, { text: `round 1 of ${at}`, acknowledged })));
    expect(acknowledged.size).toBe(3 * EACH);
    await agree(all, { messages: 3 * EACH });

    // One crashes while it is published to, from inside and by its peers.
    const many = { acknowledged, count: 10_000, stopOnError: true } as const;
    const before = acknowledged.size;
    const publishing = [
      publishMany(b, groupId, { ...many, text: "round 2 of b" }),
      publishMany(a, groupId, { acknowledged, text: "round 2 of a" }),
      publishMany(c, groupId, { acknowledged, text: "round 2 of c" }),
    ];
    await eventually("messages of the second round", () => (acknowledged.size > before + 100 ? true : undefined));
    await b.kill();
    await Promise.all(publishing);
    await agree([a, c]);
    await b.serve();
    const second = await agree(all);
    for (const node of all) expect(await missing(node, acknowledged)).toEqual([]);

    // A cold restart of everyone, in another order.
    await Promise.all(all.map((node) => node.end()));
    for (const node of [c, b, a]) await node.serve();
    expect(await agree(all)).toBe(second);
    const { messages } = await a.group();
    for (const [at, node] of all.entries())
      await node.ask(["publish", "-topic", "chat", "-content", `still here, ${at}`]);
    await agree(all, { messages: messages + 3 });
    for (const node of all) expect(await missing(node, acknowledged)).toEqual([]);
  });
});

interface Many {
  readonly text: string;
  /** Ids go in here when the daemon has acknowledged them. */
  readonly acknowledged: Set<string>;
  readonly count?: number;
  /** The daemon is expected to go away. */
  readonly stopOnError?: boolean;
}

/** Several callers publish at once, most over sockets of their own, some through the command line. */
async function publishMany(node: DaemonNode, groupId: GroupId, many: Many): Promise<void> {
  const { text, acknowledged, count = EACH, stopOnError = false } = many;
  await using client = await node.client();
  let next = 0;
  const caller = async () => {
    while (next < count) {
      const n = next++;
      try {
        acknowledged.add(await publishOne({ node, client, groupId }, n, `${text}, ${n}`));
      } catch (error) {
        if (stopOnError) return;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function publishOne(
  { node, client, groupId }: { node: DaemonNode; client: ControlClient; groupId: GroupId },
  n: number,
  text: string,
): Promise<string> {
  if (n < BY_COMMAND) return (await node.ask(["publish", "-topic", "chat", "-content", text])).message_id;
  const content = new TextEncoder().encode(text);
  return MessageId.toBase64((await client.call(publish, { group_id: groupId, topics: ["chat"], content })).message_id);
}

/** Which of `ids` a node does not show. */
async function missing(node: DaemonNode, ids: ReadonlySet<string>): Promise<string[]> {
  const { stdout } = await node.run(["query", "-limit", "0"]);
  const held = new Set(stdout.split("\n").flatMap((line) => (line === "" ? [] : JSON.parse(line).message_id)));
  return [...ids].filter((id) => !held.has(id));
}
