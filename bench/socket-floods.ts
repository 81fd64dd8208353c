import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ControlClient } from "../src/control/control-client.ts";
import { EntmootError } from "../src/core/errors.ts";
import { GroupId } from "../src/core/ids.ts";
import { realClock } from "../src/host/real-clock.ts";
import { publish } from "../src/node/operations/messages.ts";
import { encodeControlFrame } from "../src/wire/control/control-frame.ts";
import { VICTIM } from "../test/support/attack-on.ts";
import { LARGE_MOOT, layLargeMoot } from "../test/support/large-moot.ts";
import { operationFrame } from "../test/support/raw-control.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, quantile, timeMs } from "./figure.ts";
import { type Programs, programs, temporaryDirectory } from "./programs.ts";

const MESSAGES = 12_000;
/** How long each flood goes on, and how long is waited between two publishes meanwhile. */
const FLOOD_MS = 8_000;
const PAUSE_MS = 20;
const AT_ONCE = 128;
/** What an honest caller's publish may take under whatever is done to the sockets. */
const PUBLISH_MAX_MS = 250;

const group_id = GroupId.toBase64(LARGE_MOOT);

interface Flood {
  readonly socket: "agent.sock" | "control.sock";
  readonly operation: string;
  readonly request: object;
  readonly manner: "read" | "leave";
}

const PAGE = { operation: "messages", request: { group_id, limit: 1000 } } as const;
const FLOODS: Readonly<Record<string, Flood | undefined>> = {
  "no flood": undefined,
  "info over agent.sock, answers read": { socket: "agent.sock", operation: "info", request: {}, manner: "read" },
  "info over control.sock, answers read": { socket: "control.sock", operation: "info", request: {}, manner: "read" },
  "pages over agent.sock, answers read": { socket: "agent.sock", ...PAGE, manner: "read" },
  "pages over control.sock, answers read": { socket: "control.sock", ...PAGE, manner: "read" },
  "pages over agent.sock, nobody waits": { socket: "agent.sock", ...PAGE, manner: "leave" },
  "pages over control.sock, nobody waits": { socket: "control.sock", ...PAGE, manner: "leave" },
};

/** How long the owner's publishes take while somebody connects, asks and leaves again and again. */
export async function socketFloods(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  const figures: Figure[] = [];
  for (const [name, flood] of Object.entries(FLOODS)) {
    say(`under a flood: ${name}`);
    figures.push(...(await underFlood(compiled, name, flood)));
  }
  return figures;
}

async function underFlood(compiled: Programs, name: string, flood: Flood | undefined): Promise<Figure[]> {
  const dir = temporaryDirectory();
  mkdirSync(dir, { recursive: true });
  layLargeMoot(join(dir, "root"), { founder: VICTIM, members: [], messages: MESSAGES, silent: 0 });
  await using daemon = await BenchDaemon.start(compiled, join(dir, "root"));
  await using client = await daemon.client();
  const said = { group_id: LARGE_MOOT, topics: ["chat"], content: new Uint8Array(100) };
  await client.call(publish, said);
  const flooder = flood === undefined ? undefined : await start(daemon, flood);
  const kept: number[] = [];
  const fresh: number[] = [];
  let refused = 0;
  for (const untilMs = performance.now() + FLOOD_MS; performance.now() < untilMs; await Bun.sleep(PAUSE_MS)) {
    kept.push(await timeMs(() => client.call(publish, said)));
    try {
      fresh.push(await timeMs(() => once(daemon, said)));
    } catch (error) {
      // The daemon is full, and says so: somebody else has all places for a moment.
      if (!(error instanceof EntmootError)) throw error;
      refused += 1;
    }
  }
  const asked = await flooder?.();
  const basis = `fixed; ${AT_ONCE} connections at a time, each for one request${asked === undefined ? "" : `: ${asked} in ${FLOOD_MS / 1000} s`}; ${kept.length} publishes, of which ${refused} were told that the daemon is full`;
  const common = { better: "lower", basis, unit: "ms", limit: PUBLISH_MAX_MS } as const;
  return [
    { ...common, name: `${name}: publish over a kept connection, p99`, measured: quantile(kept, 0.99) },
    { ...common, name: `${name}: publish over a new one, p99`, measured: quantile(fresh, 0.99) },
  ];
}

/** As a command does: connect, publish, leave. */
async function once(daemon: BenchDaemon, said: Parameters<typeof ControlClient.prototype.call>[1]): Promise<void> {
  await using client = await ControlClient.connect(daemon.dataDir, realClock);
  await client!.call(publish, said as never);
}

/** Gives what ends it, and says how often it asked. */
async function start(daemon: BenchDaemon, flood: Flood): Promise<() => Promise<number>> {
  const frame = encodeControlFrame(operationFrame(flood.operation, flood.request, { call: 1 })).toHex();
  const path = join(daemon.dataDir, flood.socket);
  const flooder = Bun.spawn(
    [process.execPath, join(import.meta.dir, "socket-flooder.ts"), path, frame, `${AT_ONCE}`, flood.manner],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  );
  const lines = flooder.stdout.getReader();
  await lines.read();
  return async () => {
    flooder.kill("SIGTERM");
    const { value } = await lines.read();
    await flooder.exited;
    return Number(new TextDecoder().decode(value));
  };
}
