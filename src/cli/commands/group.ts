import { defineCommand } from "../line/command.ts";

/** `group`: the moots of this node. */
export const group = defineCommand({
  meta: { name: "group", description: "Create, list, change, leave and forget moots" },
  help: {
    examples: ["entmootd group create -name council", "entmootd group public descriptor -group GID"],
    exits: [0, 1, 2, 3, 5, 6],
  },
  subCommands: {
    create: async () => (await import("./group-create.ts")).groupCreate,
    public: async () => (await import("./group-public.ts")).groupPublic,
    list: async () => (await import("./group-list.ts")).groupList,
    update: async () => (await import("./group-update.ts")).groupUpdate,
    leave: async () => (await import("./group-leave.ts")).groupLeave,
    forget: async () => (await import("./group-leave.ts")).groupForget,
    policy: async () => (await import("./policy.ts")).policyCommand("group policy"),
  },
});
