import { durationText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { openDaemon } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printJson, printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status, stop as stopOperation } from "../../node/operations/daemon.ts";
import { DataRootLock } from "../../store/lock.ts";
import { isSeenFrom } from "../../store/process-place.ts";
import { Deadline, unlessAborted } from "../../transport/wait.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parsePatienceMs } from "../line/flag-values.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "stop";
/** Ours. After so long of waiting in silence, say so. */
const QUIET_MS = 2_000;

/** `stop`: a clean end, seen to. */
export const stop = defineCommand({
  meta: { name: "stop", description: "Ask the running daemon to end, and wait until it has" },
  help: { examples: ["entmootd stop"], exits: [0, 1, 5, 6], effect: "the daemon has ended all the same" },
  args: {
    ...globalFlags,
    ...jsonAlready,
    timeout: { type: "string", default: "15s", valueHint: "D", description: "how long to wait for the end" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const timeoutMs = parsePatienceMs(`${LABEL}: -timeout`, args.timeout);
    await namedFailure(LABEL, async () => {
      using deadline = new Deadline(realClock, timeoutMs);
      const pid = await unlessAborted(end(options, timeoutMs), deadline.signal);
      if (pid === undefined) throw late(DataRootLock.holder(options.dataDir)?.pid, timeoutMs);
      printJson({ event: "stopped", pid });
    });
  },
});

/** Asks it to end, and gives its process once that is gone. */
async function end(options: GlobalOptions, timeoutMs: number): Promise<number> {
  await using daemon = await openDaemon(options, timeoutMs);
  // Says how an original's is ended.
  if (await daemon.isOriginal(timeoutMs)) await daemon.call(stopOperation, {}, { timeoutMs });
  const { pid, place } = await daemon.call(status, {}, { timeoutMs });
  const seen = isSeenFrom(place) ? pid : undefined;
  using _quiet = realClock.after(QUIET_MS, () => printProse(`${LABEL}: waiting for ${named(seen)} to end`));
  try {
    await daemon.callLast(stopOperation, {}, timeoutMs);
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "timeout")) throw cause;
    throw late(seen, timeoutMs, cause);
  }
  return pid;
}

function late(pid: number | undefined, timeoutMs: number, cause?: unknown): EntmootError {
  const process = pid === undefined ? "its process" : `process ${pid}`;
  return new EntmootError(
    "timeout",
    `${named(pid)} still runs after ${durationText(timeoutMs)}; wait, or end ${process}`,
    { cause },
  );
}

function named(pid: number | undefined): string {
  return pid === undefined ? "the daemon" : `daemon ${pid}`;
}
