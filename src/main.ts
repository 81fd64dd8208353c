#!/usr/bin/env bun
import { runCommand } from "citty";
import { argsOf, asksForJsonErrors, type Request, readCommandLine } from "./cli/line/argv.ts";
import { COMMANDS } from "./cli/line/command-table.ts";
import { parseFeatureFlags } from "./cli/line/feature-flags.ts";
import { globalFlags, parseGlobalOptions } from "./cli/line/global-flags.ts";
import { commandHelp, namedHere, programHelp } from "./cli/line/help.ts";
import { runnableHints } from "./cli/line/hints.ts";
import { refuseChangedWords } from "./cli/line/raw-arguments.ts";
import { withoutSecrets } from "./core/admission/secrets.ts";
import { EntmootError, type ErrorCode, type OtherPlaces, textOf } from "./core/errors.ts";
import { type ExitStatus, STATUS } from "./core/failure-table.ts";
import { GroupId } from "./core/ids.ts";
import { endAtSignals } from "./host/first-process.ts";
import { setProseForm } from "./host/prose-form.ts";
import { terminalText } from "./view/terminal-text.ts";

endAtSignals();

/** Set as soon as it is known, so that a failure anywhere later is printed in the form asked for. */
let jsonErrors = asksForJsonErrors(process.argv.slice(2));

/** As it was given on the command line. */
let dataFlag: string | undefined;

/** What was asked, told when a word of it is refused that was probably meant for another. */
let asked: Extract<Request, { kind: "run" }> | undefined;

/** What the command that runs has done by the time it prints, told when it cannot print it. */
let effect: string | undefined;

/** Ours. A failure is a sentence or a few. */
const MESSAGE_MAX = 16_384;

/** Loaded only when there is something to print: `version` should not pay for node:fs. */
const printing = () => import("./host/print.ts");

/** What this program is called here; loaded only when a text names it. */
const nameHere = async () => (await import("./host/program-name.ts")).programName();

/** Runs one command line to its end and gives its exit status. */
async function main(argv: readonly string[]): Promise<ExitStatus> {
  await refuseChangedWords(argv, process.env);
  const request = await readCommandLine(argv, COMMANDS, globalFlags);
  if (request.kind === "nothing") {
    if (jsonErrors) throw new EntmootError("invalid_argument", 'no command given; "entmootd -help" lists them');
    (await printing()).printProse(programHelp(COMMANDS, globalFlags));
    return STATUS.invalid_argument.exit;
  }
  if (request.kind === "help") {
    const { command, path } = request;
    const help =
      command === undefined ? programHelp(COMMANDS, globalFlags) : await commandHelp(path, command, globalFlags);
    (await printing()).printLine(`${help}${namedHere(await nameHere())}`.trimEnd());
    return 0;
  }
  asked = request;
  // A malformed flag or variable is refused whatever the command, even where it would not be read.
  jsonErrors = parseGlobalOptions(request.globals, process.env, "/").jsonErrors;
  if (jsonErrors) (await printing()).setJsonProse(true);
  if (request.globals.data !== undefined) dataFlag = String(request.globals.data);
  setProseForm((text, program) => runnableHints(text, program, dataFlag));
  effect = request.command.help?.effect;
  parseFeatureFlags(process.env);
  const { result } = await runCommand(request.command, { rawArgs: [...request.rawArgs] });
  // A command that has more than one way to succeed says which.
  return typeof result === "number" ? (result as ExitStatus) : 0;
}

/** Prints `error` for people, or as JSON when asked, and gives the exit status its code stands for. */
async function report(error: unknown): Promise<ExitStatus> {
  if (isSystemError(error, "EPIPE")) return 0; // `entmootd … | head`: the reader has seen enough.
  const code = codeOf(error);
  const text = textOf(error);
  const said =
    code === "output_failed" && effect !== undefined ? `${text}; ${effect}` : `${text}${await meant(code, text)}`;
  const message = withoutSecrets(runnableHints(said, await nameHere(), dataFlag));
  const stack = code === "internal" && process.env.ENTMOOT_DEBUG && error instanceof Error ? error.stack : undefined;
  const { printFailure, printJsonFailure } = await printing();
  if (jsonErrors) {
    const { places = [], retryAfterMs } = error instanceof EntmootError ? error : {};
    const fields = { retry_after_ms: retryAfterMs, ...(places.length === 0 ? {} : lostPlaces(places)) };
    printJsonFailure({ error: { code, message, ...fields, stack } });
  } else {
    // A refusal, say, is in the words of a stranger.
    printFailure(`entmootd: ${terminalText(message, MESSAGE_MAX)}`);
    if (stack !== undefined) printFailure(stack);
  }
  return STATUS[code].exit;
}

/** Loaded only where a word is refused. */
async function meant(code: ErrorCode, text: string): Promise<string> {
  if (asked === undefined || code !== "invalid_argument") return "";
  const { meantValue } = await import("./cli/line/meant-value.ts");
  return meantValue(text, { known: await argsOf(asked.command), flags: asked.flags });
}

function lostPlaces(places: readonly OtherPlaces[]) {
  const lost = places.map(({ all, fresh, groupId, lost }) => ({
    group_id: GroupId.toBase64(groupId),
    place: lost,
    after_all: all,
    after_new: fresh,
  }));
  // Of one alone beside the code, too.
  const [{ group_id, after_all, after_new }] = lost as [(typeof lost)[number]];
  return { ...(lost.length > 1 ? {} : { group_id, after_all, after_new }), lost };
}

function codeOf(error: unknown): ErrorCode {
  if (error instanceof EntmootError) return error.code;
  if (error instanceof Error && error.name === "CLIError") return "invalid_argument";
  if (isSystemError(error, "ENOSPC") || isSystemError(error, "EDQUOT")) return "disk_full";
  return "internal";
}

function isSystemError(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

let isEnding = false;

/** Of failures that nobody took the first one ends the program; `least` is the status of one that is none elsewhere. */
async function endWith(error: unknown, least: ExitStatus = 0): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  process.exit((await report(error)) || least);
}

process.on("unhandledRejection", (reason) => endWith(reason));
// Of what nobody awaited a broken pipe is a failure as any other: what was asked for is not done.
process.on("uncaughtException", (error) => endWith(error, STATUS.internal.exit));
// Not `process.exitCode`: a command that has returned is over, whatever handle it left behind.
process.exit(await main(process.argv.slice(2)).catch(report));
