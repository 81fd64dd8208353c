import { instantText } from "../../core/amounts.ts";
import { durationMsOf } from "../../core/duration.ts";
import { EntmootError } from "../../core/errors.ts";
import { type ExitStatus, STATUS } from "../../core/failure-table.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { expandHome, knownHome } from "../../host/home-path.ts";
import { isJsonProse, printJson, printLine, printProse } from "../../host/print.ts";
import { programName } from "../../host/program-name.ts";
import { realClock } from "../../host/real-clock.ts";
import { shellCommand } from "../../host/shell-quote.ts";
import { RELEASE_KEYS, RELEASE_REPO, RELEASE_SERIAL } from "../../update/release-keys.ts";
import type { UpdateReport, UpdateRequest } from "../../update/update.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { runnableHints } from "../line/hints.ts";
import { ProgressDisplay } from "../line/progress-display.ts";

const LABEL = "update";
/** Ours. What a restarted daemon has until it answers. */
const READY_MS = 20_000;

/** `update`: replaces this executable by a newer release that a release key signed. */
export const update = defineCommand({
  meta: { name: "update", description: "Replace this program by a newer signed release, or go back to the one before" },
  help: {
    examples: ["entmootd update -restart", "entmootd update -check", "entmootd update -rollback -restart"],
    exits: [0, 1, 5, 10],
    effect: 'what was asked for may be done all the same; "entmootd version" and "entmootd info" tell',
    notes: [
      "Nothing is installed that no release key signed. The executable of before is kept beside the new one.",
      "With -restart the running daemon starts again in place; when the new one does not come up, the old one does.",
      "What was taken back so is not installed again, with status 1 and the reason, unless -version names it.",
      "ENTMOOT_UPDATE_URL names the folder of a release feed on any web server, before -repo and before the feed that the",
      "program was installed from; ENTMOOT_UPDATE_READY how long a restarted daemon has until it answers (20s).",
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
    repo: {
      type: "string",
      valueHint: "OWNER/NAME",
      defaultHint: `the feed it was installed from, else ${RELEASE_REPO}`,
      description: "repository whose releases to use",
    },
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
    const home = knownHome(process.env) ?? "/";
    // Only a daemon that is to be restarted has to be found; else no data root is no record of what was taken back.
    const options = args.restart ? parseGlobalOptions(args, process.env) : parseGlobalOptions(args, process.env, home);
    requireOwner(options, LABEL);
    if (args.rollback && (args.check || args.version !== undefined)) {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -rollback goes back to what is kept; leave -check and -version out`,
      );
    }
    if (args["install-dir"] === "")
      throw new EntmootError("invalid_argument", `${LABEL}: -install-dir: expected a folder, found ""`);
    // Nobody reads how it goes any more: that is no reason to stop in the middle.
    process.stderr.on("error", () => {});
    using progress = new ProgressDisplay(isJsonProse() ? PROSE : process.stderr, realClock);
    using interrupts = new Interrupts(progress);
    const request: UpdateRequest = {
      clock: realClock,
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
      onChange: () => interrupts.finishFirst(),
    };
    const suggest = suggestion(args, programName());
    // Awaited here: what is in use is let go of when this function is left.
    return await namedFailure(LABEL, async () => {
      try {
        const report = await carryOut(request, args.rollback ?? false);
        progress[Symbol.dispose]();
        if (args.json) printJson(report);
        else for (const line of reportLines(report, { suggest, back: args.rollback ?? false })) printLine(line);
        return args["exit-code"] && report.update_available && !report.updated ? 10 : 0;
      } catch (error) {
        if (!args.json || !(error instanceof EntmootError)) throw error;
        progress[Symbol.dispose]();
        printJson({ error: { code: error.code, message: runnableHints(error.message, programName(), args.data) } });
        return STATUS[error.code].exit;
      }
    });
  },
});

/** Steps and figures as notes, where stderr holds JSON alone. */
const PROSE = {
  write(line: string): boolean {
    printProse(line);
    return true;
  },
};

async function carryOut(request: UpdateRequest, back: boolean): Promise<UpdateReport> {
  // Loaded only here, so that help need not.
  const { rollBack, update } = await import("../../update/update.ts");
  return back ? rollBack(request) : update(request);
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What a signal does: it ends an update with a word, until what is installed or runs begins to change. */
class Interrupts implements Disposable {
  readonly #progress: ProgressDisplay;

  constructor(progress: ProgressDisplay) {
    this.#progress = progress;
    for (const signal of SIGNALS) process.on(signal, this.#end);
  }

  /** Half a restart is worse than a late end: from now on a signal no longer ends what has begun. */
  finishFirst(): void {
    this[Symbol.dispose]();
    for (const signal of SIGNALS) process.on(signal, this.#wait);
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.off(signal, this.#end).off(signal, this.#wait);
  }

  readonly #end = (signal: NodeJS.Signals): void => {
    this.#progress[Symbol.dispose]();
    printProse(`${LABEL}: interrupted; nothing was changed; run it again to go on where it stopped`);
    this[Symbol.dispose]();
    process.kill(process.pid, signal); // As if we had not listened: whoever waits for us sees what ended us.
  };

  readonly #wait = (): void => this.#progress.step(`${LABEL}: not now; it ends by itself soon`);
}

/** What names the installation that is meant, from the command line. */
export interface SuggestFlags {
  readonly data?: string | undefined;
  readonly "install-dir"?: string | undefined;
  readonly repo?: string | undefined;
  readonly prerelease?: boolean | undefined;
  readonly version?: string | undefined;
}

/** A command that does the rest for the same installation and release: `entmootd update -restart` and what was given. */
export function suggestion(args: SuggestFlags, program = "entmootd"): string {
  const words = [program, "update", "-restart"];
  for (const name of ["version", "data", "install-dir"] as const) {
    const value = args[name];
    if (value !== undefined) words.push(`-${name}`, value);
  }
  if (args.repo !== undefined) words.push("-repo", args.repo);
  if (args.prerelease) words.push("-prerelease");
  return shellCommand(words);
}

/** A report for people, as the original words it. `suggest` is the command that does what is left to do. */
export function reportLines(
  report: UpdateReport,
  { suggest, back }: { readonly suggest: string; readonly back: boolean },
): string[] {
  const { current_version: from, latest_version: to, taken_back: before } = report;
  const lines: string[] = [];
  if (report.updated) lines.push(`${back ? "Went back" : "Updated Entmoot"}: ${from} -> ${to}`);
  else if (report.update_available) {
    lines.push(`Entmoot update available: ${from} -> ${to}`, `Run: ${suggest}`);
  } else if (before !== undefined) {
    lines.push(`Entmoot ${to} was taken back here at ${instantText(before.at_ms)}: ${before.reason}`);
    lines.push(`Entmoot ${from} stays installed. To try ${to} again: ${suggest} -version ${to}`);
  } else lines.push(`Entmoot is up to date (${from})`);
  for (const warning of report.warnings ?? []) lines.push(`Warning: ${warning}`);
  if (report.daemon !== undefined)
    lines.push(`Restarted the daemon: ${report.daemon.version}, process ${report.daemon.pid}`);
  if (report.restart_required) {
    // After going back, an update would only go forward again.
    const how = back ? "restart entmootd" : `run ${suggest}, or restart entmootd`;
    lines.push(`Restart required: ${how} with your usual service manager or command.`);
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
