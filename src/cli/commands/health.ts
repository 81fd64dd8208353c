import { EntmootError } from "../../core/errors.ts";
import { printJson, printLine } from "../../host/print.ts";
import { ANSWER_MS, HEALTH_EXIT, runtimeOf } from "../doctor/runtime.ts";
import { defineCommand } from "../line/command.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "health";
/** Ours. Longer than any health check waits. */
const TIMEOUT_MAX_MS = 60_000;

/** `health`: for containers and supervisors, who read the exit status and nothing else. */
export const health = defineCommand({
  meta: { name: "health", description: "Say by the exit status whether the daemon answers and can store messages" },
  help: {
    examples: ["entmootd health", "entmootd health -timeout 1s"],
    exits: [0, 1, 5, 6],
    notes: [
      "Status 0: a daemon answered a real question in time and can store messages; 1: it is there and does not, or cannot; 6: none is there. One line says so.",
      'Why, and what to do about it, tells "entmootd doctor".',
    ],
  },
  args: {
    ...globalFlags,
    timeout: { type: "string", default: "3s", valueHint: "D", description: "how long the answer may take" },
    json: { type: "boolean", description: "print one JSON object" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const answerMs = args.timeout === undefined ? ANSWER_MS : parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    if (answerMs <= 0 || answerMs > TIMEOUT_MAX_MS) {
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: -timeout: expected above 0 and at most 60s, found ${args.timeout}`,
      );
    }
    const { runtime_status: status, runtime_status_reason: reason } = await runtimeOf(options, answerMs);
    if (args.json) printJson({ status, ...(reason === undefined ? {} : { reason }) });
    else printLine(reason === undefined ? status : `${status}: ${reason}`);
    return HEALTH_EXIT[status];
  },
});
