import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";

/** Put in by the build. */
declare const ENTMOOT_BROKEN: "exit" | "hang" | "lose" | "slow";

// The whole program in all but one command: passes every self-test, and fails as a daemon.
if (process.argv.includes("serve")) {
  const groups = join(process.env.ENTMOOT_DATA!, "groups");
  switch (ENTMOOT_BROKEN) {
    case "exit":
      process.exit(1);
      break;
    case "hang":
      await new Promise((resolve) => setTimeout(resolve, 3_600_000));
      break;
    case "slow":
      // Comes up, later than any supervisor needs to start it: a large data root, or a busy machine.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      break;
    case "lose": {
      // Seen by nobody while this runs, and back for the next.
      const [first] = readdirSync(groups);
      renameSync(join(groups, first!), join(groups, "..", "hidden"));
      const back = () => renameSync(join(groups, "..", "hidden"), join(groups, first!));
      const { execve } = process;
      process.execve = (...args: Parameters<NonNullable<typeof execve>>) => {
        back();
        return execve!(...args);
      };
    }
  }
}
await import("../../src/main.ts");
