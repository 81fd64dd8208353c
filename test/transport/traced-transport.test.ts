import { expect, test } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { TracedTransport } from "../../src/transport/traced-transport.ts";
import { arrivals, dial, failure, transportContract } from "../contract/transport.contract.ts";

const key = (node: number) => PublicKey.fromBytes(new Uint8Array(32).fill(node));

transportContract("a traced memory network", async () => {
  const network = new MemoryNetwork(realClock);
  return {
    start: async (node, limits) => new TracedTransport(network.join(key(node), limits), () => {}),
    [Symbol.asyncDispose]: async () => {},
  };
});

test("each stream is told of once when it comes and once when it goes, with the bytes of each way, and never what they say", async () => {
  const network = new MemoryNetwork(realClock);
  const told: string[] = [];
  const joined = (node: number, name: string) =>
    new TracedTransport(network.join(key(node)), (what, fields) =>
      told.push(`${name} ${what} ${JSON.stringify(fields)}`),
    );
  await using a = joined(1, "a");
  await using b = joined(2, "b");
  const arriving = arrivals(b);
  const opened = await dial(a, b);
  await opened.write(new TextEncoder().encode("secret"));
  const accepted = await arriving.next();
  await accepted.read(100);
  await opened[Symbol.asyncDispose]();
  await opened[Symbol.asyncDispose]();
  accepted.reset();
  expect(told.filter((line) => line.startsWith("a stream"))).toEqual([
    'a stream opening {"stream":1,"peer":"020202020202…"}',
    'a stream closed {"stream":1,"peer":"020202020202…","read_bytes":0,"written_bytes":6}',
  ]);
  expect(told.filter((line) => line.startsWith("b stream"))).toEqual([
    'b stream accepted {"stream":1,"peer":"010101010101…"}',
    'b stream reset {"stream":1,"peer":"010101010101…","read_bytes":6,"written_bytes":0}',
  ]);
  network.cut(a.local, b.local);
  expect(await failure(dial(a, b))).toBe("unavailable");
  expect(told.at(-1)).toMatch(/^a stream not opened \{"stream":2,.*"err":/);
  expect(told).toContain('a peer connected {"peer":"020202020202…","route":"direct"}');
  expect(told).toContain('a peer lost {"peer":"020202020202…","route":"none"}');
});
