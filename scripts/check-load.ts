/**
 * `npm run check:load [-- OPTIONS] [SUITE…]`: `npm test` with busy processes beside it. What passes there does not
 * depend on how fast the machine is.
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { BUSY_DEFAULT, BusyProcesses } from "./busy-processes.ts";
import { asksForHelp } from "./command-line.ts";
import { testArguments } from "./launch/test-arguments.mjs";

const ROOT = dirname(import.meta.dir);
const BUSY_MAX = 256;

const USAGE = `usage: npm run check:load [-- OPTIONS] [SUITE…]

Runs npm test, or the suites and files named (test/store), beside processes that are always busy, and ends with its
status. The busy ones end with it, also when a signal ends it.

  -n, --busy N   how many processes are busy (default: ${BUSY_DEFAULT})
`;

interface Wanted {
  readonly busy: number;
  readonly suites: readonly string[];
}

function readWanted(argv: readonly string[]): Wanted {
  const { values, positionals } = parse(argv);
  const busy = values.busy === undefined ? BUSY_DEFAULT : Number(values.busy || Number.NaN);
  if (!Number.isInteger(busy) || busy < 1 || busy > BUSY_MAX)
    throw refused(`expected 1 to ${BUSY_MAX} busy processes, found ${JSON.stringify(values.busy)}`);
  for (const suite of positionals)
    if (!existsSync(join(ROOT, suite))) throw refused(`there is no suite or file ${JSON.stringify(suite)}`);
  return { busy, suites: positionals };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: { busy: { type: "string", short: "n" } },
      allowPositionals: true,
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw refused(error.message.split(". ")[0]!);
  }
}

function refused(what: string): Error {
  return new Error(`${what}; "npm run check:load -- --help" lists the options`);
}

/** Gives the status of the tests; after a signal, which they get too, 128 and its number. */
async function testUnderLoad({ busy, suites }: Wanted): Promise<number> {
  let ended: NodeJS.Signals | undefined;
  let run: Bun.Subprocess | undefined;
  // From before the first busy process is started: no signal finds one that nobody will end.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      ended = signal;
      run?.kill(signal);
    });
  await using load = new BusyProcesses(busy);
  process.stderr.write(`check:load: ${busy} busy processes beside: ${load.pids.join(", ")}\n`);
  run = Bun.spawn([process.execPath, ...testArguments(suites)], {
    cwd: ROOT,
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  });
  const status = await run.exited;
  return ended === undefined ? status : 128 + constants.signals[ended];
}

async function main(argv: readonly string[]): Promise<number> {
  if (asksForHelp(argv)) {
    process.stdout.write(USAGE);
    return 0;
  }
  try {
    return await testUnderLoad(readWanted(argv));
  } catch (error) {
    process.stderr.write(`check:load: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
