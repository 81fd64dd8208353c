import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";

/** Two daemons in one moot; the second is whose agent the host is. */
export async function twoDaemons(home: string) {
  const oak = new DaemonNode(home, "oak");
  const elm = new DaemonNode(home, "elm");
  await Promise.all([oak.serve("-hostname", "oak"), elm.serve("-hostname", "elm")]);
  const { group_id } = await oak.ask(["group", "create", "-name", "council"]);
  const { link } = await oak.ask(["invite", "link", "-group", group_id]);
  await elm.ask(["join", link]);
  const { local_node_id } = await elm.group();
  const say = (words: string) => oak.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} ${words}`]);
  return { oak, elm, say };
}

/** What waits at a node, and who listens for its agent. */
export const deliveries = (node: DaemonNode) => node.ask(["call", "deliveries", "{}"]);

/** Resolves once this many listen for the agent of `node`. */
export async function listening(node: DaemonNode, count = 1): Promise<void> {
  await eventually(`${count} that listen`, async () => {
    const { listeners } = await deliveries(node);
    if (listeners.length === count) return true;
    throw new Error(JSON.stringify(listeners));
  });
}

/** Resolves once nothing waits at `node`. */
export async function nothingWaits(node: DaemonNode): Promise<void> {
  await eventually("nothing waits", async () => {
    const { waiting } = await deliveries(node);
    if (waiting.length === 0) return true;
    throw new Error(JSON.stringify(waiting));
  });
}

/** Resolves once `node` holds an answer to the message. */
export async function answered(node: DaemonNode, messageId: string): Promise<{ readonly content: string }> {
  return await eventually("the answer", async () => {
    const { rows } = await node.ask(["call", "inbox", "{}"]);
    return rows.find(({ references }: { references: string[] }) => references?.includes(messageId));
  });
}
