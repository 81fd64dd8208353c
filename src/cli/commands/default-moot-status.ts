import { openUnfounded } from "../../daemon/open-unfounded.ts";
import { printJsonText, printLine } from "../../host/print.ts";
import { default_moot_status } from "../../node/operations/default-moot.ts";
import { defaultMootStatusJson, defaultMootStatusText } from "../../view/default-moot-json.ts";
import { defineCommand } from "../line/command.ts";
import { namedFailure } from "../line/command-error.ts";
import { defaultMootSource } from "../line/default-moot-source.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";

/** `default-moot status`: what was said of it here, and what its descriptor says. */
export const defaultMootStatusCommand = defineCommand({
  meta: { name: "status", description: "Show whether The Ent Moot is joined or declined here" },
  help: {
    examples: ["entmootd default-moot status", "entmootd default-moot status -json"],
    exits: [0, 1, 5, 6],
    notes: [
      "Fetches the signed descriptor and verifies it; where that fails the rest is shown all the same.",
      "ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_URL names another one, ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_PUBKEY who signs it.",
    ],
  },
  args: { ...globalFlags, json: { type: "boolean", description: "one line of JSON" } },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    await namedFailure("default-moot status", async () => {
      await using node = await openUnfounded(options);
      const status = await node.call(default_moot_status, defaultMootSource(process.env));
      if (args.json) printJsonText(defaultMootStatusJson(status, options.hideIp));
      else printLine(defaultMootStatusText(status, options.hideIp));
    });
  },
});
