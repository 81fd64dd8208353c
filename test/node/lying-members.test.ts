import { expect, test } from "bun:test";
import { identityOf } from "../../src/core/identity.ts";
import { ForksDigest, type GroupId, MerkleRoot, type MessageId, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { type Frame, peerLanguage } from "../../src/wire/peer/frame.ts";
import { idPage } from "../../src/wire/peer/id-page.ts";
import { keyOf, OPEN_GROUP, startNode, until } from "../support/nodes.ts";

const MESSAGES = 200;
/** Liars that were asked for what they hold. */
const listed = new Set<number>();
const LIARS = [11, 12, 13, 14, 15, 16];

/** A member that says it holds more, lists `ids` and answers no question for a body. */
function lie(network: MemoryNetwork, n: number, group_id: GroupId, ids: readonly MessageId[]) {
  const transport = network.join(PublicKey.fromBytes(identityOf(new Uint8Array(32).fill(n)).publicKey));
  transport.accept(async (stream) => {
    const signal = AbortSignal.timeout(120_000);
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const asked = await frames.read(signal).catch(() => undefined);
    const answer = answerTo(asked?.kind, group_id, ids);
    if (answer?.kind === "ids_resp") listed.add(n);
    if (answer !== undefined) await frames.write(answer, signal);
    // A question for bodies stays open.
    if (asked?.kind !== "fetch_many_req") await frames.finish().catch(() => {});
  });
  return transport;
}

function answerTo(kind: string | undefined, group_id: GroupId, ids: readonly MessageId[]): Frame | undefined {
  if (kind === "ids_req") return { kind: "ids_resp", group_id, ids: idPage(ids), next: undefined };
  if (kind !== "status_req") return undefined;
  return {
    kind: "status_resp",
    group_id,
    merkle_root: MerkleRoot.fromHex("5".repeat(64)),
    message_count: 1_000_000,
    roster_head: RosterEntryId.zero,
    roster_length: 0,
    pruned_to_ms: 0,
    shared_since_ms: 0,
    shared_root: MerkleRoot.zero,
    shared_count: 0,
    now_ms: Date.now(),
    roster_forks: ForksDigest.zero,
    instance: "",
    version: "lie",
    policy: "",
    twin: false,
  };
}

test("six members that list and never serve, met before the founder, do not keep a node from catching up", async () => {
  const network = new MemoryNetwork(realClock);
  await using founder = await startNode(network, 1);
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  for (const n of LIARS) {
    const { publicKey } = identityOf(new Uint8Array(32).fill(n));
    const entmoot_pubkey = PublicKey.fromBytes(publicKey);
    await founder.call(roster_change, { group_id, op: "add", node_id: undefined, entmoot_pubkey });
  }
  const root = new MemoryDataRoot();
  await using held = await startNode(network, 2, { root });
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: 0 });
  await held.call(join, { input: link, timeout_ms: 60_000 });
  const [here, there] = [await keyOf(held), await keyOf(founder)];
  const messages = async () => (await held.call(status, {})).groups[0]?.messages;
  await until(async () => (await messages()) === 0);
  network.cut(here, there);
  const ids: MessageId[] = [];
  for (let at = 0; at < MESSAGES; at++) {
    const content = new TextEncoder().encode(`${at}`);
    ids.push((await founder.call(publish, { group_id, topics: ["a"], content })).message_id);
  }
  // Each lists everything, and is met while the founder is away: all places are theirs.
  for (const n of LIARS) {
    const liar = lie(network, n, group_id, ids);
    const stream = await liar.open(here, { hints: [], signal: AbortSignal.timeout(10_000) });
    await stream.finish();
  }
  await until(() => listed.size > 0);
  network.heal(here, there);
  await founder.call(publish, { group_id, topics: ["a"], content: new TextEncoder().encode("last") });
  await until(async () => (await messages()) === MESSAGES + 1);
  expect(await messages()).toBe(MESSAGES + 1);
}, 120_000);
