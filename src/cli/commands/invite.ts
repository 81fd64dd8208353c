import { defineCommand } from "../line/command.ts";

/** `invite`: ways into a moot. */
export const invite = defineCommand({
  meta: { name: "invite", description: "Make and manage invites and links into a moot" },
  help: { examples: ["entmootd invite link -group GID"], exits: [0, 1, 2, 3, 5, 6] },
  subCommands: {
    create: async () => (await import("./invite-create.ts")).inviteCreate,
    link: async () => (await import("./invite-link.ts")).inviteLink,
    list: async () => (await import("./invite-list.ts")).inviteList,
    revoke: async () => (await import("./invite-revoke.ts")).inviteRevoke,
  },
});
