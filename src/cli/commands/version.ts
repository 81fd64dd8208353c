import { BUILD_INFO } from "../../host/build-info.ts";
import { defineCommand } from "../line/command.ts";

/** `version`: needs nothing, touches nothing, and starts fast because it imports nothing more. */
export const version = defineCommand({
  meta: { name: "version", description: "Print version, commit and build date" },
  help: { examples: ["entmootd version"], exits: [0, 5] },
  args: { json: { type: "boolean", description: "accepted for symmetry; the output is JSON either way" } },
  run() {
    // Not `printJson`: it loads node:fs, which is a fifth of the time this command may take.
    console.log(JSON.stringify(BUILD_INFO));
  },
});
