import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import type { Connection, Endpoint } from "@number0/iroh";
import { PublicKey } from "../../../src/core/ids.ts";
import { IrohConnection } from "../../../src/transport/iroh/iroh-connection.ts";
import { ALPN } from "../../../src/transport/iroh/iroh-dialer.ts";
import { loadIroh } from "../../../src/transport/iroh/iroh-library.ts";
import { DEFAULT_LIMITS, StreamBudget } from "../../../src/transport/transport-limits.ts";
import { spawnPeer } from "../../support/iroh-peer.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { inNetns } from "../../support/netns.ts";

const alpn = Array.from(new TextEncoder().encode(ALPN));

async function endpoint(node: number): Promise<Endpoint> {
  const iroh = await loadIroh(tmpdir());
  const builder = iroh.Endpoint.builder();
  iroh.presetMinimal(builder);
  builder.secretKey(new Array(32).fill(node));
  builder.alpns([alpn]);
  builder.bindAddr("127.0.0.1:0");
  builder.relayMode(iroh.RelayMode.disabled());
  return await builder.bind();
}

/** A connection of ours whose clock the test holds, with the far end of it. */
async function connected(): Promise<AsyncDisposable & Watched & { far: Connection }> {
  const iroh = await loadIroh(tmpdir());
  const [near, there] = [await endpoint(1), await endpoint(2)];
  const accepting = there.acceptNext().then(async (incoming) => (await incoming?.accept())?.connect());
  const native = await near.connect(new iroh.EndpointAddr(there.id(), null, there.boundSockets()), alpn);
  const far = await accepting;
  if (!far) throw new Error("the far endpoint closed");
  return {
    ...watched(native),
    far,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([near.close(), there.close()]);
    },
  };
}

interface Watched {
  readonly ours: IrohConnection;
  /** The reasons it closed for. */
  readonly closed: string[];
  readonly clock: ManualClock;
}

/** Our side of `native`. */
function watched(native: Connection): Watched {
  const closed: string[] = [];
  const clock = new ManualClock();
  const owner = {
    clock,
    limits: DEFAULT_LIMITS,
    budget: new StreamBudget(DEFAULT_LIMITS),
    onStream: () => {},
    onClosed: (connection: IrohConnection) => closed.push(connection.lostBecause ?? ""),
  };
  const ours = new IrohConnection(native, owner);
  ours.start();
  return { ours, closed, clock };
}

inNetns(import.meta, () => {
  test("a connection unused for 240 s takes no new stream, and one unused for 300 s is closed", async () => {
    await using pair = await connected();
    pair.clock.advance(239_999);
    expect(pair.ours.isUsable()).toBe(true);
    pair.clock.advance(1);
    expect(pair.ours.isUsable()).toBe(false);
    pair.clock.advance(59_999);
    pair.ours.tick();
    expect(pair.closed).toEqual([]);
    pair.clock.advance(1);
    pair.ours.tick();
    expect(pair.closed).toEqual(["idle"]);
    expect(await pair.far.closed()).toBe("closed by peer: 0");
    expect(pair.ours.route).toBe("none");
  });

  test("a stream keeps its connection in use, and the wait starts again when it ends", async () => {
    await using pair = await connected();
    pair.clock.advance(1_000);
    const stream = await pair.ours.open(AbortSignal.timeout(60_000));
    pair.clock.advance(399_000);
    pair.ours.tick();
    pair.clock.advance(240_000);
    expect(pair.ours.isUsable()).toBe(true);
    pair.ours.tick();
    stream.reset();
    pair.clock.advance(239_999);
    expect(pair.ours.isUsable()).toBe(true);
    pair.clock.advance(1);
    expect(pair.ours.isUsable()).toBe(false);
  });

  test("a connection that hears nothing while in use is suspected after two ticks and ended after five", async () => {
    await using peer = await spawnPeer(2, "mute");
    const iroh = await loadIroh(tmpdir());
    const near = await endpoint(1);
    const id = iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(peer.key)));
    const native = await near.connect(new iroh.EndpointAddr(id, null, [...peer.hints]), alpn);
    const { ours, closed } = watched(native);
    await ours.open(AbortSignal.timeout(60_000));
    await peer.kill();
    ours.tick();
    const usable: boolean[] = [];
    for (let tick = 1; tick <= 5; tick += 1) {
      usable.push(ours.isUsable());
      ours.tick();
    }
    expect(usable).toEqual([true, true, false, false, false]);
    expect(closed).toEqual(["nothing heard from the peer for 5 s"]);
    await near.close();
  });

  test("why a connection was closed is told in our words, never in the peer's", async () => {
    await using pair = await connected();
    const stream = await pair.ours.open(AbortSignal.timeout(60_000));
    pair.far.close(1n, Array.from(new TextEncoder().encode("\u001b[31mtype your seed here")));
    expect(stream.read(1)).rejects.toThrow(/connection lost: refused: the peer is at its limits/);
    await stream.read(1).catch(() => {});
  });
});
