import { openDaemon } from "../../daemon/open-operations.ts";
import { requireOwner } from "../../daemon/require-owner.ts";
import { voiceFolder } from "../../daemon/voices.ts";
import { printJson } from "../../host/print.ts";
import { voices } from "../../node/operations/voices.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { jsonAlready } from "../line/json-already.ts";

const LABEL = "voice list";

/** `voice list`: the voices that the daemon keeps. */
export const voiceList = defineCommand({
  meta: { name: "list", description: "Show the agents of this machine that have keys of their own" },
  help: { examples: ["entmootd voice list"], exits: [0, 1, 5, 6] },
  args: { ...globalFlags, ...jsonAlready },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    requireOwner(options, LABEL);
    await namedFailure(LABEL, async () => {
      await using daemon = await openDaemon(options);
      const { voices: kept } = await daemon.call(voices, {});
      printJson({
        voices: kept.map(({ failure, name, pid, restarts, state }) => ({
          data_dir: voiceFolder(options.dataDir, name),
          ...(failure === undefined ? {} : { failure }),
          name,
          pid: pid ?? null,
          restarts,
          state,
        })),
      });
    });
  },
});
