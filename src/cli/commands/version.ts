import { BUILD_INFO } from "../../host/build-info.ts";
import { outputFailure } from "../../host/output-failure.ts";
import { defineCommand } from "../line/command.ts";
import { jsonAlready } from "../line/json-already.ts";

/** `version`: needs nothing, touches nothing, and starts fast because it imports nothing more. */
export const version = defineCommand({
  meta: { name: "version", description: "Print version, commit and build date" },
  help: { examples: ["entmootd version"], exits: [0, 1, 5] },
  args: { ...jsonAlready },
  async run() {
    // Not `printJson`: it loads node:fs, which is a fifth of the time this command may take. This writes at once too.
    try {
      await Bun.write(Bun.stdout, `${JSON.stringify(BUILD_INFO)}\n`);
    } catch (cause) {
      throw outputFailure(cause);
    }
  },
});
