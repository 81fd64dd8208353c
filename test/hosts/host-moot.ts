import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { MessageId } from "../../src/core/ids.ts";
import { inbox, inbox_read } from "../../src/node/operations/inbox.ts";
import { deliveries as deliveriesOperation } from "../../src/node/operations/listen.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode } from "../support/daemon.ts";
import { eventually } from "../support/eventually.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import type { HostHome } from "./host-home.ts";
import { StubModel } from "./stub/stub-model.ts";
import type { WokenHost } from "./woken-hosts.ts";

/** Two daemons in one moot. */
export interface TwoDaemons extends AsyncDisposable {
  readonly oak: DaemonNode;
  readonly elm: DaemonNode;
  /** Oak says this to elm. */
  say(words: string): Promise<{ readonly message_id: string }>;
}

/** Two daemons, and the home of a host that is the agent of elm, whose model says what the test tells it. */
export interface HostMoot extends TwoDaemons {
  readonly model: StubModel;
  readonly home: HostHome;
}

export async function twoDaemons(): Promise<TwoDaemons> {
  await using opening = new AsyncDisposableStack();
  const { path } = opening.use(new TemporaryDirectory());
  const oak = opening.use(new DaemonNode(path, "oak"));
  const elm = opening.use(new DaemonNode(path, "elm"));
  await Promise.all([oak.serve("-hostname", "oak"), elm.serve("-hostname", "elm")]);
  const { group_id } = await oak.ask(["group", "create", "-name", "council"]);
  const { link } = await oak.ask(["invite", "link", "-group", group_id]);
  await elm.ask(["join", link]);
  const { local_node_id } = await elm.group();
  const opened = opening.move();
  return {
    elm,
    oak,
    say: (words) => oak.ask(["publish", "-topic", "chat", "-content", `@${local_node_id} ${words}`]),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** `homeOf` makes the home, and sets the host up for elm. */
export async function hostMoot(
  homeOf: (model: StubModel, elm: DaemonNode) => HostHome | Promise<HostHome>,
): Promise<HostMoot> {
  await using opening = new AsyncDisposableStack();
  const { elm, oak, say } = opening.use(await twoDaemons());
  const model = opening.use(new StubModel());
  const home = opening.use(await homeOf(model, elm));
  const opened = opening.move();
  return { elm, home, model, oak, say, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/**
 * Has the agent asked something, to which its model answers by our tool. Gives how the model saw it, and its id, once who asked
 * holds the answer.
 */
export async function askedAndAnswered({ model, oak, say }: HostMoot) {
  const { message_id } = await say("what is two and two?");
  const answer = { call: "entmoot_reply", with: { id: message_id, content: "two and two is four" } };
  model.answer("what is two and two?", answer);
  const seen = await model.saw("what is two and two?");
  expect(seen).toMatchObject({ turns: 1, times: 1 });
  expect(seen.items[0]!.text).toContain(`<entmoot-message id="${message_id}"`);
  expect(seen.items[0]!.text).toContain('name="oak" verified="signature"');
  await answered(oak, message_id);
  return { asked: message_id, seen };
}

interface Killed {
  /** Starts the host, with what kills its bridge between the two. */
  readonly start: () => Promise<WokenHost>;
  readonly hasKilled: () => boolean;
}

/** The bridge of a host is killed once its turn began: that is neither lost nor given again when the host is started anew. */
export async function killedOnceGiven({ elm, model, say }: HostMoot, { hasKilled, start }: Killed): Promise<void> {
  const once = { turns: 1, times: 1 };
  await using first = await start();
  await listening(elm);
  await say("only once, please");
  await model.saw("only once, please");
  await eventually("the end of the bridge", () => hasKilled() || undefined);
  await listening(elm, 0);
  expect((await deliveries(elm)).waiting).toMatchObject([{ state: "handed" }]);
  await first.quit();

  await using again = await start();
  await listening(elm);
  await nothingWaits(elm);
  await say("and now this");
  expect(await model.saw("and now this")).toMatchObject(once);
  await nothingWaits(elm);
  expect(model.seen("only once, please")).toMatchObject(once);
  await again.quit();
}

/** The servers of tools, and the monitors, of ours that a host with this home started. */
export function ourServers(home: HostHome): number[] {
  return home.processes().filter((pid) => {
    try {
      const [program, command] = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0");
      return program === BINARY && (command === "mcp" || command === "monitor");
    } catch {
      return false; // It has just ended.
    }
  });
}

/** `kill -9` of them. */
export function killOurServers(home: HostHome): void {
  killAll(ourServers(home));
}

/** `kill -9` of all that is the host's own; what it had started of ours ends by itself. */
export function killHost(home: HostHome): void {
  const ours = new Set(ourServers(home));
  killAll(home.processes().filter((pid) => !ours.has(pid)));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended with another.
    }
  }
}

/** What waits at a node, and who listens for its agent. A process for each look would take the processors from the host. */
export async function deliveries(node: DaemonNode) {
  await using client = await node.client();
  const { listeners, waiting } = await client.call(deliveriesOperation, {});
  return { waiting, listeners };
}

/** What became of a message at a node, as its ledger says. */
export async function stateOf(node: DaemonNode, messageId: string): Promise<string> {
  await using client = await node.client();
  const message_id = MessageId.fromBytes(Uint8Array.fromBase64(messageId));
  return (await client.call(inbox_read, { message_id, peek: true })).row.state ?? "none";
}

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
export async function answered(node: DaemonNode, messageId: string): Promise<void> {
  await eventually("the answer", async () => {
    await using client = await node.client();
    const { rows } = await client.call(inbox, {});
    return rows.some(({ references }) => references.some((id) => MessageId.toBase64(id) === messageId)) || undefined;
  });
}
