import { join } from "node:path";
import { identityOf } from "../src/core/identity.ts";
import { GroupId, PublicKey } from "../src/core/ids.ts";
import { createGenesis } from "../src/core/roster/roster-change.ts";
import { sign, verifySignature } from "../src/core/signature.ts";
import { createLog } from "../src/host/log.ts";
import { realClock } from "../src/host/real-clock.ts";
import { Gate } from "../src/http/authenticate.ts";
import { NonceBook } from "../src/http/nonce-book.ts";
import { deviceSigningInput, signedBytes } from "../src/http/signing-input.ts";
import { publish } from "../src/node/operations/messages.ts";
import { DeviceRegistry } from "../src/store/device-registry.ts";
import { SqliteDataRoot } from "../src/store/sqlite/sqlite-data-root.ts";
import { SqliteEsp } from "../src/store/sqlite/sqlite-esp.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, median, quantile } from "./figure.ts";
import { askRate, HttpAsker, openReader } from "./http-client.ts";
import { LARGE, layMoots, readers, STORED } from "./mailbox.ts";
import { type Programs, programs, temporaryDirectory } from "./programs.ts";
import { word, written } from "./search.ts";

/** Of a million messages. */
const MOOT = GroupId.fromBytes(new Uint8Array(32).fill(7));
const ASKERS = 16;
const ROUNDS = 5;
const ROUND_MS = 1_500;
const MILLION = 1_000_000;
const PAGES = 400;
const READERS = 200;
const EVENTS = 300;
/** Ours. So that events of two messages do not meet. */
const BETWEEN_MS = 25;
/** Ours. An event that has not come by then is lost. */
const LATE_MS = 10_000;
const SETTLE_MS = 10_000;
const SIGNED = 4_000;
const TOKEN = "bench";
const SERVED = ["-esp", "127.0.0.1:0", "-esp-token", TOKEN, "-esp-rate-limit", "0"];

/** The HTTP service inside a compiled daemon, each figure beside what bare Bun takes for the same in the same run. */
export async function http(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  const dataDir = temporaryDirectory();
  say(`writing ${STORED.toLocaleString("en")} and ${MILLION.toLocaleString("en")} messages`);
  layMoots(dataDir);
  layMillion(dataDir);
  const figures: Figure[] = [];
  {
    await using daemon = await BenchDaemon.start(compiled, dataDir, SERVED);
    const port = portOf(daemon);
    const askers = await Promise.all(Array.from({ length: ASKERS }, () => HttpAsker.open(port, TOKEN)));
    await using bare = await BareServer.start(dataDir);
    figures.push(...(await pulls(say, { daemon, askers, bare })));
    figures.push(...(await pages(say, askers[0]!)));
    figures.push(...(await events(say, { daemon, port, bare })));
    for (const asker of askers) asker.close();
  }
  figures.push(await addedMemory(say, compiled));
  figures.push(...(await signatures(say)));
  return figures;
}

function portOf(daemon: BenchDaemon): number {
  return Number(new URL(String(daemon.ready.esp_url)).port);
}

/** The group whose log is measured, as a folder. */
const folderOf = (group: GroupId) => GroupId.toBytes(group).toBase64({ alphabet: "base64url", omitPadding: true });

/** `bench/bare-http.ts`, running. */
class BareServer implements AsyncDisposable {
  readonly port: number;
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(port: number, process: Bun.Subprocess<"ignore", "pipe", "inherit">) {
    this.port = port;
    this.#process = process;
  }

  static async start(dataDir: string): Promise<BareServer> {
    const database = join(dataDir, "groups", folderOf(LARGE), "moot.sqlite");
    const run = Bun.spawn([process.execPath, join(import.meta.dir, "bare-http.ts"), database], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await run.stdout.getReader().read();
    return new BareServer(Number(new TextDecoder().decode(value)), run);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }
}

interface PullParts {
  readonly daemon: BenchDaemon;
  readonly askers: readonly HttpAsker[];
  readonly bare: BareServer;
}

async function pulls(say: (text: string) => void, { askers, bare, daemon }: PullParts): Promise<Figure[]> {
  await using client = await daemon.client();
  const names = await readers(client, LARGE, STORED);
  const group = encodeURIComponent(GroupId.toBase64(LARGE));
  const ours = (n: number) =>
    `/v1/mailbox/pull?group_id=${group}&client_id=${encodeURIComponent(names[n % names.length]!)}`;
  const others = await Promise.all(Array.from({ length: ASKERS }, () => HttpAsker.open(bare.port, TOKEN)));
  const theirs = (n: number) => `/pull?after=${(n % names.length) * 1000}`;
  const rounds: { readonly rate: number; readonly bare: number; readonly processorUs: number }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    say(`pulling, round ${round} of ${ROUNDS}`);
    const before = daemon.processorMs;
    const rate = await askRate({ askers, ms: ROUND_MS }, ours);
    const processorUs = ((daemon.processorMs - before) * 1000) / ((rate * ROUND_MS) / 1000);
    rounds.push({ rate, bare: await askRate({ askers: others, ms: ROUND_MS }, theirs), processorUs });
  }
  for (const asker of others) asker.close();
  const counted = rounds.slice(1);
  const bareRate = median(counted.map((one) => one.bare));
  return [
    {
      name: `HTTP: mailbox pull of 50 from ${STORED.toLocaleString("en")} stored`,
      unit: "/s",
      measured: median(counted.map(({ rate }) => rate)),
      limit: 5_000,
      better: "higher",
      basis: `the budget; ${ASKERS} connections; bare Bun ${Math.round(bareRate).toLocaleString("en")}/s`,
    },
    {
      name: "HTTP: mailbox pull: processor time of the daemon",
      unit: "µs",
      measured: median(counted.map(({ processorUs }) => processorUs)),
      limit: 200,
      better: "lower",
      basis: "one core at 5,000 pulls a second, whatever else runs beside it",
    },
  ];
}

async function pages(say: (text: string) => void, asker: HttpAsker): Promise<Figure[]> {
  say(`pages of ${MILLION.toLocaleString("en")} messages`);
  const moot = `/v1/groups/${encodeURIComponent(GroupId.toBase64(MOOT))}`;
  const timesOf = async (path: () => string) => {
    const times: number[] = [];
    for (let n = 0; n < PAGES + 50; n++) {
      const asked = path();
      const since = Bun.nanoseconds();
      await asker.get(asked);
      if (asker.status !== 200) throw new Error(`${asked}: status ${asker.status}`);
      if (n >= 50) times.push((Bun.nanoseconds() - since) / 1e6);
    }
    return times;
  };
  let at = 0;
  const cursor = () => {
    at = (at + 7_919) % MILLION;
    const fields = `{"v":1,"group_id":"${GroupId.toBase64(MOOT)}","timestamp_ms":${1_700_000_000_000 + at * 20_000},"author_node_id":1,"message_id":"${GroupId.toBase64(MOOT)}"}`;
    return Buffer.from(fields).toString("base64url");
  };
  const history = await timesOf(() => `${moot}/history?client_id=a&cursor=${cursor()}`);
  const search = await timesOf(() => `${moot}/search?client_id=a&q=${word()}`);
  const figure = (name: string, times: readonly number[]): Figure => ({
    name: `HTTP: ${name} page of 50 at ${MILLION.toLocaleString("en")} messages, p99`,
    unit: "ms",
    measured: quantile(times, 0.99),
    limit: 10,
    better: "lower",
    basis: `the budget; half of them ${quantile(times, 0.5).toFixed(2)} ms`,
  });
  return [figure("history", history), figure("search", search)];
}

interface EventParts {
  readonly daemon: BenchDaemon;
  readonly port: number;
  readonly bare: BareServer;
}

/** From when a message is published, so its commit too, until a reader has it. */
async function events(say: (text: string) => void, { bare, daemon, port }: EventParts): Promise<Figure[]> {
  const group = daemon.createGroup();
  await using client = await daemon.client();
  const group_id = GroupId.fromBytes(Uint8Array.fromBase64(group));
  say(`telling ${READERS} readers`);
  const ours = await delays(port, `/v1/groups/${encodeURIComponent(group)}/events`, async (text) => {
    await client.call(publish, { group_id, topics: ["chat"], content: new TextEncoder().encode(text) });
  });
  const asker = await HttpAsker.open(bare.port, TOKEN);
  const theirs = await delays(bare.port, "/events", (text) => asker.get(`/say?text=${text}`));
  asker.close();
  const figure = (q: number, limit: number): Figure => ({
    name: `HTTP: message stored → event at ${READERS} readers, p${q * 100}`,
    unit: "ms",
    measured: quantile(ours.fromStored, q),
    limit,
    better: "lower",
    basis: `the budget; from publishing on ${quantile(ours.fromAsked, q).toFixed(2)} ms; bare Bun, stored in memory, ${quantile(theirs.fromAsked, q).toFixed(2)} ms`,
  });
  return [figure(0.5, 5), figure(0.99, 20)];
}

/** Of each message at each reader. */
async function delays(port: number, path: string, send: (text: string) => Promise<unknown>) {
  const askedAt: number[] = [];
  const storedAt: number[] = [];
  const cameAt: number[][] = Array.from({ length: EVENTS }, () => []);
  const closing = await Promise.all(
    Array.from({ length: READERS }, () =>
      openReader(port, path, (text) => {
        const now = performance.now();
        for (const [, n] of text.matchAll(/"content":"event-(\d+)-/g)) cameAt[Number(n)]!.push(now);
      }),
    ),
  );
  for (let n = 0; n < EVENTS; n++) {
    askedAt[n] = performance.now();
    await send(`event-${n}-${"x".repeat(100)}`);
    storedAt[n] = performance.now();
    for (const until = performance.now() + LATE_MS; cameAt[n]!.length < READERS; await Bun.sleep(1)) {
      if (performance.now() > until) throw new Error(`event ${n} came to ${cameAt[n]!.length} of ${READERS}`);
    }
    await Bun.sleep(BETWEEN_MS);
  }
  for (const close of closing) close();
  return {
    fromAsked: cameAt.flatMap((times, n) => times.map((time) => time - askedAt[n]!)),
    // The answer to who published may come behind the events.
    fromStored: cameAt.flatMap((times, n) => times.map((time) => Math.max(0, time - storedAt[n]!))),
  };
}

async function addedMemory(say: (text: string) => void, compiled: Programs): Promise<Figure> {
  const idle = async (flags: readonly string[]) => {
    await using daemon = await BenchDaemon.start(compiled, temporaryDirectory(), flags);
    daemon.createGroup();
    say(`leaving a daemon alone for ${SETTLE_MS / 1000} s`);
    await Bun.sleep(SETTLE_MS);
    return daemon.memory("RssAnon") / 1e6;
  };
  const [without, withIt] = [await idle([]), await idle(SERVED)];
  return {
    name: "HTTP: anonymous memory added to an idle daemon",
    unit: "MB",
    measured: withIt - without,
    limit: 12,
    better: "lower",
    basis: `the budget; ${withIt.toFixed(1)} MB with it`,
  };
}

/** Requests of a device, proved: registry, stamp, signature, nonce kept. */
async function signatures(say: (text: string) => void): Promise<Figure[]> {
  say("proving signed requests");
  const dir = temporaryDirectory();
  const device = identityOf(new Uint8Array(32).fill(5));
  const publicKey = PublicKey.fromBytes(device.publicKey);
  const registry = new DeviceRegistry(join(dir, "esp-devices.json"));
  const devices = Array.from({ length: 8 }, (_, n) => ({
    ...{ id: `phone-${n}`, publicKey, groups: [], adminGroups: [], clientIds: [] },
    ...{ nodeId: 0, memberKey: undefined, isDisabled: false },
  }));
  registry.change(() => devices);
  using esp = new SqliteEsp(dir);
  const nonces = new NonceBook({ store: esp.nonces, clock: realClock, log: createLog("error") });
  const gate = new Gate({ mode: "device", token: undefined, registry, nonces, clock: realClock });
  const body = new Uint8Array(0);
  const target = "/v1/mailbox/pull?group_id=x&client_id=phone";
  const timestampMs = BigInt(realClock.unix());
  const requests = Array.from({ length: SIGNED * 2 }, (_, n) => {
    const nonce = `nonce-${n}`;
    const input = signedBytes(deviceSigningInput({ method: "GET", target, timestampMs, nonce, body }));
    const signature = sign(device.seed, input);
    const headers: Readonly<Record<string, string>> = {
      "x-entmoot-device-id": `phone-${n % 8}`,
      "x-entmoot-timestamp-ms": String(timestampMs),
      "x-entmoot-nonce": nonce,
      "x-entmoot-signature": signature.toBase64(),
    };
    return { request: { method: "GET", header: (name: string) => headers[name] }, input, signature };
  });
  const rateOf = async (from: number, prove: (one: (typeof requests)[number]) => unknown) => {
    const since = performance.now();
    for (let at = from; at < from + SIGNED; at += 64)
      await Promise.all(requests.slice(at, Math.min(at + 64, from + SIGNED)).map(prove));
    return (SIGNED / (performance.now() - since)) * 1000;
  };
  const proved = (one: (typeof requests)[number]) =>
    gate.claims({ request: one.request, target, takesMembers: false }).prove(body);
  const bare = (one: (typeof requests)[number]) => verifySignature(device.publicKey, one.input, one.signature);
  await rateOf(0, proved);
  await rateOf(0, bare);
  const [ours, theirs] = [await rateOf(SIGNED, proved), await rateOf(SIGNED, bare)];
  return [
    {
      name: "HTTP: signed requests proved",
      unit: "/s",
      measured: ours,
      limit: 10_000,
      better: "higher",
      basis: `the budget; 64 at once, nonces kept on disk; the signature alone ${Math.round(theirs).toLocaleString("en")}/s`,
    },
  ];
}

/** A million messages of many words in a moot of the same founder. */
function layMillion(dataDir: string): void {
  using root = SqliteDataRoot.open(dataDir, "write");
  const store = root.createGroup(MOOT);
  store.roster.append([createGenesis({ seed: identityOf(new Uint8Array(32).fill(7)).seed, nowMs: realClock.unix() })]);
  for (let at = store.messages.lastSeq(); at < MILLION; at += 1_000) {
    store.messages.putMany(Array.from({ length: 1_000 }, (_, n) => written(at + n, MOOT)));
  }
}
