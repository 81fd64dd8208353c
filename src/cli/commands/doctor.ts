import { EntmootError } from "../../core/errors.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { printJson, printLine } from "../../host/print.ts";
import { doctorJson } from "../../view/doctor-json.ts";
import { doctorLines } from "../../view/doctor-lines.ts";
import { plainTeller, redactingTeller } from "../../view/doctor-teller.ts";
import { fix } from "../doctor/fix.ts";
import { lookAround } from "../doctor/look-around.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "doctor";

/** `doctor`: what is wrong, layer by layer, and the one command to run next. */
export const doctor = defineCommand({
  meta: { name: "doctor", description: "Find what is wrong, layer by layer, with the one command to run next" },
  help: {
    examples: [
      "entmootd doctor",
      "entmootd doctor -probe",
      "entmootd doctor -group GID -probe -json",
      "entmootd doctor -fix -dry-run",
    ],
    exits: [0, 1, 3, 5, 6],
    words: ["group"],
    notes: [
      "Looks at the identity, the data root, the daemon, its carrier and clock, then at each moot and the way to each of its members: address, dial, key, answer, roster, roots, latest message. Each line that FAILED says why and what to run next; unknown is said where it cannot be told from here. Works without a daemon too.",
      "-fix repairs what can be repaired without losing anything: files that others may read, sockets that nobody listens on, indexes of databases that do not fit. A database is copied into the data root's repairs folder first. -fix -dry-run shows what would be done. Both end with 1 where damage is left that they do not repair.",
      "Every diagnosis is explained in docs/doctor.md.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "GID", defaultHint: "all moots", description: "only this moot" },
    probe: { type: "boolean", description: "ask each member, eight at a time" },
    timeout: { type: "string", default: "3s", valueHint: "D", description: "time for each member, 250ms to 30s" },
    json: { type: "boolean", description: "print one JSON object" },
    redact: {
      type: "boolean",
      description: "leave out what names a person, a machine or a place, so that the report can be shown to others",
    },
    fix: { type: "boolean", description: "do the repairs that lose nothing, after a copy; no daemon may run" },
    "dry-run": { type: "boolean", description: "with -fix: only show them" },
    "exit-code": { type: "boolean", description: "exit status 1 when anything fails" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    if (args["dry-run"] && !args.fix) throw new EntmootError("invalid_argument", `${LABEL}: -dry-run goes with -fix`);
    for (const flag of args.fix ? (["group", "probe", "redact", "exit-code"] as const) : []) {
      if (!args[flag]) continue;
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -${flag} does not go with -fix, which is about the data root`,
      );
    }
    if (args.fix) {
      const isDryRun = args["dry-run"] ?? false;
      return namedFailure(LABEL, () => fix(options, { isDryRun, isJson: args.json ?? false }));
    }
    return namedFailure(LABEL, async () => {
      const groupId = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
      const found = await lookAround(options, { groupId, isProbed: args.probe ?? false, timeoutMs });
      const teller = args.redact
        ? redactingTeller()
        : plainTeller({ data_dir: options.dataDir, identity_path: options.identityPath });
      const report = doctorJson(found, teller);
      if (args.json) printJson(report);
      else for (const line of doctorLines(report, { isProbed: found.isProbed })) printLine(line);
      return args["exit-code"] && report.failed > 0 ? 1 : 0;
    });
  },
});
