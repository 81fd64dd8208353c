import { defineCommand } from "../line/command.ts";

const OPS = "expected pull, ack, or cursor";

/** `mailbox`: a moot's messages for a program that reads each until it has acknowledged it. */
export const mailbox = defineCommand({
  meta: { name: "mailbox", description: "Read a moot's messages until they are acknowledged, as a named client" },
  help: {
    examples: ["entmootd mailbox pull -client bot", "entmootd mailbox ack -client bot -message MESSAGE_ID"],
    exits: [0, 1, 3, 5, 6],
    ops: { missing: `mailbox: ${OPS}`, unknown: (op) => `mailbox: unknown subcommand ${op}; ${OPS}` },
  },
  subCommands: {
    pull: async () => (await import("./mailbox-pull.ts")).mailboxPull,
    ack: async () => (await import("./mailbox-ack.ts")).mailboxAck,
    cursor: async () => (await import("./mailbox-cursor.ts")).mailboxCursor,
  },
});
