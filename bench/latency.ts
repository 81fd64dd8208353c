import { GroupId, PublicKey } from "../src/core/ids.ts";
import { publish } from "../src/node/operations/messages.ts";
import type { IrohTransport } from "../src/transport/iroh/iroh-transport.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, quantile } from "./figure.ts";
import { SyncedLog } from "./fsync-rate.ts";
import { loopbackTransport } from "./iroh-echo.ts";
import { programs } from "./programs.ts";
import { Watcher } from "./watcher.ts";

const MESSAGES = 1_000;
const WARM_UP = 200;
/** Ours. Pieces in which messages and what they are held against alternate. */
const PIECES = 10;

/** Ours. Messages that each come after a pause, as people and agents write. */
const AT_REST = 60;
const REST_MS = 250;

/** Ours. How many times what a message cannot do without it may take: a stream there and back, and two syncs. */
const TIMES = 3.5;

/** Samples in milliseconds, taken in turn. */
interface Samples {
  /** From the call that publishes to the event that a watcher of the other daemon gets. */
  readonly visible: number[];
  /** A stream opened, written and read to its end, there and back. */
  readonly stream: number[];
  /** A commit made durable on this disk. */
  readonly sync: number[];
}

/** From publishing on one daemon to the event a watcher of the other gets: one after another, and after a pause each. */
export async function latency(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  await using publisher = await BenchDaemon.start(compiled);
  await using receiver = await BenchDaemon.start(compiled);
  const group = publisher.createGroup();
  publisher.admit(receiver, group);
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(group));
  await using echo = await EchoPeer.start();
  await using client = await publisher.client();
  await using receiving = await receiver.client();
  await using watcher = await Watcher.start(receiving, groupId);
  using log = new SyncedLog();

  const visible = async () => {
    const started = performance.now();
    const { message_id } = await client.call(publish, {
      group_id: groupId,
      topics: ["bench"],
      content: new Uint8Array(64),
    });
    return (await watcher.sees(message_id)) - started;
  };
  const sample = async (into: Samples, count: number, restMs: number) => {
    const measures = [
      [into.visible, visible],
      [into.stream, () => echo.roundTripMs()],
      [into.sync, () => log.commitMs()],
    ] as const;
    for (const [samples, measure] of measures) {
      for (let n = 0; n < count; n++) {
        if (restMs > 0) await Bun.sleep(restMs);
        samples.push(await measure());
      }
    }
  };
  say(`${MESSAGES} messages, one after another`);
  await sample(none(), WARM_UP, 0);
  const busy = none();
  for (let piece = 0; piece < PIECES; piece++) await sample(busy, MESSAGES / PIECES, 0);
  say(`${AT_REST} messages, ${REST_MS} ms apart`);
  const resting = none();
  for (let n = 0; n < AT_REST; n++) await sample(resting, 1, REST_MS);
  return [figure("", busy, 0.5), figure("", busy, 0.99), figure(" at rest", resting, 0.5)];
}

function none(): Samples {
  return { visible: [], stream: [], sync: [] };
}

function figure(when: string, { stream, sync, visible }: Samples, q: number): Figure {
  const [streamMs, syncMs] = [quantile(stream, q), quantile(sync, q)];
  return {
    name: `publish to visible on the peer${when}, p${q * 100}`,
    unit: "ms",
    measured: quantile(visible, q),
    limit: TIMES * (streamMs + 2 * syncMs),
    better: "lower",
    basis: `${TIMES} × a bare stream there and back, ${streamMs.toFixed(2)} ms, and two syncs of ${syncMs.toFixed(2)} ms${when}`,
  };
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
