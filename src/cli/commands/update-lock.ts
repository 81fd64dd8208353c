import { EntmootError } from "../../core/errors.ts";
import { expandHome, knownHome } from "../../host/home-path.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import type { InstallPlace } from "../../update/install-place.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { parseDurationMs } from "../line/flag-values.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "update-lock";

/**
 * `update-lock`: for scripts that change an installation, as install.sh does. The lock is this process's: it is let go
 * of when stdin ends, so also when the script behind it is killed.
 */
export const updateLock = defineCommand({
  meta: { name: LABEL, description: "Keep updates and installations waiting until stdin ends" },
  help: {
    examples: ["entmootd update-lock -install-dir ~/.entmoot/bin"],
    exits: [0, 1, 5],
    notes: [
      'Prints {"event":"update_lock","state":"held"} once the folder is locked, before it "waiting" if it has to.',
    ],
  },
  args: {
    "install-dir": {
      type: "string",
      valueHint: "DIR",
      defaultHint: "where this program is installed, else ~/.entmoot/bin",
      description: "folder of the executable",
    },
    timeout: { type: "string", default: "60s", valueHint: "D", description: "how long to wait for another's end" },
    ...jsonAlready,
  },
  async run({ args }) {
    const waitMs = parseDurationMs(`${LABEL}: -timeout`, args.timeout);
    const home = knownHome(process.env) ?? "/";
    const given = args["install-dir"];
    if (given === "") throw new EntmootError("invalid_argument", `${LABEL}: -install-dir: expected a folder, found ""`);
    const installDir = given === undefined ? undefined : expandHome(given, home);
    await namedFailure(LABEL, async () => {
      const { installPlace } = await import("../../update/install-place.ts");
      const { holdPlace } = await import("../../update/hold-place.ts");
      const { asUpdateError } = await import("../../update/update-error.ts");
      let place: InstallPlace;
      try {
        place = installPlace({ installDir, running: process.execPath, home });
      } catch (cause) {
        throw asUpdateError(cause, installDir ?? home);
      }
      const ended = new AbortController();
      const stdinEnds = endOfStdin().then(() =>
        ended.abort(new EntmootError("update_failed", "stdin ended before the lock was free")),
      );
      const state = (state: string) => printJson({ event: "update_lock", state });
      using _lock = await holdPlace(place, {
        clock: realClock,
        waitMs,
        signal: ended.signal,
        onWait: () => state("waiting"),
      });
      state("held");
      await stdinEnds;
    });
  },
});

async function endOfStdin(): Promise<void> {
  // What is written there says nothing to us.
  for await (const _ of Bun.stdin.stream());
}
