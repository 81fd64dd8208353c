import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { merkleRoot } from "../../core/order/merkle-tree.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import { latest, nextParents, type OrderNode, topologicalOrder } from "../../core/order/order.ts";
import { hexListField, listField, numberField, objectListField, textField } from "../fields.ts";
import { expectEqual, Mismatch, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = { defaultKind: "order", kinds: { order: checkOrder } };

function checkOrder(vector: VectorCase): void {
  const nodes = nodesOf(vector);
  const expected = textField(vector, "expect");
  const found = orderOrCycle(() => topologicalOrder(nodes));
  if (found === undefined || expected !== "ok") {
    expectEqual(found === undefined ? "cycle" : "ok", expected);
    return;
  }
  const idOf = (number: unknown) => idOfNumber(vector, number);
  const numbers = listField(vector, "order");
  expectEqual(found, numbers.map(idOf));
  if (vector.order_ids !== undefined) expectEqual(found, hexListField(vector, "order_ids").map(MessageId.fromBytes));
  expectEqual(merkleRoot(found), textField(vector, "merkle_root"));
  if (vector.next_parents !== undefined) expectEqual(nextParents(nodes), listField(vector, "next_parents").map(idOf));
  if (vector.latest_5 !== undefined) expectEqual(latest(nodes, 5), listField(vector, "latest_5").map(idOf));
  // A set holds an id once, as its bytes are hashed; input with two nodes of one id is not its business.
  if (new Set(nodes.map(({ id }) => id)).size === nodes.length) checkSet(vector, nodes);
}

/** The incremental set must agree, however its nodes arrive. */
function checkSet(vector: VectorCase, nodes: readonly OrderNode[]): void {
  for (const arrival of [nodes, nodes.toReversed(), nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))]) {
    const set = new MessageSet();
    for (const node of arrival) {
      set.add(node);
      set.root();
    }
    expectEqual([...set.ids()], topologicalOrder(nodes));
    expectEqual(set.root(), textField(vector, "merkle_root"));
    expectEqual(set.nextParents(), nextParents(nodes));
    expectEqual(set.latest(5), latest(nodes, 5));
  }
}

function orderOrCycle(order: () => MessageId[]): MessageId[] | undefined {
  try {
    return order();
  } catch (error) {
    if (error instanceof EntmootError && error.message.startsWith("order: cycle")) return undefined;
    throw error;
  }
}

function nodesOf(vector: VectorCase): OrderNode[] {
  return objectListField(vector, "nodes").map((node) => ({
    id: idOfNumber(vector, node.i),
    timestamp: BigInt(textField(node, "t")),
    author: numberField(node, "n"),
    parents: listField(node, "p").map((parent) => idOfNumber(vector, parent)),
  }));
}

function idOfNumber(vector: VectorCase, number: unknown): MessageId {
  if (typeof number !== "number") throw new Mismatch("a number", number);
  return MessageId.fromBytes(sha256(encodeUtf8(`${textField(vector, "id_prefix")}${number}`)));
}
