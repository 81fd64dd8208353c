import { describe, expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { READ_MAX_BYTES } from "../../src/transport/byte-stream.ts";
import type { PeerStatus, PeerStream, Transport } from "../../src/transport/transport.ts";
import type { TransportLimits } from "../../src/transport/transport-limits.ts";

/** A network of its own for one test. */
export interface TransportWorld extends AsyncDisposable {
  /** A node. The same number is the same key and, where the carrier has one, the same port. */
  start(node: number, limits?: Partial<TransportLimits>): Promise<Transport>;
}

const PATIENCE_MS = 60_000;
const soon = () => AbortSignal.timeout(PATIENCE_MS);
const text = (words: string) => new TextEncoder().encode(words);

/** The questions every carrier answers alike. Call inside a test file, once per driver. */
export function transportContract(name: string, makeWorld: () => Promise<TransportWorld>): void {
  const check = (sentence: string, body: (world: TransportWorld) => Promise<void>) =>
    test(sentence, async () => {
      await using world = await makeWorld();
      await body(world);
    });

  describe(`a transport over ${name}`, () => {
    check("carries a question and its answer", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      b.accept(echo);
      expect(await ask(a, b, text("hello"))).toEqual(text("hello"));
    });

    check("tells each side who the other is", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      await opened.write(text("x"));
      await using accepted = await arriving.next();
      expect(a.local).not.toBe(b.local);
      expect(opened.remote).toBe(b.local);
      expect(accepted.remote).toBe(a.local);
      // What is spoken, and how sure the other's name is, are the same at both ends.
      expect([accepted.dialect, accepted.proof]).toEqual([opened.dialect, opened.proof]);
    });

    check("keeps one connection for many streams, in both directions", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const changes = peerChanges(a);
      a.accept(echo);
      b.accept(echo);
      for (let i = 0; i < 50; i += 1) expect(await ask(a, b, text(`${i}`))).toEqual(text(`${i}`));
      // b was never told where a is: it answers over the connection that a made.
      expect(await ask(b, a, text("back"), [])).toEqual(text("back"));
      expect(changes).toEqual([{ key: b.local, connected: true }]);
      expect(a.status(b.local).route).toBe("direct");
      expect(b.status(a.local).connected).toBe(true);
    });

    check("carries megabytes unchanged past a reader that takes its time", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      b.accept(echo);
      const sent = pattern(3 * 1024 * 1024 + 17);
      expect(Bun.hash(await ask(a, b, sent))).toBe(Bun.hash(sent));
    });

    check("returns at most what a read asks for, and never more than 65,536 bytes", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      const writing = opened.write(pattern(200_000)).then(() => opened.finish());
      await using accepted = await arriving.next();
      expect((await accepted.read(1))?.length).toBe(1);
      let read = 1;
      for (let piece = await accepted.read(1 << 20); piece !== null; piece = await accepted.read(1 << 20)) {
        expect(piece.length).toBeLessThanOrEqual(READ_MAX_BYTES);
        read += piece.length;
      }
      await writing;
      expect(read).toBe(200_000);
    });

    check("makes a writer wait for a peer that does not read, until its signal aborts", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      const writing = opened.write(pattern(16 * 1024 * 1024), AbortSignal.timeout(500));
      await using accepted = await arriving.next();
      expect(await failure(writing)).toBe("timeout");
      // Part of it went out, so the stream can only be dropped, and the peer must not take it for a whole.
      expect(await failure(opened.write(text("more")))).toBe("internal");
      await opened[Symbol.asyncDispose]();
      expect(await failure(readAll(accepted))).toBe("unavailable");
    });

    check("refuses a read or write that overlaps another of its kind", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      const writing = opened.write(pattern(2 * 1024 * 1024));
      await using accepted = await arriving.next();
      expect(await failure(opened.write(text("x")))).toBe("internal");
      expect(await failure(opened.finish())).toBe("internal");
      const reading = opened.read(10);
      expect(await failure(opened.read(10))).toBe("internal");
      let read = 0;
      while (read < 2 * 1024 * 1024) read += (await accepted.read(65_536, soon()))?.length ?? 0;
      await writing;
      await accepted.write(text("done"));
      expect(await reading).toEqual(text("done"));
    });

    check("keeps what arrives after a read timed out for the next read", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      await opened.write(text("first"));
      await using accepted = await arriving.next();
      expect(await accepted.read(100)).toEqual(text("first"));
      expect(await failure(accepted.read(100, AbortSignal.timeout(20)))).toBe("timeout");
      await opened.write(text("second"));
      expect(await accepted.read(3, soon())).toEqual(text("sec"));
      expect(await accepted.read(100, soon())).toEqual(text("ond"));
    });

    check("lets one side finish while the other still speaks", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      await opened.write(text("question"));
      await opened.finish();
      await opened.finish();
      expect(await failure(opened.write(text("late")))).toBe("unavailable");
      await using accepted = await arriving.next();
      expect(await readAll(accepted)).toEqual(text("question"));
      expect(await accepted.read(10)).toBeNull();
      await accepted.write(text("answer"));
      await accepted.finish();
      expect(await readAll(opened)).toEqual(text("answer"));
    });

    check("tells the peer of a reset, and ends what waits on this side", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      await using opened = await dial(a, b);
      await opened.write(text("x"));
      await using accepted = await arriving.next();
      await accepted.read(1);
      const [here, there] = [failure(opened.read(10)), failure(accepted.read(10))];
      opened.reset();
      opened.reset();
      expect([await here, await there]).toEqual(["unavailable", "unavailable"]);
      expect(await failure(opened.write(text("y")))).toBe("unavailable");
    });

    check("fails a writer whose peer released the stream unread", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      b.accept((stream) => void stream[Symbol.asyncDispose]());
      await using opened = await dial(a, b);
      expect(await failure(opened.write(pattern(16 * 1024 * 1024), soon()))).toBe("unavailable");
    });

    check("keeps streams that come before the handler is set", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const asking = ask(a, b, text("early"));
      await using probe = await dial(a, b);
      await probe.write(text("x"));
      b.accept(echo);
      expect(await asking).toEqual(text("early"));
    });

    check("runs many streams at once", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      b.accept(echo);
      const asked = Array.from({ length: 60 }, (_, i) => pattern(1_000 + i * 37));
      const answers = await Promise.all(asked.map((bytes) => ask(a, b, bytes)));
      expect(answers.map((bytes) => Bun.hash(bytes))).toEqual(asked.map((bytes) => Bun.hash(bytes)));
    });

    check("resets a peer's streams past its share, and takes more once some ended", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2, { streamsPerPeer: 4 })];
      const arriving = arrivals(b);
      const held: PeerStream[] = [];
      for (let i = 0; i < 4; i += 1) {
        await (await dial(a, b)).write(text("x"));
        held.push(await arriving.next());
      }
      const over = await dial(a, b);
      expect(await failure(over.write(text("x")).then(() => over.read(1)))).toBe("unavailable");
      for (const stream of held) stream.reset();
      b.accept(echo);
      expect(await ask(a, b, text("again"))).toEqual(text("again"));
    });

    check("resets streams past what all peers may hold together", async (world) => {
      const b = await world.start(9, { streamsTotal: 2, streamsSure: 0 });
      const arriving = arrivals(b);
      for (const node of [1, 2]) {
        await (await dial(await world.start(node), b)).write(text("x"));
        await arriving.next();
      }
      const over = await dial(await world.start(3), b);
      expect(await failure(over.write(text("x")).then(() => over.read(1)))).toBe("unavailable");
    });

    check("says why a peer without a known address cannot be reached", async (world) => {
      const [a, gone] = [await world.start(1), await world.start(2)];
      const key = gone.local;
      await gone.close();
      const error = await a.open(key, { hints: [], signal: soon() }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(EntmootError);
      expect(error).toMatchObject({ code: "unavailable", message: expect.stringContaining(key.slice(0, 12)) });
    });

    check("gives up on an absent peer when the signal aborts", async (world) => {
      const [a, gone] = [await world.start(1), await world.start(2)];
      const [key, hints] = [gone.local, gone.localHints()];
      await gone.close();
      const ended: string[] = [];
      const dialFor = (name: string, signal: AbortSignal) =>
        failure(a.open(key, { hints, signal })).finally(() => ended.push(name));
      const patience = new AbortController();
      const short = dialFor("short", AbortSignal.timeout(300));
      const long = dialFor("long", patience.signal);
      expect(["timeout", "unavailable"]).toContain(await short);
      // The signal ended it, not the carrier's own idea of how long a dial takes.
      expect(ended[0]).toBe("short");
      patience.abort();
      await long;
      expect(await failure(a.open(key, { hints, signal: AbortSignal.abort() }))).toBe("timeout");
      expect(a.status(key)).toEqual({ key, connected: false, route: "none", proof: undefined, rttMs: undefined });
    });

    check("refuses to dial itself", async (world) => {
      const a = await world.start(1);
      expect(await failure(a.open(a.local, { hints: a.localHints(), signal: soon() }))).toBe("unavailable");
    });

    check("reaches a peer again after it restarted", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      b.accept(echo);
      await ask(a, b, text("before"));
      const lost = peerLost(a);
      await b.close();
      await lost;
      const again = await world.start(2);
      expect(again.local).toBe(b.local);
      again.accept(echo);
      expect(await ask(a, again, text("after"))).toEqual(text("after"));
    });

    check("is reached by a peer that restarted and dials", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      a.accept(echo);
      await ask(b, a, text("before"));
      await b.close();
      const again = await world.start(2);
      again.accept(echo);
      expect(await ask(again, a, text("after"))).toEqual(text("after"));
      expect(await ask(a, again, text("and back"))).toEqual(text("and back"));
    });

    check("fails what waits on a peer that closes", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      const opened = await dial(a, b);
      await opened.write(text("x"));
      await arriving.next();
      const reading = failure(opened.read(10, soon()));
      await b.close();
      expect(await reading).toBe("unavailable");
    });

    check("loses nothing that was finished before it closed", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      const arriving = arrivals(b);
      const sent = pattern(150_000);
      const opened = await dial(a, b);
      await opened.write(sent);
      await opened.finish();
      await a.close();
      await a.close();
      expect(Bun.hash(await readAll(await arriving.next()))).toBe(Bun.hash(sent));
    });

    check("opens nothing once closed", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      await a.close();
      expect(await failure(dial(a, b))).toBe("unavailable");
    });

    check("survives both sides dialling at once", async (world) => {
      for (let round = 0; round < 8; round += 1) {
        const [a, b] = [await world.start(100 + 2 * round), await world.start(101 + 2 * round)];
        a.accept(echo);
        b.accept(echo);
        const asks = [0, 1, 2, 3].flatMap((i) => [ask(a, b, text(`a${i}`)), ask(b, a, text(`b${i}`))]);
        expect((await Promise.all(asks)).length).toBe(8);
        expect(await ask(a, b, text("later"))).toEqual(text("later"));
        expect(await ask(b, a, text("later"))).toEqual(text("later"));
      }
    });

    check("announces a peer when it comes and when it goes", async (world) => {
      const [a, b] = [await world.start(1), await world.start(2)];
      a.accept(echo);
      const changes = peerChanges(a);
      await ask(b, a, text("x"));
      const lost = peerLost(a);
      await b.close();
      await lost;
      expect(changes).toEqual([
        { key: b.local, connected: true },
        { key: b.local, connected: false },
      ]);
    });
  });
}

/** Sends back what comes until the peer finishes. */
export function echo(stream: PeerStream): void {
  void (async () => {
    try {
      for (let piece = await stream.read(65_536); piece !== null; piece = await stream.read(65_536)) {
        await stream.write(piece);
      }
      await stream[Symbol.asyncDispose]();
    } catch {
      stream.reset();
    }
  })();
}

export function dial(from: Transport, to: Transport, hints = to.localHints()): Promise<PeerStream> {
  return from.open(to.local, { hints, signal: soon() });
}

/** One interaction: sends `question`, finishes, and returns all that comes back. */
export async function ask(
  from: Transport,
  to: Transport,
  question: Uint8Array,
  hints = to.localHints(),
): Promise<Uint8Array> {
  await using stream = await dial(from, to, hints);
  const sending = stream.write(question).then(() => stream.finish());
  const answer = await readAll(stream);
  await sending;
  return answer;
}

export async function readAll(stream: PeerStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (let piece = await stream.read(65_536, soon()); piece !== null; piece = await stream.read(65_536, soon())) {
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** The code of the `EntmootError` that `work` throws, "none" when it does not throw. */
export async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof EntmootError ? error.code : `not an EntmootError: ${error}`;
  }
}

/** The streams that reach `transport`, in order, one per `next`. */
export function arrivals(transport: Transport): { next(): Promise<PeerStream> } {
  const arrived: PeerStream[] = [];
  const wanted: ((stream: PeerStream) => void)[] = [];
  transport.accept((stream) => {
    const taker = wanted.shift();
    if (taker) taker(stream);
    else arrived.push(stream);
  });
  return {
    next: () => {
      const stream = arrived.shift();
      return stream ? Promise.resolve(stream) : new Promise((resolve) => wanted.push(resolve));
    },
  };
}

function peerChanges(transport: Transport): Pick<PeerStatus, "key" | "connected">[] {
  const changes: Pick<PeerStatus, "key" | "connected">[] = [];
  transport.onPeerChanged(({ key, connected }) => changes.push({ key, connected }));
  return changes;
}

function peerLost(transport: Transport): Promise<void> {
  return new Promise((resolve) => transport.onPeerChanged(({ connected }) => connected || resolve()));
}

/** Bytes that differ from their neighbours, so that a lost or swapped piece shows. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7) & 0xff);
}
