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
  "check:load": "scripts/check-load.ts",
  release: "release.ts",
});

const CHECK_USAGE = `usage: npm run check [-- OPTIONS]

Checks types, then formatting and lint of the whole checkout; status 0 when both find nothing. OPTIONS are for the
compiler, such as --noErrorTruncation.
`;

/** @param {readonly string[]} args */
const asksForHelp = (args) => args.includes("--help") || args.includes("-h");

/**
 * `node scripts/launch.mjs TASK [arguments]`: what `npm start`, `npm test` and the others run. Needs Node 20 and npm,
 * nothing else on the machine. Ends with the status of the task.
 * @param {string | undefined} task @param {string[]} args @returns {Promise<number>}
 */
async function launch(task, args) {
  if (Number(process.versions.node.split(".")[0]) < 20)
    throw new Error(`Node 20 or later is needed, found ${process.version}`);
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await ensureInstalled(ROOT, abort.signal);
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
      const binary = join(ROOT, "dist", process.platform === "win32" ? "entmootd.exe" : "entmootd");
      return built === 0 ? run(binary, ["up", ...args]) : built;
    }
    case "test":
      return run(bun, testArguments(args));
    case "check": {
      if (asksForHelp(args)) {
        process.stdout.write(CHECK_USAGE);
        return 0;
      }
      // Both are run even when the first finds something, so one run shows everything.
      const types = await run(process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit", ...args]);
      const lint = await run(process.execPath, ["node_modules/@biomejs/biome/bin/biome", "check", "."]);
      return types || lint;
    }
    case "build":
    case "demo":
    case "bench":
    case "soak":
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
