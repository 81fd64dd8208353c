import { defineCommand } from "../line/command.ts";

/** `default-moot`: The Ent Moot, which nobody joins without saying so. */
export const defaultMoot = defineCommand({
  meta: {
    name: "default-moot",
    description: "Join, decline or leave The Ent Moot, the public moot every node is offered",
  },
  help: {
    examples: ["entmootd default-moot status", 'entmootd default-moot join -intro "hello, I look after builds"'],
    exits: [0, 1, 2, 3, 5, 6],
    ops: {
      missing: "default-moot: missing op (want: status, join, decline, leave, live)",
      unknown: (op) => `default-moot: unknown op ${op} (want: status, join, decline, leave, live)`,
    },
    notes: ["Nothing is joined, published or answered unless its command says so."],
  },
  subCommands: {
    status: async () => (await import("./default-moot-status.ts")).defaultMootStatusCommand,
    join: async () => (await import("./default-moot-join.ts")).defaultMootJoin,
    decline: async () => (await import("./default-moot-leave.ts")).defaultMootDecline,
    leave: async () => (await import("./default-moot-leave.ts")).defaultMootLeave,
    live: async () => (await import("./default-moot-live.ts")).defaultMootLive,
  },
});
