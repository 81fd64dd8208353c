#!/usr/bin/env bun
import { runCommand } from "citty";
import { readCommandLine } from "./cli/line/argv.ts";
import { COMMANDS } from "./cli/line/command-table.ts";
import { parseFeatureFlags } from "./cli/line/feature-flags.ts";
import { globalFlags, parseGlobalOptions } from "./cli/line/global-flags.ts";
import { commandHelp, programHelp } from "./cli/line/help.ts";
import { forDataRoot } from "./cli/line/hints.ts";
import { EntmootError, type ErrorCode, textOf } from "./core/errors.ts";
import { type ExitStatus, STATUS } from "./core/failure-table.ts";
import { terminalText } from "./view/terminal-text.ts";

/** Set as soon as it is known, so that a failure anywhere later is printed in the form asked for. */
let jsonErrors = process.argv.some((arg) => /^--?json-errors(=true|=1)?$/.test(arg));

/** As it was given on the command line. */
let dataFlag: string | undefined;

/** Ours. A failure is a sentence or a few. */
const MESSAGE_MAX = 16_384;

/** Usage and failures. Not `host/print.ts`, which loads node:fs: `version` should not pay for it. */
const printProse = (text: string) => console.error(text.trimEnd());

/** Runs one command line to its end and gives its exit status. */
async function main(argv: readonly string[]): Promise<ExitStatus> {
  const request = await readCommandLine(argv, COMMANDS, globalFlags);
  if (request.kind === "nothing") {
    printProse(programHelp(COMMANDS, globalFlags));
    return STATUS.invalid_argument.exit;
  }
  if (request.kind === "help") {
    const { command, path } = request;
    printProse(
      command === undefined ? programHelp(COMMANDS, globalFlags) : await commandHelp(path, command, globalFlags),
    );
    return 0;
  }
  // A malformed flag or variable is refused whatever the command, even where it would not be read.
  jsonErrors = parseGlobalOptions(request.globals, process.env).jsonErrors;
  if (request.globals.data !== undefined) dataFlag = String(request.globals.data);
  parseFeatureFlags(process.env);
  for (const note of request.notes) printProse(note);
  const { result } = await runCommand(request.command, { rawArgs: [...request.rawArgs] });
  // A command that has more than one way to succeed says which.
  return typeof result === "number" ? (result as ExitStatus) : 0;
}

/** Prints `error` for people, or as JSON when asked, and gives the exit status its code stands for. */
function report(error: unknown): ExitStatus {
  if (isSystemError(error, "EPIPE")) return 0; // `entmootd … | head`: the reader has seen enough.
  const code = codeOf(error);
  const message = forDataRoot(textOf(error), dataFlag);
  // A refusal, say, is in the words of a stranger.
  const shown = () => `entmootd: ${terminalText(message, MESSAGE_MAX)}`;
  printProse(jsonErrors ? JSON.stringify({ error: { code, message } }) : shown());
  if (code === "internal" && process.env.ENTMOOT_DEBUG && error instanceof Error) printProse(error.stack ?? "");
  return STATUS[code].exit;
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

process.on("unhandledRejection", (reason) => process.exit(report(reason)));
// Of what nobody awaited a broken pipe is a failure as any other: what was asked for is not done.
process.on("uncaughtException", (error) => process.exit(report(error) || STATUS.internal.exit));
// Not `process.exitCode`: a command that has returned is over, whatever handle it left behind.
process.exit(await main(process.argv.slice(2)).catch(report));
