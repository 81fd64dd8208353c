import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { publish, watch } from "../../src/node/operations/messages.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { message } from "../support/message.ts";
import { startNode } from "../support/nodes.ts";
import { ALICE, nodeWithRawMember } from "../support/raw-member.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("what a node acknowledged before it ended is there again, and what comes meanwhile harms nothing", async () => {
  using directory = new TemporaryDirectory();
  const dir = directory.path;
  const { node, group_id, alice } = await nodeWithRawMember({ root: SqliteDataRoot.open(dir, "write") });
  const pushes = Array.from({ length: 16 }, (_, s) => {
    const messages = Array.from({ length: 64 }, (_, i) =>
      message({ by: ALICE, group_id, timestamp: BigInt(s * 64 + i) }),
    );
    return alice.say({ kind: "push", group_id, bodies: messages.map(messageCanonical) }).catch(() => {});
  });
  const content = encodeUtf8("x");
  const say = () => Array.from({ length: 64 }, () => node.call(publish, { group_id, topics: ["chat"], content }));
  const before = say();
  await before[0];
  const acknowledged = Promise.allSettled([...before, ...say()]);
  await Promise.resolve();
  await node.close();
  const late = node.call(publish, { group_id, topics: ["chat"], content });
  await expect(late).rejects.toBeInstanceOf(EntmootError);
  await Promise.all(pushes);
  const kept = (await acknowledged).flatMap((end) => (end.status === "fulfilled" ? [end.value.message_id] : []));
  expect(kept.length).toBeGreaterThan(0);
  await using again = await startNode(undefined, 1, { root: SqliteDataRoot.open(dir, "write") });
  const ids = new Set<string>();
  const held = (await again.call(status, {})).groups[0]?.messages ?? 0;
  for await (const event of eventsOf(again, watch, { group_id, topic: "#", after: [] })) {
    if (event.kind === "message") ids.add(event.message.id);
    if (ids.size === held) break;
  }
  expect(kept.filter((id) => !ids.has(id))).toEqual([]);
});
