import { requireOwner } from "../../daemon/require-owner.ts";
import { startEspBeside } from "../../daemon/start-esp.ts";
import { announceJson, neverWaitForStderr } from "../../host/print.ts";
import { aborted } from "../../transport/wait.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { espFlags, parseEspFlags } from "../line/esp-flags.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

const LABEL = "esp serve";

/** `esp serve`: the HTTP service as a process of its own. */
export const espServe = defineCommand({
  meta: { name: "serve", description: "Answer HTTP beside a daemon, or without one as far as reading goes" },
  help: {
    examples: ["entmootd esp serve -token TOKEN", "entmootd esp serve -auth-mode device -addr 127.0.0.1:8087"],
    exits: [0, 1, 5],
    notes: [
      "Prints one line with event esp_serving when it is ready, then nothing on stdout. SIGINT and SIGTERM end it",
      "cleanly. Reads the data root itself and hands what changes a moot to its daemon; entmootd serve -esp does",
      "both in one process.",
    ],
  },
  args: { ...globalFlags, ...espFlags },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const esp = parseEspFlags({ label: LABEL, args, prefix: "", options, env: process.env });
    requireOwner(options, LABEL);
    neverWaitForStderr();
    const ending = new AbortController();
    const end = () => ending.abort();
    const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
    for (const signal of signals) process.on(signal, end);
    try {
      await namedFailure(LABEL, async () => {
        await using service = await startEspBeside(options, esp);
        announceJson({ event: "esp_serving", url: service.url, auth_mode: esp.mode, data_dir: options.dataDir });
        await aborted(ending.signal);
        // From now on a further signal ends the process at once.
        for (const signal of signals) process.off(signal, end);
      });
    } finally {
      for (const signal of signals) process.off(signal, end);
    }
  },
});
