import { homedir } from "node:os";
import { EntmootError } from "../core/errors.ts";
import { BUILD_INFO } from "../node/build-info.ts";
import { expandHome } from "../node/home-path.ts";
import type { ExitStatus } from "../node/status.ts";
import { RELEASE_KEYS, RELEASE_SERIAL } from "../update/release-keys.ts";
import type { UpdateReport, UpdateRequest } from "../update/update.ts";
import { defineCommand } from "./command.ts";
import { namedFailure } from "./command-error.ts";
import { durationMsOf } from "./flag-values.ts";
import { globalFlags, parseGlobalOptions } from "./global-flags.ts";
import { printJson, printLine, printProse } from "./print.ts";
import { ProgressDisplay } from "./progress-display.ts";

const LABEL = "update";
/** Wire. Where the original's releases are. */
const REPO = "jerryfane/entmoot";
/** Ours. What a restarted daemon has until it answers. */
const READY_MS = 20_000;

/** `update`: replaces this executable by a newer release that a release key signed. */
export const update = defineCommand({
  meta: { name: "update", description: "Replace this program by a newer signed release, or go back to the one before" },
  help: {
    examples: ["entmootd update -restart", "entmootd update -check", "entmootd update -rollback -restart"],
    exits: [0, 1, 5, 10],
    notes: [
      "Nothing is installed that no release key signed. The executable of before is kept beside the new one.",
      "With -restart the running daemon starts again in place; when the new one does not come up, the old one does.",
      "ENTMOOT_UPDATE_URL names the folder of a release feed on any web server; ENTMOOT_UPDATE_READY how long a",
      "restarted daemon has until it answers (20s).",
    ],
  },
  args: {
    ...globalFlags,
    check: { type: "boolean", description: "only look; exit status 0 either way" },
    "exit-code": { type: "boolean", description: "exit status 10 when an update is there" },
    restart: { type: "boolean", description: "restart the daemon of this data root in place" },
    version: {
      type: "string",
      alias: "tag",
      valueHint: "V",
      defaultHint: "the newest",
      description: "this release, also an older one",
    },
    rollback: { type: "boolean", description: "change places with the executable of before" },
    repo: { type: "string", valueHint: "OWNER/NAME", default: REPO, description: "repository whose releases to use" },
    prerelease: { type: "boolean", description: "also take a pre-release" },
    "install-dir": {
      type: "string",
      valueHint: "DIR",
      defaultHint: "where this program is installed, else ~/.entmoot/bin",
      description: "folder of the executable",
    },
    json: { type: "boolean", description: "print one JSON object, failures too" },
  },
  async run({ args }): Promise<ExitStatus> {
    const options = parseGlobalOptions(args, process.env);
    if (args.rollback && (args.check || args.version !== undefined)) {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -rollback goes back to what is kept; leave -check and -version out`,
      );
    }
    if (args["install-dir"] === "")
      throw new EntmootError("invalid_argument", `${LABEL}: -install-dir: expected a folder, found ""`);
    const home = process.env.HOME || homedir();
    using progress = new ProgressDisplay(process.stderr);
    const request: UpdateRequest = {
      check: args.check ?? false,
      restart: args.restart ?? false,
      version: args.version,
      prerelease: args.prerelease ?? false,
      repo: args.repo,
      installDir: args["install-dir"] === undefined ? undefined : expandHome(args["install-dir"], home),
      feedUrl: process.env.ENTMOOT_UPDATE_URL || undefined,
      dataDir: options.dataDir,
      home,
      running: process.execPath,
      runningVersion: BUILD_INFO.version,
      runningSerial: RELEASE_SERIAL,
      keys: RELEASE_KEYS,
      readyMs: readyMs(process.env.ENTMOOT_UPDATE_READY),
      onProgress: (received, size) => progress.show(received, size),
      onStep: (step) => progress.step(`${LABEL}: ${step}`),
      onChange: args.restart ? finishFirst : () => {},
    };
    return namedFailure(LABEL, async () => {
      try {
        const report = await carryOut(request, args.rollback ?? false);
        progress[Symbol.dispose]();
        if (args.json) printJson(report);
        else for (const line of reportLines(report)) printLine(line);
        return args["exit-code"] && report.update_available && !report.updated ? 10 : 0;
      } catch (error) {
        if (!args.json || !(error instanceof EntmootError) || error.code !== "update_failed") throw error;
        progress[Symbol.dispose]();
        printJson({ error: { code: error.code, message: error.message } });
        return 1;
      }
    });
  },
});

async function carryOut(request: UpdateRequest, back: boolean): Promise<UpdateReport> {
  // Loaded only here, so that help need not.
  const { rollBack, update } = await import("../update/update.ts");
  return back ? rollBack(request) : update(request);
}

/** Half a restart is worse than a late end: a signal no longer ends what has begun. */
function finishFirst(): void {
  const wait = () => printProse(`${LABEL}: not now; it ends by itself soon`);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, wait);
}

/** A report for people, as the original words it. */
export function reportLines(report: UpdateReport): string[] {
  const { current_version: from, latest_version: to } = report;
  const lines: string[] = [];
  if (report.updated) lines.push(`Updated Entmoot: ${from} -> ${to}`);
  else if (report.update_available) {
    lines.push(`Entmoot update available: ${from} -> ${to}`, "Run: entmootd update --restart");
  } else lines.push(`Entmoot is up to date (${from})`);
  for (const warning of report.warnings ?? []) lines.push(`Warning: ${warning}`);
  if (report.daemon !== undefined)
    lines.push(`Restarted the daemon: ${report.daemon.version}, process ${report.daemon.pid}`);
  if (report.restart_required) {
    lines.push("Restart required: start entmootd with your usual service manager or command.");
  }
  return lines;
}

function readyMs(text: string | undefined): number {
  if (text === undefined || text === "") return READY_MS;
  const ms = durationMsOf(text);
  if (ms !== undefined && ms > 0 && ms <= 3_600_000) return ms;
  throw new EntmootError(
    "invalid_argument",
    `ENTMOOT_UPDATE_READY: expected a duration such as 20s, found ${JSON.stringify(text)}`,
  );
}
