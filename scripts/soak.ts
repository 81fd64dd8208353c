/**
 * `npm run soak [-- MINUTES]`, 10 by default: daemons killed at random moments, some suites beside busy processes, the
 * simulation with many more seeds, and what the hosts do that are installed, in turns until the time is over. Prints every
 * seed; ends with status 1 at the first failure. `SEED=<n>` replays one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { textOf } from "../src/core/errors.ts";
import { BUSY_DEFAULT, BusyProcesses } from "./busy-processes.ts";
import { asksForHelp } from "./command-line.ts";
import { testArguments } from "./launch/test-arguments.mjs";
import { rerunIsolated } from "./netns.ts";

const ROOT = dirname(import.meta.dir);
const MINUTES_DEFAULT = 10;
const MINUTES_MAX = 7 * 24 * 60;
/** One pair of data roots is used for so long: they come to hold thousands of messages, and the simulation gets its turn. */
const KILL_TURN_MS = 60_000;
/** So long the suites run beside busy processes, again and again. */
const LOAD_TURN_MS = 60_000;
/** Suites that wait for real clocks, disks and peers, and that are through in seconds. */
const LOAD_SUITES = [
  "test/store/",
  "test/node/",
  "test/control/",
  "test/host/",
  "test/transport/memory/",
  "test/transport/iroh/",
];
/** Those that are drawn from by `sliceOf`. */
const SLICED = [
  "test/install/interrupt.test.ts",
  "test/install/which-release.test.ts",
  "test/install/hostile-feed.test.ts",
  "test/install/others-files.test.ts",
  "test/process/update-failing.test.ts",
];
/** One seed may take so long in the simulation. */
const SIMULATION_MAX_MS = 600_000;
/** Members compare every half minute, and each of two that have one key is asked in its turn. */
const TWICE_MAX_MS = 300_000;

const USAGE = `usage: npm run soak [-- MINUTES]

Runs killed daemons, suites beside busy processes, simulation seeds, installed hosts and all of what npm test draws from in turns for MINUTES (${MINUTES_DEFAULT} by default); status 1
at the first failure, whose seed is printed. SEED=<n> replays one.
`;

interface Budget {
  readonly endsAt: number;
  readonly signal: AbortSignal;
}

async function soak(minutes: number, signal: AbortSignal): Promise<void> {
  const budget = { endsAt: performance.now() + minutes * 60_000, signal };
  const given = process.env.SEED;
  const total = { loops: 0, kills: 0, acknowledged: 0, underLoad: 0, simulations: 0, restored: 0, whole: 0, hosts: 0 };
  do {
    const seed = given === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! : Number(given);
    const result = await kill(seed, budget);
    total.loops += 1;
    total.kills += result.kills;
    total.acknowledged += result.acknowledged;
    if (isOver(budget)) break;
    total.underLoad += await testUnderLoad(budget);
    if (isOver(budget)) break;
    if (await simulate(budget)) total.simulations += 1;
    if (isOver(budget)) break;
    if (await runTwice(budget)) total.restored += 1;
    if (isOver(budget)) break;
    if (await testWhole(budget)) total.whole += 1;
    if (isOver(budget)) break;
    if (await askHosts(budget)) total.hosts += 1;
  } while (!isOver(budget));
  say(`done: ${JSON.stringify(total)}`);
}

async function kill(seed: number, budget: Budget) {
  const home = mkdtempSync(join(tmpdir(), "entmoot-soak-"));
  say(`kill loop, SEED=${seed}`);
  const turnEndsAt = performance.now() + KILL_TURN_MS;
  // Loaded only now: it builds the program that it runs.
  const { killLoop } = await import("./kill-loop.ts");
  try {
    const result = await killLoop({
      home,
      seed,
      rounds: Number.POSITIVE_INFINITY,
      isOver: () => isOver(budget) || performance.now() >= turnEndsAt,
      say: (line) => say(`  ${line}`),
    });
    rmSync(home, { recursive: true, force: true });
    return result;
  } catch (error) {
    if (budget.signal.aborted) return { kills: 0, acknowledged: 0 };
    const reason = textOf(error);
    throw new Error(`kill loop with SEED=${seed}: ${reason}\nits data roots are kept in ${home}`, { cause: error });
  }
}

/** Gives how often the suites came to their end within the turn. */
async function testUnderLoad(budget: Budget): Promise<number> {
  say(`suites beside ${BUSY_DEFAULT} busy processes: ${LOAD_SUITES.join(", ")}`);
  const turn = { ...budget, endsAt: Math.min(budget.endsAt, performance.now() + LOAD_TURN_MS) };
  await using _load = new BusyProcesses(BUSY_DEFAULT);
  let times = 0;
  while (!isOver(turn)) if (await passes("under load", { args: LOAD_SUITES }, turn)) times += 1;
  return times;
}

/** Gives whether it came to its end within the budget. Throws when a seed failed; the runner's output names it. */
async function simulate(budget: Budget): Promise<boolean> {
  say("simulation, SOAK=1: each failure has its SEED in the title");
  const args = ["test/simulation", "--timeout", `${SIMULATION_MAX_MS}`];
  return passes("simulation", { args, env: { SOAK: "1" } }, budget);
}

/** Everything of the tests of which each other run takes a part. */
async function testWhole(budget: Budget): Promise<boolean> {
  say(`all of ${SLICED.join(", ")}, SOAK=1`);
  return passes("whole", { args: SLICED, env: { SOAK: "1" } }, budget);
}

/** A founder restored beside itself, until members have told both: minutes of waiting for comparisons. */
async function runTwice(budget: Budget): Promise<boolean> {
  say("a founder restored beside itself, SOAK=1");
  const args = ["test/process/care.test.ts", "--timeout", `${TWICE_MAX_MS}`];
  return passes("restored", { args, env: { SOAK: "1" } }, budget);
}

/** What hosts do, seen with those that are installed. */
async function askHosts(budget: Budget): Promise<boolean> {
  say("hosts: what the doors into them stand on");
  return passes("hosts", { args: ["test/hosts"], env: { ENTMOOT_HOST_FACTS: "on" } }, budget);
}

interface Tests {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs tests; gives whether they passed, `false` when the budget was over first. Throws when one failed. */
async function passes(what: string, { args, env = {} }: Tests, budget: Budget): Promise<boolean> {
  const run = Bun.spawn([process.execPath, ...testArguments(args)], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stop = () => run.kill();
  const timer = setTimeout(stop, Math.max(0, budget.endsAt - performance.now()));
  budget.signal.addEventListener("abort", stop, { once: true });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  clearTimeout(timer);
  budget.signal.removeEventListener("abort", stop);
  const output = `${stdout}${stderr}`;
  const failures = output.split("\n").filter((line) => line.startsWith("(fail)"));
  if (failures.length > 0) throw new Error(`${what}:\n${failures.join("\n")}\n${output.slice(-8_000)}`);
  if (status === 0) say(`  ${/^ *\d+ pass$/m.exec(output)?.[0].trim() ?? "passed"}`);
  else if (!isOver(budget)) throw new Error(`${what}: ended with status ${status}\n${output.slice(-8_000)}`);
  return status === 0;
}

function isOver({ endsAt, signal }: Budget): boolean {
  return signal.aborted || performance.now() >= endsAt;
}

function say(line: string): void {
  process.stdout.write(`${new Date().toISOString().slice(11, 19)}  ${line}\n`);
}

function minutesOf(text: string | undefined): number {
  if (text === undefined) return MINUTES_DEFAULT;
  const minutes = Number(text);
  if (minutes > 0 && minutes <= MINUTES_MAX) return minutes;
  throw new Error(
    `expected the minutes to run, up to ${MINUTES_MAX}, found ${JSON.stringify(text)}; see "npm run soak -- --help"`,
  );
}

async function main(): Promise<number> {
  const ending = new AbortController();
  try {
    if (asksForHelp(process.argv.slice(2))) {
      process.stdout.write(USAGE);
      return 0;
    }
    const minutes = minutesOf(process.argv[2]);
    const elsewhere = await rerunIsolated();
    if (elsewhere !== undefined) return elsewhere;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());
    await soak(minutes, ending.signal);
    return ending.signal.aborted ? 130 : 0;
  } catch (error) {
    process.stderr.write(`soak: ${textOf(error)}\n`);
    return 1;
  }
}

process.exit(await main());
