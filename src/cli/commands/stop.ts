import { EntmootError } from "../../core/errors.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status, stop as stopOperation } from "../../node/operations/daemon.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "stop";
/** Ours. After so long of waiting in silence, say so. */
const QUIET_MS = 2_000;

/** `stop`: a clean end, seen to. */
export const stop = defineCommand({
  meta: { name: "stop", description: "Ask the running daemon to end, and wait until it has" },
  help: { examples: ["entmootd stop"], exits: [0, 1, 5, 6], effect: "the daemon has ended all the same" },
  args: {
    ...globalFlags,
    timeout: { type: "string", default: "15s", valueHint: "D", description: "how long to wait for the end" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const timeoutMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    await namedFailure(LABEL, async () => {
      await using daemon = await openDaemon(options);
      // Says how an original's is ended.
      if (await daemon.isOriginal()) await daemon.call(stopOperation, {});
      const { pid } = await daemon.call(status, {});
      using _quiet = realClock.after(QUIET_MS, () => printProse(`${LABEL}: waiting for daemon ${pid} to end`));
      try {
        await daemon.callLast(stopOperation, {}, timeoutMs);
      } catch (cause) {
        if (!(cause instanceof EntmootError && cause.code === "timeout")) throw cause;
        const text = `daemon ${pid} still runs after ${timeoutMs} ms; wait, or end process ${pid}`;
        throw new EntmootError("timeout", text, { cause });
      }
      printJson({ event: "stopped", pid });
    });
  },
});
