import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { MESSAGE_PARENTS_MAX, MESSAGE_REFERENCES_MAX } from "../../src/core/kept.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { publish, watch } from "../../src/node/operations/messages.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { message } from "../support/message.ts";
import { startNode } from "../support/nodes.ts";
import { ALICE, nodeWithRawMember } from "../support/raw-member.ts";
import { statusQuestion } from "../support/status-question.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Messages a member may sign although no honest program would write them. */
function oddMessages(said: (fields: Parameters<typeof message>[0]) => Message): Message[] {
  const absent = (n: number) => said({ timestamp: BigInt(n) }).id;
  const far = said({ timestamp: 2n ** 63n - 1n });
  const early = said({ timestamp: -(2n ** 63n) });
  const many = (count: number): MessageId[] => Array.from({ length: count }, () => absent(1));
  return [
    far,
    early,
    said({ timestamp: 0n }),
    said({ timestamp: -1n }),
    said({ timestamp: 5n, parents: [far.id, early.id] }),
    said({ timestamp: 6n, parents: many(MESSAGE_PARENTS_MAX) }),
    said({ timestamp: 7n, references: many(MESSAGE_REFERENCES_MAX) }),
    said({ timestamp: 8n, topics: ["t".repeat(700_000)] }),
    said({ timestamp: 9n, topics: Array.from({ length: 50_000 }, (_, i) => `topic/${i}`) }),
    said({ timestamp: 10n, topics: ["", "\u001b[2J", "a\u0000b", "\u202e", "+/#"] }),
    said({ timestamp: 11n, topics: [] }),
    said({ timestamp: 12n, content: Uint8Array.of(0xff, 0xfe, 0, 0x1b) }),
    said({ timestamp: 13n, content: new Uint8Array(0) }),
  ];
}

test("the oddest messages a member can sign are stored, ordered, shown and built upon, also after a restart", async () => {
  using directory = new TemporaryDirectory();
  const root = () => SqliteDataRoot.open(directory.path, "write");
  const { network, node, group_id, alice } = await nodeWithRawMember({ root: root() });
  const odd = oddMessages((fields) => message({ by: ALICE, group_id, ...fields }));
  for (const one of odd) await alice.say({ kind: "push", group_id, bodies: [messageCanonical(one)] });
  const group = async (of: typeof node) => (await of.call(status, {})).groups[0]!;
  expect((await group(node)).messages).toBe(odd.length);
  const published = await node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8("still here") });
  const before = await group(node);
  await node.close();
  await using again = await startNode(network, 1, { root: root() });
  expect(await group(again)).toMatchObject({ messages: odd.length + 1, merkle_root: before.merkle_root });
  const seen = new Set<MessageId>();
  for await (const event of eventsOf(again, watch, { group_id, topic: "#", after: [] })) {
    if (event.kind === "message") seen.add(event.message.id);
    if (seen.size > odd.length) break;
  }
  expect(seen.has(published.message_id)).toBe(true);
  const [answer] = await alice.say(statusQuestion(group_id));
  expect(answer).toMatchObject({ message_count: odd.length + 1, merkle_root: before.merkle_root });
});
