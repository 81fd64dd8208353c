import { join } from "node:path";
import { PublicKey } from "../src/core/ids.ts";
import { realClock } from "../src/host/real-clock.ts";
import type { EntmootNode } from "../src/node/entmoot-node.ts";
import { status } from "../src/node/operations/daemon.ts";
import { invite_mint, join as joining, link_create } from "../src/node/operations/invites.ts";
import { backlog, messages, publish } from "../src/node/operations/messages.ts";
import { members, peers, roster_change, topics } from "../src/node/operations/moots.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { MemoryNetwork } from "../src/transport/memory/memory-transport.ts";
import { decodeFrame, frameType } from "../src/wire/peer/frame.ts";
import { identity } from "../test/support/identity.ts";
import { LARGE_MOOT, layLargeMoot } from "../test/support/large-moot.ts";
import { startNode } from "../test/support/nodes.ts";
import { ALICE, FOUNDER, STRANGER } from "../test/support/raw-member.ts";
import { RawPeer } from "../test/support/raw-peer.ts";
import { ANSWERS, memberFrames, STRANGER_FRAMES } from "./block-frames.ts";
import { type Figure, median } from "./figure.ts";
import { LoopProbe } from "./loop-probe.ts";
import { temporaryDirectory } from "./programs.ts";

const MESSAGES = 200_000;
const SILENT_MEMBERS = 3_000;

/** Ours. For so long nobody else is served. */
const BLOCK_MAX_MS = 50;

const ROUNDS = 5;
/** Work that goes on behind an answer is over by then; so is what a member may spend at once. */
const REST_MS = 400;

const group_id = LARGE_MOOT;

/** The longest that a node with a long history and many members is kept by one thing, whoever brings it about. */
export async function blocks(say: (progress: string) => void): Promise<readonly Figure[]> {
  say(`laying ${MESSAGES.toLocaleString("en")} messages and ${SILENT_MEMBERS.toLocaleString("en")} members`);
  const dir = join(temporaryDirectory(), "root");
  layLargeMoot(dir, { founder: FOUNDER, members: [ALICE], messages: MESSAGES, silent: SILENT_MEMBERS });
  const network = new MemoryNetwork(realClock);
  const root = SqliteDataRoot.open(dir, "write");
  await using node = await startNode(network, 1, { root });
  using probe = new LoopProbe();
  const measured: Figure[] = [];
  const note = (name: string, ms: readonly number[]) => {
    const basis = `fixed; of the processor, median of ${ms.length}, ${Math.max(...ms).toFixed(0)} at most`;
    measured.push({ name, unit: "ms", measured: median(ms), limit: BLOCK_MAX_MS, better: "lower", basis });
  };
  const measure = async (name: string, work: (round: number) => unknown, rounds = ROUNDS) => {
    const took: number[] = [];
    for (let round = 0; round < rounds; round++) {
      probe.take();
      await work(round);
      await Bun.sleep(REST_MS);
      took.push(probe.take());
    }
    note(name, took);
  };

  say("the start, and the first time the root is asked for");
  await measure("block: behind the start, 3,000 members away", () => Bun.sleep(1_000), 1);
  await node.call(publish, { group_id, topics: ["chat"], content: new Uint8Array(8) });
  await measure("block: status, 200,000 messages not in memory", () => node.call(status, {}), 1);
  say("a join");
  await measureJoin();
  say("operations");
  for (const [name, run] of Object.entries(OPERATIONS)) await measure(`block: ${name}`, (round) => run(node, round));
  say("frames of a member");
  const alice = new RawPeer(network, ALICE, FOUNDER);
  const log = root.openGroup(group_id)!.roster.entries();
  for (const [name, make] of Object.entries(memberFrames(log))) await measureFrame(`a member: ${name}`, alice, make);
  say("frames of a stranger, and answers");
  const stranger = new RawPeer(network, STRANGER, FOUNDER);
  for (const [name, make] of Object.entries(STRANGER_FRAMES)) {
    await measureFrame(`a stranger: ${name}`, stranger, make);
  }
  for (const [name, [kind, make]] of Object.entries(ANSWERS)) {
    const body = make();
    await measure(`block: an answer of 1 MiB: ${name}`, () => {
      try {
        decodeFrame(frameType(kind), body, "pilot");
      } catch {
        // Refused is answered.
      }
    });
  }
  return measured;

  /** Before all that fills this process: both nodes are in one heap as it is. */
  async function measureJoin(): Promise<void> {
    const { link } = await node.call(link_create, { group_id });
    await using newcomer = await startNode(network, 77);
    await measure("block: a join, 3,000 entries verified", () => newcomer.call(joining, { input: link }), 1);
  }

  async function measureFrame(name: string, peer: RawPeer, make: () => Uint8Array): Promise<void> {
    const frames = Array.from({ length: ROUNDS }, make);
    await measure(`block: ${name}`, (round) => exchange(peer, frames[round]!));
  }
}

/** Says it and reads what comes, which is not decoded: that would be the member's work. */
async function exchange(peer: RawPeer, frame: Uint8Array): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const stream = await peer.transport.open(PublicKey.fromBytes(FOUNDER.publicKey), { hints: [], signal });
  try {
    await stream.write(frame, signal);
    await stream.finish();
    while ((await stream.read(65_536, signal)) !== null);
  } catch {
    // Refused.
  } finally {
    stream.reset();
  }
}

type Operate = (node: EntmootNode, round: number) => unknown;

const OPERATIONS: Readonly<Record<string, Operate>> = {
  "members, 3,000": (node) => node.call(members, { group_id }),
  "peers, 3,000": (node) => node.call(peers, { group_id }),
  "messages, a page of 1,000": (node) => node.call(messages, { group_id, limit: 1_000, order: "desc" }),
  "messages, of a topic that none has": (node) => node.call(messages, { group_id, topic: "none", limit: 1_000 }),
  backlog: (node) => node.call(backlog, { group_id, last: 1_000 }),
  topics: (node) => node.call(topics, { group_id }),
  "publish, 700 kB": (node) => node.call(publish, { group_id, topics: ["chat"], content: new Uint8Array(700_000) }),
  "roster add": (node, round) => {
    const entmoot_pubkey = PublicKey.fromBytes(identity(20_000 + round).publicKey);
    return node.call(roster_change, { group_id, op: "add", entmoot_pubkey });
  },
  "invite mint": (node) => node.call(invite_mint, { group_id, valid_for_ms: 60_000 }),
};
