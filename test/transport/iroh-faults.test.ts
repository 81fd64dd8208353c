import { afterEach, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { tmpdir } from "node:os";
import type { Connection, Endpoint } from "@number0/iroh";
import type { Clock } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { TICK_MS } from "../../src/transport/iroh/iroh-connection.ts";
import { ALPN } from "../../src/transport/iroh/iroh-dialer.ts";
import { type IrohLibrary, loadIroh } from "../../src/transport/iroh/iroh-library.ts";
import { type IrohOptions, IrohTransport } from "../../src/transport/iroh/iroh-transport.ts";
import type { PeerStream, Transport } from "../../src/transport/transport.ts";
import { arrivals, ask, dial, echo, failure, readAll } from "../contract/transport.contract.ts";
import { spawnPeer } from "../support/iroh-peer.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { inNetns } from "../support/netns.ts";

const text = (words: string) => new TextEncoder().encode(words);
const numbers = (words: string) => Array.from(text(words));
const within = (ms: number) => AbortSignal.timeout(ms);
const LONG_MS = 120_000;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function start(node: number, options: Partial<IrohOptions> = {}): Promise<IrohTransport> {
  const transport = await IrohTransport.start({
    clock: realClock,
    seed: new Uint8Array(32).fill(node),
    bind: ["127.0.0.1", "::1"],
    port: 0,
    relay: "off",
    libraryDir: tmpdir(),
    ...options,
  });
  open.push(transport);
  return transport;
}

/** An endpoint without our rules, for peers that do not keep to them. */
async function stranger(node: number, alpn = ALPN): Promise<{ iroh: IrohLibrary; endpoint: Endpoint }> {
  const iroh = await loadIroh(tmpdir());
  const builder = iroh.Endpoint.builder();
  iroh.presetMinimal(builder);
  builder.secretKey(new Array(32).fill(node));
  builder.alpns([numbers(alpn)]);
  builder.bindAddr("127.0.0.1:0");
  builder.relayMode(iroh.RelayMode.disabled());
  const endpoint = await builder.bind();
  open.push(endpoint);
  return { iroh, endpoint };
}

/**
 * Why the first `count` of `made` that are closed were, with what the peer said left out. Which they are is not said: two
 * handshakes that end together may reach the other side in either order.
 */
async function firstClosed(made: readonly Connection[], count: number): Promise<string[]> {
  const reasons: string[] = [];
  const enough = Promise.withResolvers<void>();
  for (const connection of made) {
    void connection.closed().then((reason) => {
      if (reasons.push(/closed by peer: \d+/.exec(reason)?.[0] ?? reason) === count) enough.resolve();
    });
  }
  await enough.promise;
  return reasons.slice(0, count);
}

const LIMITS = "closed by peer: 1";

async function strangerDials(node: number, victim: Transport, hints = victim.localHints()): Promise<Connection> {
  const { iroh, endpoint } = await stranger(node);
  return await redial(iroh, endpoint, victim, hints);
}

function redial(
  iroh: IrohLibrary,
  endpoint: Endpoint,
  victim: Transport,
  hints = victim.localHints(),
): Promise<Connection> {
  const id = iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(victim.local)));
  return endpoint.connect(new iroh.EndpointAddr(id, null, [...hints]), numbers(ALPN));
}

/** The machine's clock, but that connections are looked at when the test says so: silence is counted, not timed. */
class HeldLooks {
  readonly #held = new Set<() => void>();
  readonly clock: Clock = {
    ...realClock,
    after: (ms, work, options) => {
      if (ms !== TICK_MS) return realClock.after(ms, work, options);
      this.#held.add(work);
      return { [Symbol.dispose]: () => void this.#held.delete(work) };
    },
  };

  /** Looks again and again until `isSo`; resolves to how often. */
  async until(isSo: () => boolean): Promise<number> {
    let looks = 0;
    for (; !isSo(); looks += 1) {
      for (const look of [...this.#held]) {
        this.#held.delete(look);
        look();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return looks;
  }
}

/** The machine's clock; tells how often connections were looked at. */
class CountedLooks {
  #count = 0;
  #onLook: (() => void)[] = [];
  readonly clock: Clock = {
    ...realClock,
    after: (ms, work, options) =>
      realClock.after(
        ms,
        () => {
          work();
          if (ms === TICK_MS) this.#looked();
        },
        options,
      ),
  };

  /** Resolves when there were so many more. */
  async passed(more: number): Promise<void> {
    for (const last = this.#count + more; this.#count < last; ) {
      await new Promise<void>((resolve) => this.#onLook.push(resolve));
    }
  }

  #looked(): void {
    this.#count += 1;
    for (const wake of this.#onLook.splice(0)) wake();
  }
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "no error",
    (error: Error) => error.message,
  );
}

inNetns(import.meta, () => {
  describe("a peer that vanishes", () => {
    test(
      "fails a read after a few looks in vain, and is reached again once it is back",
      async () => {
        const looks = new HeldLooks();
        const a = await start(1, { clock: looks.clock });
        const changes: boolean[] = [];
        a.onPeerChanged(({ connected }) => changes.push(connected));
        await using peer = await spawnPeer(2, "mute");
        const stream = await a.open(peer.key, { hints: peer.hints, signal: within(LONG_MS) });
        await stream.write(text("x"));
        await peer.kill();
        const failed = messageOf(stream.read(10));
        // Five silent ones, once what it had sent before was seen; QUIC alone waits as long as thirty of them.
        expect(await looks.until(() => changes.length === 2)).toBeLessThan(30);
        expect(await failed).toContain("nothing heard from the peer");
        expect(changes).toEqual([true, false]);
        expect(a.status(peer.key)).toMatchObject({ connected: false, route: "none" });
        await using _back = await spawnPeer(2, "echo", peer.port);
        await using again = await a.open(peer.key, { hints: peer.hints, signal: within(LONG_MS) });
        await again.write(text("back"));
        await again.finish();
        expect(await readAll(again)).toEqual(text("back"));
      },
      LONG_MS,
    );

    test(
      "is served again by those who saw it restart, before they noticed it was gone",
      async () => {
        const looks = new HeldLooks();
        const a = await start(1, { clock: looks.clock });
        const changes: boolean[] = [];
        a.onPeerChanged(({ connected }) => changes.push(connected));
        await using peer = await spawnPeer(2, "echo");
        const asked = async () => {
          const stream = await a.open(peer.key, { hints: peer.hints, signal: within(LONG_MS) });
          await stream.write(text("?"));
          await stream.finish();
          return stream;
        };
        expect(await readAll(await asked())).toEqual(text("?"));
        await peer.kill();
        await using _back = await spawnPeer(2, "echo", peer.port);
        // The first question goes to the process that is gone, and fails as soon as silence tells; the second one arrives.
        const lost = await asked();
        expect(await looks.until(() => changes.length === 2)).toBeLessThan(30);
        expect(await failure(readAll(lost))).toBe("unavailable");
        expect(await readAll(await asked())).toEqual(text("?"));
      },
      LONG_MS,
    );
  });

  describe("a peer that restarts and dials before it was missed", () => {
    test(
      "is told as lost and back after fewer looks than silence takes, and what waited for the process before fails",
      async () => {
        const looks = new HeldLooks();
        const a = await start(1, { clock: looks.clock });
        const changes: boolean[] = [];
        a.onPeerChanged(({ connected }) => changes.push(connected));
        await using peer = await spawnPeer(2, "mute");
        const waiting = await a.open(peer.key, { hints: peer.hints, signal: within(LONG_MS) });
        await waiting.write(text("x"));
        await peer.kill();
        const restarted = await start(2, { port: peer.port });
        const arriving = arrivals(a);
        await using stream = await restarted.open(a.local, { hints: a.localHints(), signal: within(LONG_MS) });
        await stream.write(text("x"));
        await arriving.next();
        const failed = messageOf(waiting.read(10));
        expect(await looks.until(() => changes.length === 3)).toBeLessThan(5);
        expect(await failed).toContain("the peer made a new connection");
        expect(changes).toEqual([true, false, true]);
        expect(stream.remote).toBe(a.local);
      },
      LONG_MS,
    );

    test(
      "is not told as lost when both connections are alive",
      async () => {
        const looks = [new CountedLooks(), new CountedLooks()] as const;
        const [a, b] = [await start(1, { clock: looks[0].clock }), await start(2, { clock: looks[1].clock })];
        const changes: boolean[] = [];
        a.onPeerChanged(({ connected }) => changes.push(connected));
        b.accept(echo);
        a.accept(echo);
        const dials = [
          a.open(b.local, { hints: b.localHints(), signal: within(LONG_MS) }),
          b.open(a.local, { hints: a.localHints(), signal: within(LONG_MS) }),
        ];
        const streams = await Promise.all(dials);
        // More looks than a dead one is given: the streams of both connections still carry.
        await Promise.all(looks.map((each) => each.passed(4)));
        for (const stream of streams) {
          await stream.write(text("still here"));
          await stream.finish();
          expect(await readAll(stream)).toEqual(text("still here"));
        }
        expect(changes).toEqual([true]);
      },
      LONG_MS,
    );
  });

  describe("a peer that stalls", () => {
    test(
      "holds up only its own streams, and its connection is given up for a fresh one",
      async () => {
        const a = await start(1);
        const mute = await spawnPeer(2, "mute");
        await using _ = mute;
        const b = await start(3);
        b.accept(echo);
        const lost = new Promise<void>((resolve) => a.onPeerChanged(({ connected }) => connected || resolve()));
        for (let i = 0; i < 3; i += 1) {
          const stream = await a.open(mute.key, { hints: mute.hints, signal: within(LONG_MS) });
          await stream.write(text("x"));
          expect(await failure(stream.read(10, within(50)))).toBe("timeout");
          stream.reset();
        }
        expect(await ask(a, b, text("still here"))).toEqual(text("still here"));
        await lost;
        const fresh = await a.open(mute.key, { hints: mute.hints, signal: within(LONG_MS) });
        await fresh.write(text("x"));
        expect(a.status(mute.key).connected).toBe(true);
      },
      LONG_MS,
    );
  });

  describe("a peer that asks for too much", () => {
    test("has its streams past the limit reset, while others are served", async () => {
      const victim = await start(1, { limits: { streamsPerPeer: 8 } });
      const held: PeerStream[] = [];
      victim.accept((stream) => {
        if (stream.remote === friend.local) echo(stream);
        else held.push(stream);
      });
      const friend = await start(3);
      const connection = await strangerDials(2, victim);
      let refused = 0;
      const allRefused = Promise.withResolvers<void>();
      for (let i = 0; i < 30; i += 1) {
        const { send, recv } = await connection.openBi();
        await send.writeAll([1]);
        recv.read(1).catch((error: Error) => {
          if (error.message.startsWith("Reset(1)")) refused += 1;
          if (refused === 22) allRefused.resolve();
        });
      }
      await allRefused.promise;
      expect(held.length).toBe(8);
      expect(await ask(friend, victim, text("me too"))).toEqual(text("me too"));
    });

    test("has its connections past the limit closed, while others are served", async () => {
      const victim = await start(1, { limits: { connectionsPerPeerPerMinute: 3, connectionsPerPeer: 2 } });
      victim.accept(echo);
      const { iroh, endpoint } = await stranger(2);
      const made: Connection[] = [];
      for (let i = 0; i < 4; i += 1) made.push(await redial(iroh, endpoint, victim));
      // The first to come made room for the third, the fourth was one too many within a minute.
      expect(await firstClosed(made, 2)).toEqual([LIMITS, LIMITS]);
      expect(made.filter((connection) => connection.closeReason() === null)).toHaveLength(2);
      expect(await ask(await start(3), victim, text("me too"))).toEqual(text("me too"));
    });

    test("is let in only while there is room for connections, and idle ones make room", async () => {
      const victim = await start(1, { limits: { connectionsTotal: 2 } });
      const arriving = arrivals(victim);
      const [idle, busy] = [await strangerDials(2, victim), await strangerDials(3, victim)];
      const { send } = await busy.openBi();
      await send.writeAll([1]);
      await arriving.next();
      const third = await strangerDials(4, victim);
      expect(await idle.closed()).toContain("closed by peer: 1");
      const { send: sendThird } = await third.openBi();
      await sendThird.writeAll([1]);
      await arriving.next();
      expect(await (await strangerDials(5, victim)).closed()).toContain("closed by peer: 1");
      expect([busy.closeReason(), third.closeReason()]).toEqual([null, null]);
    });

    test("with many made-up keys shares a few connections, and members keep theirs", async () => {
      const victim = await start(1, { limits: { strangerConnections: 2 } });
      victim.accept(echo);
      const member = await start(2);
      victim.knowPeers((peer) => peer === member.local);
      expect(await ask(member, victim, text("first"))).toEqual(text("first"));
      const strangers: Connection[] = [];
      for (let node = 3; node < 7; node += 1) {
        const stranger = await strangerDials(node, victim);
        const { send } = await stranger.openBi();
        await send.writeAll([1]);
        strangers.push(stranger);
      }
      expect(await firstClosed(strangers, 2)).toEqual([LIMITS, LIMITS]);
      expect(strangers.filter((connection) => connection.closeReason() === null)).toHaveLength(2);
      expect(victim.status(member.local).connected).toBe(true);
      expect(await ask(member, victim, text("still here"))).toEqual(text("still here"));
    });

    test("with many made-up keys at one host loses its own connections, and those from elsewhere stay", async () => {
      const victim = await start(1, { limits: { strangerConnections: 3 } });
      victim.accept(echo);
      victim.knowPeers(() => false);
      const elsewhere = await start(2);
      const hints = [`[::1]:${victim.boundPort()}`];
      expect(await ask(elsewhere, victim, text("first"), hints)).toEqual(text("first"));
      const strangers: Connection[] = [];
      // Over one address: with both it is chance by which they come.
      const crowded = [`127.0.0.1:${victim.boundPort()}`];
      for (let node = 3; node < 9; node += 1) strangers.push(await strangerDials(node, victim, crowded));
      expect(await firstClosed(strangers, 4)).toEqual([LIMITS, LIMITS, LIMITS, LIMITS]);
      expect(elsewhere.status(victim.local).connected).toBe(true);
      expect(victim.status(elsewhere.local).connected).toBe(true);
    });

    test("is cut off when it floods datagrams, while others are served", async () => {
      const victim = await start(1);
      victim.accept(echo);
      const connection = await strangerDials(2, victim);
      const closed = connection.closed();
      for (let i = 0; i < 500 && connection.closeReason() === null; i += 1)
        await connection.sendDatagramWait([1]).catch(() => {});
      expect(await closed).toContain("closed by peer: 4");
      expect(await ask(await start(3), victim, text("me too"))).toEqual(text("me too"));
    });

    test("cannot disturb a node with packets that are not QUIC", async () => {
      const victim = await start(1);
      victim.accept(echo);
      const socket = createSocket("udp4");
      for (let i = 0; i < 500; i += 1) {
        socket.send(crypto.getRandomValues(new Uint8Array(1 + ((i * 97) % 1400))), victim.boundPort(), "127.0.0.1");
      }
      socket.close();
      await once(socket, "close");
      expect(await ask(await start(3), victim, text("me too"))).toEqual(text("me too"));
    });
  });

  describe("a dial that fails says why", () => {
    test("when another key answers", async () => {
      const [a, b, gone] = [await start(1), await start(2), await start(3)];
      await gone.close();
      const dialled = messageOf(a.open(gone.local, { hints: b.localHints(), signal: within(LONG_MS) }));
      expect(await dialled).toContain(`another key answers at 127.0.0.1:${b.boundPort()}`);
    });

    test("when what answers speaks another protocol", async () => {
      const a = await start(1);
      const { endpoint } = await stranger(2, "something-else/1");
      void (async () => {
        const incoming = await endpoint.acceptNext();
        await (await incoming?.accept())?.connect();
      })().catch(() => {});
      const key = PublicKey.fromBytes(Uint8Array.from(endpoint.id().toBytes()));
      const dialled = messageOf(a.open(key, { hints: endpoint.boundSockets(), signal: within(LONG_MS) }));
      expect(await dialled).toContain("does not speak entmoot/1");
    });

    test("when the peer takes no more handshakes", async () => {
      const [a, b] = [await start(1), await start(2, { limits: { handshakes: 0 } })];
      expect(await messageOf(dial(a, b))).toContain("connection refused: the peer is at its limits");
    });

    test("when only a relay is known and relays are off", async () => {
      const [a, gone] = [await start(1), await start(2)];
      await gone.close();
      const hints = ["https://relay.example/", "not an address", "127.0.0.1:0", "1.2.3:9"];
      const dialled = messageOf(a.open(gone.local, { hints, signal: within(LONG_MS) }));
      expect(await dialled).toContain("only a relay is known for it and relays are off");
    });

    test("when only a relay is known that nobody may lead to: it is not asked, by plain HTTP or within this machine", async () => {
      let asked = 0;
      const relay = Bun.listen({
        hostname: "127.0.0.1",
        port: 0,
        socket: {
          open() {
            asked += 1;
          },
          data() {},
        },
      });
      // Relays are on; the one is bound to this machine alone, the other to all of its addresses.
      const a = await start(1, { relay: ["https://relay.invalid/"], bind: ["127.0.0.1"] });
      const b = await start(3, { relay: ["https://relay.invalid/"], bind: [] });
      const gone = await start(2);
      await gone.close();
      for (const [from, hint] of [
        [a, `http://127.0.0.1:${relay.port}/`],
        [b, `http://127.0.0.1:${relay.port}/`],
        [b, `https://127.0.0.1:${relay.port}/`],
        [b, `https://[::ffff:127.0.0.1]:${relay.port}/`],
      ] as const) {
        const dialled = messageOf(from.open(gone.local, { hints: [hint], signal: within(LONG_MS) }));
        expect(await dialled).toContain("not asked on the word of others");
      }
      expect(asked).toBe(0);
      relay.stop(true);
    });

    test("when nobody answers in time, naming the addresses tried", async () => {
      const [a, gone] = [await start(1), await start(2)];
      await gone.close();
      const dialled = messageOf(a.open(gone.local, { hints: ["127.0.0.1:9", "[::1]:9"], signal: within(300) }));
      expect(await dialled).toContain("dialled 127.0.0.1:9, [::1]:9: no answer in the time allowed");
    });
  });

  describe("a node under a flood of handshakes", () => {
    test("serves others while strangers leave a hundred handshakes half done", async () => {
      // The time a handshake is given never passes: nothing but the limit makes room.
      const victim = await start(1, { limits: { handshakes: 8 }, clock: new ManualClock() });
      victim.accept(echo);
      // Packets reach the victim through here and its answers go nowhere.
      const oneWay = createSocket("udp4").bind(0, "127.0.0.1");
      await once(oneWay, "listening");
      let forwarded = 0;
      const flooded = new Promise<void>((resolve) => {
        oneWay.on("message", (packet, { port }) => {
          if (port === victim.boundPort()) return;
          oneWay.send(packet, victim.boundPort(), "127.0.0.1");
          forwarded += 1;
          if (forwarded === 100) resolve();
        });
      });
      const { iroh, endpoint } = await stranger(2);
      const id = iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(victim.local)));
      const address = new iroh.EndpointAddr(id, null, [`127.0.0.1:${oneWay.address().port}`]);
      let halfDone = 100;
      for (let i = 0; i < 100; i += 1) endpoint.connect(address, numbers(ALPN)).catch(() => (halfDone -= 1));
      await flooded;
      expect(await ask(await start(3), victim, text("me too"))).toEqual(text("me too"));
      expect(halfDone).toBeGreaterThan(0);
      oneWay.close();
    });

    test("lets in every joiner beside 250 half-done ones of one program", async () => {
      const victim = await start(1, { clock: new ManualClock() });
      victim.accept(echo);
      victim.knowPeers(() => false);
      // The attacker answers once, so its address is proved, and then says nothing more.
      const halfWay = createSocket("udp4").bind(0, "127.0.0.1");
      await once(halfWay, "listening");
      let attackerPort = 0;
      let forwarded = 0;
      const flooded = new Promise<void>((resolve) => {
        halfWay.on("message", (packet, { port }) => {
          if (port === victim.boundPort()) {
            // A retry is let through, and no answer after it: a long header whose type is 3.
            const isRetry = ((packet[0] ?? 0) & 0xf0) === 0xf0;
            if (isRetry) halfWay.send(packet, attackerPort, "127.0.0.1");
            return;
          }
          attackerPort = port;
          halfWay.send(packet, victim.boundPort(), "127.0.0.1");
          forwarded += 1;
          if (forwarded === 500) resolve();
        });
      });
      const { iroh, endpoint } = await stranger(2);
      const id = iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(victim.local)));
      const address = new iroh.EndpointAddr(id, null, [`127.0.0.1:${halfWay.address().port}`]);
      for (let i = 0; i < 250; i += 1) endpoint.connect(address, numbers(ALPN)).catch(() => {});
      await flooded;
      const joiners = [await start(3), await start(4), await start(5)];
      for (const joiner of joiners) expect(await ask(joiner, victim, text("me too"))).toEqual(text("me too"));
      halfWay.close();
    });

    test("asks strangers to prove their address and still serves them", async () => {
      const [a, b] = [await start(1), await start(2, { limits: { handshakes: 1 } })];
      b.accept(echo);
      expect(await ask(a, b, text("hello"))).toEqual(text("hello"));
    });
  });

  describe("a dial at an address that is out of date", () => {
    test("ends well when the peer dials meanwhile", async () => {
      const [a, b] = [await start(1), await start(2)];
      a.accept(echo);
      b.accept(echo);
      const asking = ask(a, b, text("found"), ["127.0.0.1:9"]);
      expect(await ask(b, a, text("hello"))).toEqual(text("hello"));
      expect(await asking).toEqual(text("found"));
    });
  });

  describe("start", () => {
    test("waits for no relay, and direct addresses work while the relay does not answer", async () => {
      // No time passes for it, and that relay never answers: neither was waited for.
      const a = await start(1, { relay: ["https://relay.invalid/"], clock: new ManualClock() });
      const b = await start(2);
      b.accept(echo);
      expect(await ask(a, b, text("direct"))).toEqual(text("direct"));
      expect(a.status(b.local).route).toBe("direct");
    });

    test("uses one port on every address it binds, and the given one when there is one", async () => {
      const first = await start(1);
      const port = first.boundPort();
      expect(first.localHints()).toEqual([`127.0.0.1:${port}`, `[::1]:${port}`]);
      await first.close();
      const second = await start(1, { port, bind: ["127.0.0.1"] });
      expect(second.boundPort()).toBe(port);
      expect(second.localHints()).toEqual([`127.0.0.1:${port}`]);
    });

    test("tells its discovered addresses, never the unspecified one, when every interface is bound", async () => {
      const a = await start(1, { bind: [] });
      expect(a.localHints().join(" ")).not.toMatch(/0\.0\.0\.0|\[::\]/);
      const b = await start(2);
      a.accept(echo);
      expect(await ask(b, a, text("x"), [`127.0.0.1:${a.boundPort()}`])).toEqual(text("x"));
    });

    test("names the port that is taken", async () => {
      const taken = await start(1);
      expect(await messageOf(start(2, { port: taken.boundPort() }))).toContain(
        `UDP port ${taken.boundPort()} is in use`,
      );
    });

    test("refuses options that cannot be meant", async () => {
      expect(await failure(start(1, { seed: new Uint8Array(31) }))).toBe("invalid_argument");
      expect(await failure(start(1, { bind: ["localhost"] }))).toBe("invalid_argument");
      expect(await failure(start(1, { port: 65_536 }))).toBe("invalid_argument");
      expect(await failure(start(1, { relay: ["relay.example"] }))).toBe("invalid_argument");
    });
  });
});
