import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import {
  arrivals,
  ask,
  dial,
  echo,
  failure,
  type TransportWorld,
  transportContract,
} from "../../contract/transport.contract.ts";

const key = (node: number) => PublicKey.fromBytes(new Uint8Array(32).fill(node));
const text = (words: string) => new TextEncoder().encode(words);

async function memoryWorld(): Promise<TransportWorld> {
  const network = new MemoryNetwork(realClock);
  return {
    start: async (node, limits) => network.join(key(node), limits),
    [Symbol.asyncDispose]: async () => {},
  };
}

transportContract("memory", memoryWorld);

test("a cut link loses its streams and refuses new ones until it heals", async () => {
  const network = new MemoryNetwork(realClock);
  const [a, b] = [network.join(key(1)), network.join(key(2))];
  const arriving = arrivals(b);
  const opened = await dial(a, b);
  await opened.write(text("x"));
  const accepted = await arriving.next();
  await accepted.read(1);
  const waiting = [failure(opened.read(1)), failure(accepted.read(1))];
  network.cut(a.local, b.local);
  expect(await Promise.all(waiting)).toEqual(["unavailable", "unavailable"]);
  expect(await failure(dial(a, b))).toBe("unavailable");
  expect(await failure(dial(b, a))).toBe("unavailable");
  network.heal(b.local, a.local);
  b.accept(echo);
  expect(await ask(a, b, text("again"))).toEqual(text("again"));
});

test("a key joins a memory network once at a time", async () => {
  const network = new MemoryNetwork(realClock);
  const first = network.join(key(1));
  expect(() => network.join(key(1))).toThrow("already here");
  await first.close();
  expect(network.join(key(1)).local).toBe(first.local);
});

test("a node that dials too often is refused by the peer", async () => {
  const network = new MemoryNetwork(realClock);
  const [a, b] = [network.join(key(1)), network.join(key(2), { connectionsPerPeerPerMinute: 2 })];
  b.accept(echo);
  for (let i = 0; i < 2; i += 1) {
    await ask(a, b, text("x"));
    network.cut(a.local, b.local);
    network.heal(a.local, b.local);
  }
  expect(await failure(dial(a, b))).toBe("unavailable");
});
