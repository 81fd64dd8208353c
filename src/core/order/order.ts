import { EntmootError } from "../errors.ts";
import type { MessageId } from "../ids.ts";
import { SaltedMap } from "../salted-map.ts";

/** What the order of messages depends on. A `Message` becomes one with `author: message.author.pilot_node_id`. */
export interface OrderNode {
  readonly id: MessageId;
  /** int64, Unix milliseconds. */
  readonly timestamp: bigint;
  /** uint32, the author's node id. */
  readonly author: number;
  readonly parents: readonly MessageId[];
}

/** Wire. The original names at most this many parents in a message it builds; its readers accept more. */
export const PARENTS_MAX = 3;

/** Negative when `a` comes before `b`: by timestamp, then author, then id. */
export function compareNodes(a: OrderNode, b: OrderNode): number {
  if (a.timestamp !== b.timestamp) return a.timestamp < b.timestamp ? -1 : 1;
  if (a.author !== b.author) return a.author - b.author;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * Every id once, parents before children, otherwise by timestamp, author and id. Parents outside
 * the set are ignored. Of nodes with one id the later gives timestamp and author, and the parents of
 * all of them count. Throws `invalid_argument` when parents form a cycle.
 */
export function topologicalOrder(nodes: readonly OrderNode[]): MessageId[] {
  const byId = new SaltedMap<MessageId, OrderNode>();
  for (const node of nodes) byId.set(node.id, node);
  const waitingFor = new SaltedMap<MessageId, number>();
  const children = new SaltedMap<MessageId, MessageId[]>();
  for (const { id, parents } of nodes) {
    for (const parent of parents) {
      if (!byId.has(parent)) continue;
      waitingFor.set(id, (waitingFor.get(id) ?? 0) + 1);
      const known = children.get(parent);
      if (known) known.push(id);
      else children.set(parent, [id]);
    }
  }
  const available = new Heap([...byId.values()].filter((node) => !waitingFor.has(node.id)));
  const order: MessageId[] = [];
  for (let node = available.pop(); node; node = available.pop()) {
    order.push(node.id);
    for (const child of children.get(node.id) ?? []) {
      const left = waitingFor.get(child)! - 1;
      waitingFor.set(child, left);
      if (left === 0) available.push(byId.get(child)!);
    }
  }
  if (order.length < byId.size) {
    throw new EntmootError(
      "invalid_argument",
      `order: cycle detected (emitted ${order.length} of ${byId.size} messages)`,
    );
  }
  return order;
}

/** The parents a new message takes: the last three, in order, of those whose timestamp is not negative. */
export function nextParents(nodes: readonly OrderNode[]): MessageId[] {
  return topologicalOrder(nodes.filter((node) => node.timestamp >= 0n)).slice(-PARENTS_MAX);
}

/** The `count` newest by timestamp, author and id, in the order they have among themselves. */
export function latest(nodes: readonly OrderNode[], count: number): MessageId[] {
  if (count <= 0) return [];
  return topologicalOrder(nodes.toSorted(compareNodes).slice(-count));
}

/** A binary min-heap by `compareNodes`. */
class Heap {
  readonly #nodes: OrderNode[];

  constructor(nodes: OrderNode[]) {
    // A sorted array is a heap.
    this.#nodes = nodes.sort(compareNodes);
  }

  push(node: OrderNode): void {
    const nodes = this.#nodes;
    let at = nodes.length;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      if (compareNodes(nodes[above]!, node) <= 0) break;
      nodes[at] = nodes[above]!;
      at = above;
    }
    nodes[at] = node;
  }

  pop(): OrderNode | undefined {
    const nodes = this.#nodes;
    const first = nodes[0];
    const last = nodes.pop();
    if (!last || nodes.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= nodes.length) break;
      if (below + 1 < nodes.length && compareNodes(nodes[below + 1]!, nodes[below]!) < 0) below++;
      if (compareNodes(last, nodes[below]!) <= 0) break;
      nodes[at] = nodes[below]!;
      at = below;
    }
    nodes[at] = last;
    return first;
  }
}
