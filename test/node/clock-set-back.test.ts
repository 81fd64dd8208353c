import { test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { later } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { join, link_create } from "../../src/node/operations/invites.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
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
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: HOUR_MS });
  await alice.call(join, { input: link, timeout_ms: 60_000 });
  const keys = [identity(1), identity(2)].map(({ publicKey }) => PublicKey.fromBytes(publicKey)) as [
    PublicKey,
    PublicKey,
  ];
  network.cut(...keys);
  backMs = HOUR_MS;
  const key = PublicKey.fromBytes(identity(3).publicKey);
  await founder.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  await founder.call(publish, { group_id, topics: ["chat"], content: encodeUtf8("missed") });
  network.heal(...keys);
  await until(async () => {
    const [group] = (await alice.call(status, {})).groups;
    return group?.messages === 1 && group.members === 3;
  });
});
