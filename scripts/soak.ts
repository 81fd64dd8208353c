/**
 * `npm run soak [-- MINUTES]`, 10 by default: the simulation with many more seeds, and daemons killed at random moments,
 * in turns until the time is over. Prints every seed; ends with status 1 at the first failure. `SEED=<n>` replays one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { textOf } from "../src/core/errors.ts";
import { asksForHelp } from "./command-line.ts";
import { killLoop } from "./kill-loop.ts";
import { rerunIsolated } from "./netns.ts";

const ROOT = dirname(import.meta.dir);
const MINUTES_DEFAULT = 10;
const MINUTES_MAX = 7 * 24 * 60;
/** One pair of data roots is used for so long: they come to hold thousands of messages, and the simulation gets its turn. */
const KILL_TURN_MS = 60_000;

const USAGE = `usage: npm run soak [-- MINUTES]

Runs simulation seeds and killed daemons in turns for MINUTES (${MINUTES_DEFAULT} by default); status 1 at the first failure, whose
seed is printed. SEED=<n> replays one.
`;

interface Budget {
  readonly endsAt: number;
  readonly signal: AbortSignal;
}

async function soak(minutes: number, signal: AbortSignal): Promise<void> {
  const budget = { endsAt: performance.now() + minutes * 60_000, signal };
  const given = process.env.SEED;
  const total = { loops: 0, kills: 0, acknowledged: 0, simulations: 0 };
  do {
    const seed = given === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! : Number(given);
    const result = await kill(seed, budget);
    total.loops += 1;
    total.kills += result.kills;
    total.acknowledged += result.acknowledged;
    if (isOver(budget)) break;
    if (await simulate(budget)) total.simulations += 1;
  } while (!isOver(budget));
  say(`done: ${JSON.stringify(total)}`);
}

async function kill(seed: number, budget: Budget) {
  const home = mkdtempSync(join(tmpdir(), "entmoot-soak-"));
  say(`kill loop, SEED=${seed}`);
  const turnEndsAt = performance.now() + KILL_TURN_MS;
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

/** Gives whether it came to its end within the budget. Throws when a seed failed; the runner's output names it. */
async function simulate(budget: Budget): Promise<boolean> {
  say("simulation, SOAK=1: each failure has its SEED in the title");
  const run = Bun.spawn([process.execPath, "test", "test/simulation", "--timeout", "600000"], {
    cwd: ROOT,
    env: { ...process.env, SOAK: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stop = () => run.kill();
  const timer = setTimeout(stop, Math.max(0, budget.endsAt - performance.now()));
  budget.signal.addEventListener("abort", stop, { once: true });
  const [status, stdout, stderr] = await Promise.all([run.exited, run.stdout.text(), run.stderr.text()]);
  clearTimeout(timer);
  const output = `${stdout}${stderr}`;
  const failures = output.split("\n").filter((line) => line.startsWith("(fail)"));
  if (failures.length > 0) throw new Error(`simulation:\n${failures.join("\n")}\n${output.slice(-8_000)}`);
  if (status === 0) say(`  ${/^ *\d+ pass$/m.exec(output)?.[0].trim() ?? "passed"}`);
  else if (!isOver(budget)) throw new Error(`simulation: ended with status ${status}\n${output.slice(-8_000)}`);
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
