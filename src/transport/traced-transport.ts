import { textOf } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { shortKey } from "./short-key.ts";
import type { DialOptions, PeerStatus, PeerStream, Transport } from "./transport.ts";

/** What became of a stream or a connection; never what was said on it. */
export type TellStream = (what: string, fields: Readonly<Record<string, string | number>>) => void;

/** A carrier whose streams and connections are told of as they come and go. Owns it; behaves as it does. */
export class TracedTransport implements Transport {
  readonly #carrier: Transport;
  readonly #tell: TellStream;
  #streams = 0;

  constructor(carrier: Transport, tell: TellStream) {
    this.#carrier = carrier;
    this.#tell = tell;
    carrier.onPeerChanged(({ connected, key, route }) =>
      tell(connected ? "peer connected" : "peer lost", { peer: shortKey(key), route }),
    );
  }

  get carriers() {
    return this.#carrier.carriers;
  }

  get local() {
    return this.#carrier.local;
  }

  async open(peer: PublicKey, options: DialOptions): Promise<PeerStream> {
    const fields = { stream: this.#next(), peer: shortKey(peer) };
    this.#tell("stream opening", fields);
    try {
      return new TracedStream(await this.#carrier.open(peer, options), (what, more) =>
        this.#tell(what, { ...fields, ...more }),
      );
    } catch (error) {
      this.#tell("stream not opened", { ...fields, err: textOf(error) });
      throw error;
    }
  }

  accept(handler: (stream: PeerStream) => void): void {
    this.#carrier.accept((stream) => {
      const fields = { stream: this.#next(), peer: shortKey(stream.remote) };
      this.#tell("stream accepted", fields);
      handler(new TracedStream(stream, (what, more) => this.#tell(what, { ...fields, ...more })));
    });
  }

  knowPeers(isKnown: (peer: PublicKey) => boolean): void {
    this.#carrier.knowPeers(isKnown);
  }

  localHints(): readonly string[] {
    return this.#carrier.localHints();
  }

  onHintsChanged(listener: () => void): void {
    this.#carrier.onHintsChanged(listener);
  }

  onPeerChanged(listener: (status: PeerStatus) => void): void {
    this.#carrier.onPeerChanged(listener);
  }

  status(peer: PublicKey): PeerStatus {
    return this.#carrier.status(peer);
  }

  close(): Promise<void> {
    return this.#carrier.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #next(): number {
    this.#streams += 1;
    return this.#streams;
  }
}

/** Tells once how it ended, and how many bytes went each way. */
class TracedStream implements PeerStream {
  readonly #stream: PeerStream;
  readonly #tell: TellStream;
  #read = 0;
  #written = 0;
  #isOver = false;

  constructor(stream: PeerStream, tell: TellStream) {
    this.#stream = stream;
    this.#tell = tell;
  }

  get remote() {
    return this.#stream.remote;
  }

  get proof() {
    return this.#stream.proof;
  }

  get host() {
    return this.#stream.host;
  }

  get dialect() {
    return this.#stream.dialect;
  }

  async read(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | null> {
    const bytes = await this.#stream.read(maxBytes, signal);
    this.#read += bytes?.length ?? 0;
    return bytes;
  }

  async write(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#stream.write(bytes, signal);
    this.#written += bytes.length;
  }

  finish(): Promise<void> {
    return this.#stream.finish();
  }

  reset(): void {
    this.#over("stream reset");
    this.#stream.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over("stream closed");
    await this.#stream[Symbol.asyncDispose]();
  }

  #over(what: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell(what, { read_bytes: this.#read, written_bytes: this.#written });
  }
}
