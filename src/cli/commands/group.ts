import { defineCommand } from "../line/command.ts";

/** `group`: moots this node founds, and what directories are told of them. */
export const group = defineCommand({
  meta: { name: "group", description: "Create a moot, and list a public one in a directory" },
  help: {
    examples: ["entmootd group create -name council", "entmootd group public descriptor -group GID"],
    exits: [0, 1, 2, 3, 5, 6],
  },
  subCommands: {
    create: async () => (await import("./group-create.ts")).groupCreate,
    public: async () => (await import("./group-public.ts")).groupPublic,
  },
});
