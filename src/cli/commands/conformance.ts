import { type FileReport, runConformance } from "../../conformance/run.ts";
import { EntmootError } from "../../core/errors.ts";
import { printJson, printLine, printProse } from "../../host/print.ts";
import { terminalText } from "../../view/terminal-text.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags } from "../line/global-flags.ts";

const LABEL = "conformance";
/** Ours. Failures shown of one file in the table; `-json` has all of them. */
const SHOWN_MAX = 5;

/** `conformance`: does this program read, write and judge bytes as recorded? */
export const conformance = defineCommand({
  meta: { name: "conformance", description: "Run recorded vectors against this program" },
  help: {
    examples: ["entmootd conformance vectors/"],
    exits: [0, 1, 5],
    notes: ["Exit status 0 only when every case came out as recorded and none was of an unknown kind."],
  },
  args: {
    ...globalFlags,
    path: {
      type: "positional",
      required: true,
      variadic: true,
      valueHint: "PATH",
      description: "vector files or directories",
    },
    json: { type: "boolean", description: "print one JSON object a file" },
  },
  async run({ args }) {
    const reports: FileReport[] = [];
    await namedFailure(LABEL, async () => {
      for await (const report of runConformance(args._)) {
        reports.push(report);
        if (report.fault !== undefined) printProse(`${LABEL}: ${report.fault}`);
        if (args.json) printJson(reportLine(report));
      }
    });
    if (!args.json) for (const line of conformanceTable(reports)) printLine(line);
    const failed = sum(reports, (report) => report.failed);
    const unknown = sum(reports, (report) => report.unknown);
    if (failed + unknown === 0) return;
    throw new EntmootError("unavailable", `${LABEL}: ${failed} failed, ${unknown} unknown`);
  },
});

/** What a program is told of one file. */
export function reportLine({
  fault: _fault,
  unknownKinds: _kinds,
  ...report
}: FileReport): Omit<FileReport, "fault" | "unknownKinds"> {
  return report;
}

/** One line a file, its first failures below it, and the sum. */
export function conformanceTable(reports: readonly FileReport[]): string[] {
  const width = Math.max(4, ...reports.map(({ file }) => file.length));
  const row = (name: string, counts: readonly (string | number)[]) =>
    [name.padEnd(width), ...counts.map((count) => String(count).padStart(12))].join("");
  const counts = ({ passed, failed, unknown, deviations }: Counts) => [passed, failed, unknown, deviations];
  const total: Counts = {
    passed: sum(reports, (report) => report.passed),
    failed: sum(reports, (report) => report.failed),
    unknown: sum(reports, (report) => report.unknown),
    deviations: sum(reports, (report) => report.deviations),
  };
  return [
    row("FILE", ["PASSED", "FAILED", "UNKNOWN", "DEVIATIONS"]),
    ...reports.flatMap((report) => [
      row(report.file, counts(report)),
      ...report.failures.slice(0, SHOWN_MAX).map(({ name, expected, found }) => {
        return `  ${terminalText(name, 120)}: expected ${terminalText(expected, 120)}, found ${terminalText(found, 120)}`;
      }),
    ]),
    row("all", counts(total)),
  ];
}

type Counts = Pick<FileReport, "passed" | "failed" | "unknown" | "deviations">;

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((all, item) => all + of(item), 0);
}
