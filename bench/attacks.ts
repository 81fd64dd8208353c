import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { status } from "../src/node/operations/daemon.ts";
import { publish } from "../src/node/operations/messages.ts";
import { ATTACKS, attackOn, HOSTILE_MEMBERS, VICTIM } from "../test/support/attack-on.ts";
import { LARGE_MOOT, layLargeMoot } from "../test/support/large-moot.ts";
import { BenchDaemon } from "./daemon.ts";
import { type Figure, quantile, timeMs } from "./figure.ts";
import { type Programs, programs, temporaryDirectory } from "./programs.ts";

const MESSAGES = 200_000;
const SILENT_MEMBERS = 3_000;

/** How long each attack goes on, and how long is waited between two publishes meanwhile. */
const ATTACK_MS = 15_000;
const PAUSE_MS = 30;

/** The whole program, and an honest member's publish, under whatever is done to it. */
const MEMORY_MAX_MB = 400;
const PUBLISH_MAX_MS = 250;

/** What one peer, and all at once, can make a daemon hold, and how long its own publishes take meanwhile. */
export async function attacks(say: (progress: string) => void): Promise<readonly Figure[]> {
  const compiled = await programs(say);
  const all = Object.keys(ATTACKS);
  const figures: Figure[] = [];
  for (const [name, chosen] of [
    ...all.map((each) => [each, [each]] as const),
    ["every attack at once", all] as const,
  ]) {
    say(`under attack: ${name}`);
    figures.push(...(await underAttack(compiled, name, chosen)));
  }
  return figures;
}

async function underAttack(compiled: Programs, name: string, chosen: readonly string[]): Promise<Figure[]> {
  const dir = temporaryDirectory();
  const members = [...HOSTILE_MEMBERS.values()];
  mkdirSync(dir, { recursive: true });
  layLargeMoot(join(dir, "root"), { founder: VICTIM, members, messages: MESSAGES, silent: SILENT_MEMBERS });
  await using daemon = await BenchDaemon.start(compiled, join(dir, "root"));
  await using client = await daemon.client();
  const { transport } = await client.call(status, {});
  const said = { group_id: LARGE_MOOT, topics: ["chat"], content: new Uint8Array(100) };
  await client.call(publish, said);
  await using _attack = await attackOn({ ...transport, libraryDir: join(dir, "lib") }, chosen);
  const took: number[] = [];
  let peak = 0;
  for (const untilMs = performance.now() + ATTACK_MS; performance.now() < untilMs; await Bun.sleep(PAUSE_MS)) {
    took.push(await timeMs(() => client.call(publish, said)));
    peak = Math.max(peak, daemon.memory("RssAnon"));
  }
  const basis = `fixed; a moot of ${MESSAGES.toLocaleString("en")} messages and ${SILENT_MEMBERS.toLocaleString("en")} members`;
  const common = { better: "lower", basis } as const;
  return [
    { ...common, name: `${name}: peak memory`, unit: "MB", measured: peak / 1e6, limit: MEMORY_MAX_MB },
    { ...common, name: `${name}: publish, p99`, unit: "ms", measured: quantile(took, 0.99), limit: PUBLISH_MAX_MS },
  ];
}
