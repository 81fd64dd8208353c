import { expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { CompositeTransport } from "../../src/transport/composite-transport.ts";
import { MemoryNetwork, type MemoryTransport } from "../../src/transport/memory/memory-transport.ts";
import { ALONE_MS } from "../../src/transport/open-on-first.ts";
import type { PeerStatus, Transport } from "../../src/transport/transport.ts";
import {
  arrivals,
  ask,
  dial,
  echo,
  failure,
  type TransportWorld,
  transportContract,
} from "../contract/transport.contract.ts";
import { irohWorld } from "../support/iroh-world.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { inNetns } from "../support/netns.ts";

const key = (node: number) => PublicKey.fromBytes(new Uint8Array(32).fill(node));
const text = (words: string) => new TextEncoder().encode(words);
const [A, B] = [key(1), key(2)];
const PILOT_HINT = "pilot:0:0000.0000.0002";

/** Two networks of different carriers; a node is on both, one or none. */
function twoNetworks() {
  const clock = new ManualClock();
  const first = new MemoryNetwork(realClock, { carrier: "memory" });
  const second = new MemoryNetwork(realClock, { carrier: "pilot", dialect: "pilot", proof: "claim" });
  const both = (peer: PublicKey) => new CompositeTransport(clock, [first.join(peer), second.join(peer)]);
  return { clock, first, second, both };
}

function changesOf(transport: Transport): PeerStatus[] {
  const changes: PeerStatus[] = [];
  transport.onPeerChanged((status) => changes.push(status));
  return changes;
}

const open = (from: Transport, to: PublicKey, hints: readonly string[] = []) =>
  from.open(to, { hints, signal: AbortSignal.timeout(5_000) });

/** Never answers a dial, as a peer behind a firewall. */
function silent(carrier: MemoryTransport): MemoryTransport {
  carrier.open = (_peer, { signal }) =>
    new Promise((_resolve, reject) => {
      const late = () => reject(new EntmootError("timeout", "dialled: no answer"));
      signal.addEventListener("abort", late, { once: true });
    });
  return carrier;
}

transportContract("two memory networks", async (): Promise<TransportWorld> => {
  const networks = [new MemoryNetwork(realClock), new MemoryNetwork(realClock, { carrier: "pilot" })] as const;
  return {
    start: async (node, limits) => {
      const [memory, pilot] = networks.map((network) => network.join(key(node), limits));
      return new CompositeTransport(realClock, [memory!, pilot!]);
    },
    [Symbol.asyncDispose]: async () => {},
  };
});

inNetns(import.meta, () => {
  transportContract("iroh and memory", async () => {
    const iroh = await irohWorld();
    const network = new MemoryNetwork(realClock);
    return {
      start: async (node, limits) => {
        const carrier = await iroh.start(node, limits);
        return new CompositeTransport(realClock, [carrier, network.join(carrier.local, limits)]);
      },
      [Symbol.asyncDispose]: () => iroh[Symbol.asyncDispose](),
    };
  });

  test("a peer that does not answer over iroh is reached over the next carrier meanwhile", async () => {
    await using iroh = await irohWorld();
    const network = new MemoryNetwork(realClock);
    const clock = new ManualClock();
    const [a, gone] = [await iroh.start(1), await iroh.start(2)];
    const hints = gone.localHints();
    await gone.close();
    await using composite = new CompositeTransport(clock, [a, network.join(a.local)]);
    network.join(gone.local).accept(echo);
    const opening = open(composite, gone.local, hints);
    clock.advance(ALONE_MS);
    await using stream = await opening;
    expect(stream.remote).toBe(gone.local);
    expect(composite.status(gone.local)).toMatchObject({ connected: true, rttMs: 0 });
  });
});

test("the preferred carrier is used, or the one that hints are for, or the one that is connected", async () => {
  const { both } = twoNetworks();
  const [a, b] = [both(A), both(B)];
  expect((await open(a, B, [PILOT_HINT])).dialect).toBe("pilot");
  // Connected over one, which stays in use whatever the hints say.
  expect((await open(a, B)).dialect).toBe("pilot");
  expect((await open(b, A, ["192.0.2.1:1"])).dialect).toBe("pilot");
  const c = both(key(3));
  expect((await open(a, c.local)).dialect).toBe("entmoot/1");
});

test("a carrier that fails gives way to the next one at once", async () => {
  const { clock, first, both } = twoNetworks();
  const [a] = [both(A), both(B)];
  first.cut(A, B);
  expect((await open(a, B)).dialect).toBe("pilot");
  expect(clock.waiting).toBe(0);
});

test("a carrier that lets us wait is joined by the next one, and both keep their time", async () => {
  const { clock, first, second, both } = twoNetworks();
  const slow = first.join(A);
  const late = Promise.withResolvers<void>();
  const { open: usual } = slow;
  slow.open = async (...dialled) => {
    await late.promise;
    return usual.apply(slow, dialled);
  };
  const a = new CompositeTransport(clock, [slow, second.join(A)]);
  both(B);
  second.cut(A, B);
  const opening = open(a, B);
  clock.advance(ALONE_MS - 1);
  expect(clock.waiting).toBe(1);
  clock.advance(1);
  // The second has failed by now, and the first still counts.
  late.resolve();
  expect((await opening).dialect).toBe("entmoot/1");
});

test("what comes after another carrier was faster is dropped", async () => {
  const { clock, first, second, both } = twoNetworks();
  const slow = first.join(A);
  both(B);
  const [late, dropped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const { open: usual } = slow;
  slow.open = async (peer, { hints }) => {
    await late.promise;
    const stream = await usual.call(slow, peer, { hints, signal: AbortSignal.timeout(5_000) });
    stream.reset = dropped.resolve;
    return stream;
  };
  const a = new CompositeTransport(clock, [slow, second.join(A)]);
  const opening = open(a, B);
  clock.advance(ALONE_MS);
  expect((await opening).dialect).toBe("pilot");
  late.resolve();
  await dropped.promise;
});

test("an unreachable peer is told of with every carrier tried, and why each failed", async () => {
  const { first, both } = twoNetworks();
  const [a] = [both(A), first.join(B)];
  first.cut(A, B);
  const opening = open(a, B);
  await expect(opening).rejects.toMatchObject({ code: "unavailable" });
  await expect(opening).rejects.toThrow(
    `peer ${B.slice(0, 12)}…: memory: the link is cut; heal it first; pilot: no such node on the memory network`,
  );
});

test("the caller's time ends every try, and the error says that it was time that ran out", async () => {
  const { clock, first, second } = twoNetworks();
  const a = new CompositeTransport(clock, [silent(first.join(A)), second.join(A)]);
  const patience = new AbortController();
  const opening = a.open(B, { hints: [], signal: patience.signal });
  clock.advance(ALONE_MS);
  patience.abort();
  await expect(opening).rejects.toMatchObject({ code: "timeout", message: expect.stringContaining("memory: ") });
});

test("a peer is announced once, when the first carrier reaches it and when the last one has lost it", async () => {
  const { first, second, both } = twoNetworks();
  const [a, b] = [both(A), both(B)];
  const changes = changesOf(a);
  await open(a, B, [PILOT_HINT]);
  expect(a.status(B)).toMatchObject({ connected: true, route: "direct", proof: "claim" });
  // The other end does not know of our preference.
  await open(first.join(key(9)), A).then((stream) => stream.reset());
  expect(changes.map(({ connected, key: peer }) => [peer, connected])).toEqual([
    [B, true],
    [key(9), true],
  ]);
  changes.length = 0;
  second.cut(A, B);
  second.heal(A, B);
  await open(b, A);
  await open(b, A, [PILOT_HINT]);
  expect(changes.map(({ connected }) => connected)).toEqual([false, true]);
});

test("a peer on two carriers stays connected until it is lost on both", async () => {
  const clock = new ManualClock();
  const networks = [
    new MemoryNetwork(realClock),
    new MemoryNetwork(realClock, { carrier: "pilot", proof: "claim" }),
  ] as const;
  const a = new CompositeTransport(clock, [networks[0].join(A), networks[1].join(A)]);
  const changes = changesOf(a);
  for (const network of networks) await open(network.join(B), A);
  expect(a.status(B)).toMatchObject({ connected: true, proof: "key" });
  networks[0].cut(A, B);
  expect(a.status(B)).toMatchObject({ connected: true, proof: "claim" });
  expect(changes.map(({ connected }) => connected)).toEqual([true]);
  networks[1].cut(A, B);
  expect(changes.map(({ connected }) => connected)).toEqual([true, false]);
  expect(a.status(B)).toEqual({ key: B, connected: false, route: "none", proof: undefined, rttMs: undefined });
});

test("a restart that one carrier noticed is announced although another carrier has the peer", async () => {
  const { clock, first, second } = twoNetworks();
  const noticing = first.join(A);
  const told: ((status: PeerStatus) => void)[] = [];
  const { onPeerChanged } = noticing;
  noticing.onPeerChanged = (listener) => {
    told.push(listener);
    onPeerChanged.call(noticing, listener);
  };
  const a = new CompositeTransport(clock, [noticing, second.join(A)]);
  const changes = changesOf(a);
  for (const network of [first, second]) await open(network.join(B), A);
  // As iroh says it: lost, while the newer connection is there already.
  told[0]!({ key: B, connected: false, route: "none", proof: undefined, rttMs: undefined });
  told[0]!(noticing.status(B));
  expect(changes.map(({ connected }) => connected)).toEqual([true, false, true]);
});

test("a carrier that appears later is used for everything", async () => {
  const { clock, first, second, both } = twoNetworks();
  const a = new CompositeTransport(clock, [first.join(A)]);
  const [changes, arriving] = [changesOf(a), arrivals(a)];
  let hintsChanged = 0;
  a.onHintsChanged(() => (hintsChanged += 1));
  a.knowPeers(() => false);
  const b = both(B);
  first.cut(A, B);
  expect(await failure(open(a, B))).toBe("unavailable");
  const later = second.join(A, { streamsPerStranger: 1 });
  later.localHints = () => ["pilot:0:0000.0000.0001"];
  a.add(later);
  expect([a.carriers, a.localHints(), hintsChanged]).toEqual([["memory", "pilot"], ["pilot:0:0000.0000.0001"], 1]);
  expect((await open(a, B)).dialect).toBe("pilot");
  await (await dial(b, a)).write(text("x"));
  expect((await arriving.next()).remote).toBe(B);
  // It asks who is one of ours, as the others do: B is a stranger and had its one stream.
  const over = await dial(b, a);
  expect(await failure(over.write(text("x")).then(() => over.read(1)))).toBe("unavailable");
  expect(changes.map(({ key: peer, connected }) => [peer, connected])).toEqual([[B, true]]);
});

test("a carrier of another key, of a name that is here, or after the end is not taken in", async () => {
  const { clock, first, second } = twoNetworks();
  const a = new CompositeTransport(clock, [first.join(A)]);
  expect(() => a.add(second.join(B))).toThrow("expected key");
  expect(() => a.add(new MemoryNetwork(realClock).join(A))).toThrow("already here");
  expect(() => new CompositeTransport(clock, [first.join(key(5)), second.join(key(6))])).toThrow("expected key");
  await a.close();
  expect(() => a.add(second.join(A))).toThrow("closed");
});

test("a carrier that fails to close keeps no other one open, and is told of", async () => {
  const { clock, first, second, both } = twoNetworks();
  const broken = first.join(A);
  broken.close = () => Promise.reject(new Error("no goodbye"));
  const a = new CompositeTransport(clock, [broken, second.join(A)]);
  const b = both(B);
  b.accept(echo);
  await open(a, B, [PILOT_HINT]);
  await expect(a.close()).rejects.toThrow("no goodbye");
  expect(b.status(A).connected).toBe(false);
  expect(await failure(ask(a, b, text("x")))).toBe("unavailable");
});
