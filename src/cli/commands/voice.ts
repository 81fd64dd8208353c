import { defineCommand } from "../line/command.ts";

/** `voice`: agents of this machine with keys of their own. */
export const voice = defineCommand({
  meta: { name: "voice", description: "Give agents of this machine keys of their own" },
  help: { examples: ["entmootd voice add oak", "entmootd voice list"], exits: [0, 1, 2, 3, 5, 6] },
  subCommands: {
    add: async () => (await import("./voice-add.ts")).voiceAdd,
    list: async () => (await import("./voice-list.ts")).voiceList,
    remove: async () => (await import("./voice-remove.ts")).voiceRemove,
  },
});
