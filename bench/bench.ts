import { asksForHelp } from "../scripts/command-line.ts";
import { rerunIsolated } from "../scripts/netns.ts";
import { type Figure, keeps, type Measure } from "./figure.ts";
import { tableHead, tableLine } from "./table.ts";

interface Benchmark {
  readonly load: () => Promise<Measure>;
  /** Opens iroh, so it runs where no packet can leave the machine. */
  readonly iroh?: boolean;
}

/** What is measured, in order. Names select: `npm run bench -- cli-start`. */
const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  "message-id": { load: async () => (await import("./message-id.ts")).messageIds },
  decoders: { load: async () => (await import("./decoders.ts")).decoders },
  blocks: { load: async () => (await import("./blocks.ts")).blocks },
  ingest: { load: async () => (await import("./ingest.ts")).ingest },
  "publish-in-process": { load: async () => (await import("./publish-in-process.ts")).publishInProcess },
  publish: { load: async () => (await import("./publish.ts")).publish, iroh: true },
  latency: { load: async () => (await import("./latency.ts")).latency, iroh: true },
  archive: { load: async () => (await import("./archive.ts")).archive },
  "catch-up": { load: async () => (await import("./catch-up.ts")).catchUp, iroh: true },
  mailbox: { load: async () => (await import("./mailbox.ts")).mailbox, iroh: true },
  http: { load: async () => (await import("./http.ts")).http, iroh: true },
  merkle: { load: async () => (await import("./merkle.ts")).merkle },
  search: { load: async () => (await import("./search.ts")).search },
  broadcast: { load: async () => (await import("./broadcast.ts")).broadcast },
  "cli-start": { load: async () => (await import("./cli-start.ts")).cliStart, iroh: true },
  "idle-memory": { load: async () => (await import("./idle-memory.ts")).idleMemory, iroh: true },
  attacks: { load: async () => (await import("./attacks.ts")).attacks, iroh: true },
  consumers: { load: async () => (await import("./consumers.ts")).consumers, iroh: true },
  voices: { load: async () => (await import("./voices.ts")).voices, iroh: true },
  mcp: { load: async () => (await import("./mcp.ts")).mcp, iroh: true },
  hosts: { load: async () => (await import("./hosts.ts")).hosts, iroh: true },
  "socket-floods": { load: async () => (await import("./socket-floods.ts")).socketFloods, iroh: true },
  "binary-size": { load: async () => (await import("./binary-size.ts")).binarySize },
};

const args = process.argv.slice(2);
if (asksForHelp(args)) {
  process.stdout.write(
    `usage: npm run bench [-- [--json] [NAME…]]\n\nMeasures all of these, or those named; --json prints one object for each figure:\n  ${Object.keys(BENCHMARKS).join(", ")}\n`,
  );
  process.exit(0);
}
const json = args.includes("--json");
// `npm run bench -- --json -- name` hands on the second separator too.
const chosen = args.filter((arg) => arg !== "--json" && arg !== "--");
const unknown = chosen.filter((name) => !Object.hasOwn(BENCHMARKS, name));
if (unknown.length > 0) {
  process.stderr.write(
    `bench: expected --json or some of ${Object.keys(BENCHMARKS).join(", ")}; found ${unknown.join(", ")}; see "npm run bench -- --help"\n`,
  );
  process.exit(5);
}
const selected = Object.entries(BENCHMARKS).filter(([name]) => chosen.length === 0 || chosen.includes(name));

async function main(): Promise<number> {
  if (selected.some(([, { iroh }]) => iroh)) {
    const status = await rerunIsolated();
    if (status !== undefined) return status;
  }
  if (!json) console.log(tableHead());
  let kept = true;
  for (const [name, { load }] of selected) {
    const measure = await load();
    const figures = await measure((progress) => process.stderr.write(`${name}: ${progress} …\n`));
    for (const figure of figures) print(name, figure);
    kept &&= figures.every(keeps);
    // What one benchmark leaves behind is not the next one's to collect.
    Bun.gc(true);
  }
  return kept ? 0 : 1;
}

function print(benchmark: string, figure: Figure): void {
  console.log(json ? JSON.stringify({ benchmark, ...figure, ok: keeps(figure) }) : tableLine(figure));
}

process.exit(await main());
