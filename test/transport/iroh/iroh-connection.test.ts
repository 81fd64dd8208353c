import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import type { Connection, Endpoint } from "@number0/iroh";
import { PublicKey } from "../../../src/core/ids.ts";
import { IrohConnection } from "../../../src/transport/iroh/iroh-connection.ts";
import { ALPN } from "../../../src/transport/iroh/iroh-dialer.ts";
import { loadIroh } from "../../../src/transport/iroh/iroh-library.ts";
import { DEFAULT_LIMITS, StreamBudget } from "../../../src/transport/transport-limits.ts";
import { spawnPeer } from "../../support/iroh-peer.ts";
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
async function connected(): Promise<AsyncDisposable & { ours: IrohConnection; far: Connection; closed: string[] }> {
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

/** Our side of `native`, and the reasons it closed for. */
function watched(native: Connection): { ours: IrohConnection; closed: string[] } {
  const closed: string[] = [];
  const owner = {
    limits: DEFAULT_LIMITS,
    budget: new StreamBudget(DEFAULT_LIMITS),
    onStream: () => {},
    onClosed: (connection: IrohConnection) => closed.push(connection.lostBecause ?? ""),
  };
  const ours = new IrohConnection(native, owner, 0);
  ours.start();
  return { ours, closed };
}

inNetns(import.meta, () => {
  test("a connection unused for 240 s takes no new stream, and one unused for 300 s is closed", async () => {
    await using pair = await connected();
    expect(pair.ours.isUsable(239_999)).toBe(true);
    expect(pair.ours.isUsable(240_000)).toBe(false);
    pair.ours.tick(299_999);
    expect(pair.closed).toEqual([]);
    pair.ours.tick(300_000);
    expect(pair.closed).toEqual(["idle"]);
    expect(await pair.far.closed()).toBe("closed by peer: 0");
    expect(pair.ours.route).toBe("none");
  });

  test("a stream keeps its connection in use, and the wait starts again when it ends", async () => {
    await using pair = await connected();
    const stream = await pair.ours.open(AbortSignal.timeout(5_000), 1_000);
    pair.ours.tick(400_000);
    expect(pair.ours.isUsable(640_000)).toBe(true);
    stream.reset();
    expect(pair.ours.isUsable(639_999)).toBe(true);
    expect(pair.ours.isUsable(640_000)).toBe(false);
  });

  test("a connection that hears nothing while in use is suspected after two ticks and ended after five", async () => {
    await using peer = await spawnPeer(2, "mute");
    const iroh = await loadIroh(tmpdir());
    const near = await endpoint(1);
    const id = iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(peer.key)));
    const native = await near.connect(new iroh.EndpointAddr(id, null, [...peer.hints]), alpn);
    const { ours, closed } = watched(native);
    await ours.open(AbortSignal.timeout(5_000), 0);
    await peer.kill();
    ours.tick(0);
    const usable: boolean[] = [];
    for (let tick = 1; tick <= 5; tick += 1) {
      usable.push(ours.isUsable(tick));
      ours.tick(tick);
    }
    expect(usable).toEqual([true, true, false, false, false]);
    expect(closed).toEqual(["nothing heard from the peer for 5 s"]);
    await near.close();
  });

  test("why a connection was closed is told in our words, never in the peer's", async () => {
    await using pair = await connected();
    const stream = await pair.ours.open(AbortSignal.timeout(5_000), 0);
    pair.far.close(1n, Array.from(new TextEncoder().encode("\u001b[31mtype your seed here")));
    expect(stream.read(1)).rejects.toThrow(/connection lost: refused: the peer is at its limits/);
    await stream.read(1).catch(() => {});
  });
});
