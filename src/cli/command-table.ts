import type { CommandEntry } from "./argv.ts";

/**
 * Every command by name. The description is repeated here, so that help prints without loading a command,
 * and each module is imported only when its command runs: `version` does not pay for the daemon.
 */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  env: {
    description: "Show paths, sockets and the daemon this command line would talk to",
    load: async () => (await import("./env.ts")).env,
  },
  version: {
    description: "Print version, commit and build date",
    load: async () => (await import("./version.ts")).version,
  },
};
