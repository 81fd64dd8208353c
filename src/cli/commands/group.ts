import { defineCommand } from "../line/command.ts";

/** `group`: moots this node founds. */
export const group = defineCommand({
  meta: { name: "group", description: "Create a moot" },
  help: { examples: ["entmootd group create -name council"], exits: [0, 1, 5] },
  subCommands: {
    create: async () => (await import("./group-create.ts")).groupCreate,
  },
});
