import { expect, test } from "bun:test";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { invite_mint } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { SqliteDataRoot } from "../../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import type { Frame } from "../../src/wire/peer/frame.ts";
import { keptMessage } from "../support/kept-message.ts";
import { LARGE_MOOT, layLargeMoot } from "../support/large-moot.ts";
import { message } from "../support/message.ts";
import { startNode } from "../support/nodes.ts";
import { ALICE, FOUNDER } from "../support/raw-member.ts";
import { RawPeer } from "../support/raw-peer.ts";
import { statusQuestion } from "../support/status-question.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const MESSAGES = 5_000;
/** What is read in one turn. */
const STEP = 1024;

const group_id = LARGE_MOOT;
const said = (alice: RawPeer, frame: Frame) => alice.say(frame).then(([answer]) => answer?.kind);

/** Whoever says the Merkle root, by what it does. */
const ASKERS = {
  "its own status": ({ node }: World) => node.call(status, {}),
  "an invite": ({ node }: World) => node.call(invite_mint, { group_id, valid_for_ms: 60_000 }),
  "a member's question for the root": async ({ alice }: World) =>
    expect(await said(alice, { kind: "merkle_req", group_id })).toBe("merkle_resp"),
  "a member's comparison": async ({ alice }: World) =>
    expect(await said(alice, statusQuestion(group_id))).toBe("status_resp"),
};

type World = Awaited<ReturnType<typeof startedAfresh>>;

/** A node that has just started on a long history, and has published since: it knows no root. */
async function startedAfresh(home: TemporaryDirectory) {
  layLargeMoot(home.path, { founder: FOUNDER, members: [ALICE], messages: MESSAGES, silent: 0 });
  const network = new MemoryNetwork(realClock);
  const root = SqliteDataRoot.open(home.path, "write");
  const node = await startNode(network, 1, { root });
  const alice = new RawPeer(network, ALICE, FOUNDER);
  await node.call(publish, { group_id, topics: ["chat"], content: new Uint8Array(8) });
  return { node, alice, messages: root.openGroup(group_id)!.messages };
}

test.each(Object.entries(ASKERS))("the order of all that is held is made in turns for %s", async (_, ask) => {
  using home = new TemporaryDirectory();
  const world = await startedAfresh(home);
  await using _node = world.node;
  const { messages } = world;
  expect(messages.loadOrder(0, { of: "root" })).toBe(false);
  const [load, root] = [messages.loadOrder.bind(messages), messages.merkleRoot.bind(messages)];
  const steps: number[] = [];
  messages.loadOrder = (limit, what) => {
    if (limit > 0) steps.push(limit);
    return load(limit, what);
  };
  let unready = 0;
  messages.merkleRoot = () => {
    if (!load(0, { of: "root" })) unready += 1;
    return root();
  };
  await ask(world);
  expect(unready).toBe(0);
  expect(steps).toEqual(new Array<number>(Math.ceil(MESSAGES / STEP)).fill(STEP));
});

test("the order is made in turns for the parents of what is published, where a child sorts before its parent", async () => {
  using home = new TemporaryDirectory();
  layLargeMoot(home.path, { founder: FOUNDER, members: [ALICE], messages: MESSAGES, silent: 0 });
  const root = SqliteDataRoot.open(home.path, "write");
  const { messages } = root.openGroup(group_id)!;
  const [parent] = messages.nextParents();
  messages.putMany([keptMessage(message({ by: ALICE, group_id, timestamp: 1n, parents: [parent!] }))]);
  await using node = await startNode(undefined, 1, { root });
  const [load, parents] = [messages.loadOrder.bind(messages), messages.nextParents.bind(messages)];
  let steps = 0;
  messages.loadOrder = (limit, what) => {
    if (limit > 0) steps += 1;
    return load(limit, what);
  };
  let unready = 0;
  messages.nextParents = (latest) => {
    if (!load(0, { of: "parents" })) unready += 1;
    return parents(latest);
  };
  await node.call(publish, { group_id, topics: ["chat"], content: new Uint8Array(8) });
  expect([unready, steps]).toEqual([0, Math.ceil(MESSAGES / STEP)]);
});
