import { test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { later } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { identity } from "../support/identity.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";

const HOUR_MS = 3_600_000;

test("members whose clocks were set back by an hour still find what they missed", async () => {
  const network = new MemoryNetwork(realClock);
  let backMs = 0;
  const clock = { ...realClock, unix: () => later(realClock.unix(), -backMs) };
  await using founder = await startNode(network, 1, { clock });
  await using alice = await startNode(network, 2, { clock });
  const { group_id: groupId } = await founder.createGroup(OPEN_GROUP);
  const { link } = await founder.createLink({ groupId, uses: 0, validForMs: HOUR_MS });
  await alice.join({ input: link, timeoutMs: 5_000 });
  const keys = [identity(1), identity(2)].map(({ publicKey }) => PublicKey.fromBytes(publicKey)) as [
    PublicKey,
    PublicKey,
  ];
  network.cut(...keys);
  backMs = HOUR_MS;
  const key = PublicKey.fromBytes(identity(3).publicKey);
  await founder.changeRoster({ groupId, op: "add", nodeId: undefined, key });
  await founder.publish({ groupId, topics: ["chat"], content: encodeUtf8("missed") });
  network.heal(...keys);
  await until(async () => {
    const [group] = (await alice.status()).groups;
    return group?.messages === 1 && group.members === 3;
  }, 15_000);
}, 20_000);
