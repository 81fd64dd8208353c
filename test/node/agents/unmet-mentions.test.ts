import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { join, link_create } from "../../../src/node/operations/invites.ts";
import { publish } from "../../../src/node/operations/messages.ts";
import { group_create, members } from "../../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { asAgent } from "../../support/agent.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";

test("a name of two members asks neither, and both ids are told to who used it; secrets of an agent need force", async () => {
  const network = new MemoryNetwork(realClock);
  const oak = await startNode(network, 1, { hostname: "oak" });
  const twins = [await startNode(network, 2, { hostname: "Elm" }), await startNode(network, 3, { hostname: "elm" })];
  const { group_id } = await oak.call(group_create, OPEN_GROUP);
  const ids: number[] = [];
  for (const twin of twins) {
    const { link } = await oak.call(link_create, { group_id });
    ids.push((await twin.call(join, { input: link })).local_node_id);
  }
  const namesOf = async () =>
    (await oak.call(members, { group_id })).members.map(({ hostname }) => hostname.toLowerCase());
  await until(async () => (await namesOf()).filter((name) => name === "elm").length === 2);
  const say = (words: string, force?: true) => ({ group_id, topics: ["chat"], content: encodeUtf8(words), force });
  const { unmet_mentions: unmet } = await oak.call(publish, say(`@elm @oak @${ids[0]} look`));
  expect(unmet).toHaveLength(1);
  expect(unmet![0]).toMatchObject({ mention: "elm", members: 2 });
  expect([...unmet![0]!.node_ids].sort()).toEqual([...ids].sort());
  expect((await oak.call(publish, say("nobody is named"))).unmet_mentions).toBeUndefined();

  const secret = `AKIA${"ABCDEFGH23456722"}`;
  const refused = { code: "forbidden", message: expect.stringContaining("an AWS access key, at character 4") };
  await expect(asAgent(oak).call(publish, say(`my ${secret}`))).rejects.toMatchObject(refused);
  expect(await asAgent(oak).call(publish, say(`my ${secret}`, true))).toMatchObject({ group_id });
  expect(await oak.call(publish, say(`my ${secret}`))).toMatchObject({ group_id });
  await Promise.all([oak, ...twins].map((node) => node.close()));
});
