import { GroupId, type MessageId, PublicKey } from "../src/core/ids.ts";
import type { IrohTransport } from "../src/transport/iroh/iroh-transport.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, quantile } from "./figure.ts";
import { loopbackTransport } from "./iroh-echo.ts";
import { programs } from "./programs.ts";

const MESSAGES = 1_000;
const WARM_UP = 200;
/** Ours. Pieces in which messages and bare round trips alternate. */
const PIECES = 10;

/** From the call that publishes on one daemon to the event a watcher of the other gets, beside a bare round trip. */
export async function latency(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using publisher = await BenchDaemon.start(compiled);
  await using receiver = await BenchDaemon.start(compiled);
  const group = publisher.createGroup();
  publisher.admit(receiver, group);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(group));
  await using echo = await EchoPeer.start();
  await using client = await publisher.client();
  await using watcher = await Watcher.start(receiver, groupId);

  const publishOne = async () => {
    const started = performance.now();
    const { message_id } = await client.publish({ groupId, topics: ["bench"], content: new Uint8Array(64) });
    return (await watcher.sees(message_id)) - started;
  };
  say(`${MESSAGES} messages, one after another`);
  for (let n = 0; n < WARM_UP; n++) {
    await publishOne();
    await echo.roundTripMs();
  }
  const visible: number[] = [];
  const bare: number[] = [];
  for (let piece = 0; piece < PIECES; piece++) {
    for (let n = 0; n < MESSAGES / PIECES; n++) visible.push(await publishOne());
    for (let n = 0; n < MESSAGES / PIECES; n++) bare.push(await echo.roundTripMs());
  }
  const beside = (q: number) => `fixed; a bare stream there and back: ${quantile(bare, q).toFixed(2)} ms`;
  const figure = (q: number, limit: number): Figure => ({
    name: `publish to visible on the peer, p${q * 100}`,
    unit: "ms",
    measured: quantile(visible, q),
    limit,
    better: "lower",
    basis: beside(q),
  });
  return [figure(0.5, 3), figure(0.99, 15)];
}

/** Notes when each message reaches a client that watches a daemon. */
class Watcher implements AsyncDisposable {
  readonly #ending = new AbortController();
  readonly #seenAt = new Map<MessageId, number>();
  readonly #waiting = new Map<MessageId, (at: number) => void>();

  static async start(daemon: BenchDaemon, groupId: GroupId): Promise<Watcher> {
    const watcher = new Watcher();
    const client = await daemon.client();
    const events = client.watch({ groupId, topic: "#", from: "now", peers: false, signal: watcher.#ending.signal });
    void (async () => {
      for await (const event of events) if (event.kind === "message") watcher.#note(event.message.id);
    })();
    return watcher;
  }

  /** When it came, in the milliseconds of `performance.now()`. */
  async sees(id: MessageId): Promise<number> {
    const at = this.#seenAt.get(id);
    if (at !== undefined) return at;
    return await new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  #note(id: MessageId): void {
    const now = performance.now();
    this.#seenAt.set(id, now);
    this.#waiting.get(id)?.(now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
  }
}

/** A process that echoes streams, and our end of the connection to it. */
class EchoPeer implements AsyncDisposable {
  readonly #child: Bun.Subprocess;
  readonly #transport: IrohTransport;
  readonly #key: PublicKey;
  readonly #hints: readonly string[];

  static async start(): Promise<EchoPeer> {
    const program = new URL("./iroh-echo.ts", import.meta.url).pathname;
    const child = Bun.spawn([process.execPath, program], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const { value } = await child.stdout.getReader().read();
    const { key, hints } = JSON.parse(new TextDecoder().decode(value));
    return new EchoPeer(child, await loopbackTransport(1), PublicKey.fromHex(key), hints);
  }

  private constructor(child: Bun.Subprocess, transport: IrohTransport, key: PublicKey, hints: readonly string[]) {
    this.#child = child;
    this.#transport = transport;
    this.#key = key;
    this.#hints = hints;
  }

  /** A stream opened, written and read to its end: what any message takes at least, there and back. */
  async roundTripMs(): Promise<number> {
    const started = performance.now();
    const signal = AbortSignal.timeout(5_000);
    await using stream = await this.#transport.open(this.#key, { hints: this.#hints, signal });
    await stream.write(new Uint8Array(600), signal);
    await stream.finish();
    while ((await stream.read(65_536, signal)) !== null);
    return performance.now() - started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport.close();
    this.#child.kill();
    await this.#child.exited;
  }
}
