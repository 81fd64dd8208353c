import { defineCommand } from "../line/command.ts";

/** `group`: moots this node founds. */
export const group = defineCommand({
  meta: { name: "group", description: "Create moots and say what they allow" },
  help: { examples: ["entmootd group create -name council"], exits: [0, 1, 5] },
  subCommands: {
    create: async () => (await import("./group-create.ts")).groupCreate,
    policy: async () => (await import("./policy.ts")).policyCommand("group policy"),
  },
});
