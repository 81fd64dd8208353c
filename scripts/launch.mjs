import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun } from "./launch/bun.mjs";
import { runChild } from "./launch/child.mjs";
import { ensureInstalled } from "./launch/install.mjs";
import { testArguments } from "./launch/test-arguments.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Tasks that are one program run by Bun. */
const PROGRAMS = /** @type {const} */ ({
  build: "scripts/build.ts",
  demo: "scripts/demo.ts",
  bench: "bench/bench.ts",
  soak: "scripts/soak.ts",
  hosts: "scripts/hosts.ts",
  "check:load": "scripts/check-load.ts",
  release: "release.ts",
});

const USAGE = `usage: npm start | npm test | npm run TASK [-- ARGUMENTS]

TASK is ${Object.keys(PROGRAMS).join(", ")} or check; --help after any of them tells more.
`;

const START_USAGE = `usage: npm start [-- OPTIONS]

Builds the program where a source is newer, and runs "entmootd up" with OPTIONS. Once it is built, this lists them.
`;

/** The program as `npm start` builds it. */
const BINARY = join(ROOT, "dist", process.platform === "win32" ? "entmootd.exe" : "entmootd");

const TEST_USAGE = `usage: npm test [-- OPTIONS] [SUITE…]

Runs all tests, or those of some folders or files such as test/process; OPTIONS are those of "bun test", such as
--parallel=1 or -t NAME. See docs/testing.md.
`;

const CHECK_USAGE = `usage: npm run check [-- OPTIONS]

Checks types, then formatting and lint of the whole checkout; status 0 when both find nothing. OPTIONS are for the
compiler, such as --noErrorTruncation.
`;

/** @param {readonly string[]} args */
const asksForHelp = (args) => args.includes("--help") || args.includes("-h");

/** What tells of a task without running anything; `undefined` where its own program does. @param {string | undefined} task */
function usageOf(task) {
  if (task === "start") return START_USAGE;
  if (task === "test") return TEST_USAGE;
  if (task === "check") return CHECK_USAGE;
  if (task !== undefined && Object.hasOwn(PROGRAMS, task)) {
    // Help is no reason to install anything.
    return existsSync(join(ROOT, "node_modules/bun")) ? undefined : notInstalled(task);
  }
  return USAGE;
}

/** @param {string} task */
function notInstalled(task) {
  return `usage: npm run ${task} [-- OPTIONS]\n\nThe packages of this checkout are not installed yet; after "npm install" this lists the options.\n`;
}

/**
 * `node scripts/launch.mjs TASK [arguments]`: what `npm start`, `npm test` and the others run. Needs Node 20 and npm,
 * nothing else on the machine. Ends with the status of the task.
 * @param {string | undefined} task @param {string[]} args @returns {Promise<number>}
 */
async function launch(task, args) {
  if (Number(process.versions.node.split(".")[0]) < 20)
    throw new Error(`Node 20 or later is needed, found ${process.version}`);
  const isHelp = asksForHelp(task === undefined ? args : [task, ...args]);
  const usage = isHelp ? usageOf(task) : undefined;
  if (usage !== undefined) {
    process.stdout.write(usage);
    if (task !== "start" || !existsSync(BINARY)) return 0;
    process.stdout.write("\n");
    return runChild(BINARY, ["up", ...args], { cwd: ROOT });
  }
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    if (!isHelp) await ensureInstalled(ROOT, abort.signal);
  } catch (error) {
    if (abort.signal.aborted) return 130;
    throw error;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }

  const bun = findBun(ROOT);
  const env = { ...process.env, ENTMOOT_NODE: process.execPath };
  const run = (/** @type {string} */ command, /** @type {readonly string[]} */ rest) =>
    runChild(command, rest, { cwd: ROOT, env });

  switch (task) {
    case "start": {
      const built = await run(bun, ["scripts/build.ts", "--if-changed"]);
      return built === 0 ? run(BINARY, ["up", ...args]) : built;
    }
    case "test":
      return run(bun, testArguments(args));
    case "check": {
      // Both are run even when the first finds something, so one run shows everything.
      const types = await run(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit", ...args]);
      const lint = await run(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "check", "."]);
      return types || lint;
    }
    case "build":
    case "demo":
    case "bench":
    case "soak":
    case "hosts":
    case "check:load":
    case "release": {
      const program = PROGRAMS[task];
      if (!existsSync(join(ROOT, program))) throw new Error(`${program} is not part of this checkout`);
      return run(bun, [program, ...args]);
    }
    default:
      throw new Error(`expected start, test, check, ${Object.keys(PROGRAMS).join(", ")}; found ${task ?? "nothing"}`);
  }
}

const [task, ...args] = process.argv.slice(2);
try {
  process.exitCode = await launch(task, args);
} catch (error) {
  process.stderr.write(`entmootd: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
