import { PublicKey } from "../../src/core/ids.ts";
import { FramedStream } from "../../src/transport/framed-stream.ts";
import type { MemoryNetwork, MemoryTransport } from "../../src/transport/memory/memory-transport.ts";
import { type Frame, peerLanguage, type UnknownExtension } from "../../src/wire/peer/frame.ts";
import type { TestIdentity } from "./identity.ts";

/** A peer of the tests that says what it likes: a key on the network and nothing behind it. */
export class RawPeer {
  readonly transport: MemoryTransport;
  readonly #to: PublicKey;

  constructor(network: MemoryNetwork, { publicKey }: TestIdentity, to: TestIdentity) {
    this.transport = network.join(PublicKey.fromBytes(publicKey));
    this.#to = PublicKey.fromBytes(to.publicKey);
    // What the node asks of us stays without an answer.
    this.transport.accept((stream) => stream.reset());
  }

  /** Opens a stream, sends frames, ends our side and gives everything that came back. */
  async say(...frames: readonly Frame[]): Promise<(Frame | UnknownExtension)[]> {
    const signal = AbortSignal.timeout(60_000);
    const stream = await this.transport.open(this.#to, { hints: [], signal });
    await using open = new FramedStream(stream, peerLanguage(stream.dialect));
    for (const frame of frames) await open.write(frame, signal);
    await open.finish();
    return await readAll(open, signal);
  }

  /** The same with bytes. Gives `"reset"` when the node dropped the stream. */
  async sayBytes(bytes: Uint8Array): Promise<(Frame | UnknownExtension)[] | "reset"> {
    const signal = AbortSignal.timeout(60_000);
    const stream = await this.transport.open(this.#to, { hints: [], signal });
    await using open = new FramedStream(stream, peerLanguage(stream.dialect));
    try {
      await stream.write(bytes, signal);
      await open.finish();
      return await readAll(open, signal);
    } catch {
      return "reset";
    }
  }
}

async function readAll(
  open: FramedStream<Frame, Frame | UnknownExtension>,
  signal: AbortSignal,
): Promise<(Frame | UnknownExtension)[]> {
  const answers: (Frame | UnknownExtension)[] = [];
  for (;;) {
    const frame = await open.read(signal);
    if (frame === undefined) return answers;
    answers.push(frame);
  }
}
