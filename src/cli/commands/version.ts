import { EntmootError, textOf } from "../../core/errors.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { defineCommand } from "../line/command.ts";

/** `version`: needs nothing, touches nothing, and starts fast because it imports nothing more. */
export const version = defineCommand({
  meta: { name: "version", description: "Print version, commit and build date" },
  help: { examples: ["entmootd version"], exits: [0, 1, 5] },
  args: { json: { type: "boolean", description: "accepted for symmetry; the output is JSON either way" } },
  async run() {
    // Not `printJson`: it loads node:fs, which is a fifth of the time this command may take. This writes at once too.
    try {
      await Bun.write(Bun.stdout, `${JSON.stringify(BUILD_INFO)}\n`);
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "EPIPE") throw cause;
      throw new EntmootError("output_failed", `stdout cannot be written: ${textOf(cause)}`, { cause });
    }
  },
});
