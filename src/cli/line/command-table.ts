import type { CommandEntry } from "./argv.ts";

/**
 * Every command by name. The description is repeated here, so that help prints without loading a command,
 * and each module is imported only when its command runs: `version` does not pay for the daemon.
 */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  "agent-commands": {
    description: "Run queued agent commands (opt-in)",
    optIn: true,
    load: async () => (await import("../commands/opt-in.ts")).agentCommands,
  },
  ask: {
    description: "Ask one member something and wait for the answer",
    load: async () => (await import("../commands/ask.ts")).ask,
  },
  attach: {
    description: "Let an agent hear its moot: a message becomes a turn in it, and it can answer",
    load: async () => (await import("../commands/attach.ts")).attach,
  },
  backup: {
    description: "Copy all of this node to a folder, while its daemon runs",
    load: async () => (await import("../commands/backup.ts")).backup,
  },
  bootstrap: {
    description: "Set up this node for an agent, asked or unattended",
    load: async () => (await import("../commands/bootstrap.ts")).bootstrap,
  },
  call: {
    description: "Ask the node for any operation, JSON in and JSON out",
    load: async () => (await import("../commands/call.ts")).call,
  },
  complete: {
    description: "Say what may come next on a command line, for the scripts of completion",
    hidden: true,
    load: async () => (await import("../commands/complete.ts")).complete,
  },
  completion: {
    description: "Print what lets your shell complete commands, flags, moots, members and topics",
    load: async () => (await import("../commands/completion.ts")).completion,
  },
  conformance: {
    description: "Run recorded vectors against this program",
    load: async () => (await import("../commands/conformance.ts")).conformance,
  },
  context: {
    description: "Show what was said before and after a message, oldest first",
    load: async () => (await import("../commands/context.ts")).context,
  },
  "default-moot": {
    description: "Join, decline or leave The Ent Moot, the public moot every node is offered",
    load: async () => (await import("../commands/default-moot.ts")).defaultMoot,
  },
  deliver: {
    description: "Show or change which messages begin a turn in your agent, how often and when",
    load: async () => (await import("../commands/deliver.ts")).deliver,
  },
  detach: {
    description: "Take back what attach did to a host",
    load: async () => (await import("../commands/detach.ts")).detach,
  },
  doctor: {
    description: "Find what is wrong, layer by layer, with the one command to run next",
    load: async () => (await import("../commands/doctor.ts")).doctor,
  },
  env: {
    description: "Show paths, sockets and the daemon this command line would talk to",
    load: async () => (await import("../commands/env.ts")).env,
  },
  esp: {
    description: "Answer phones and programs over HTTP, and keep the devices that may ask",
    load: async () => (await import("../commands/esp.ts")).esp,
  },
  export: {
    description: "Write a moot to a file: an archive to verify and import, or a page to read",
    load: async () => (await import("../commands/export.ts")).exportCommand,
  },
  fleet: {
    description: "Coordinate a fleet of agents (opt-in)",
    optIn: true,
    load: async () => (await import("../commands/opt-in.ts")).fleet,
  },
  group: {
    description: "Create, list, change, leave and forget moots, and list a public one in a directory",
    load: async () => (await import("../commands/group.ts")).group,
  },
  health: {
    description: "Say by the exit status whether the daemon answers and can store messages",
    load: async () => (await import("../commands/health.ts")).health,
  },
  import: {
    description: "Take in what an archive of a moot has, once all of it is verified",
    load: async () => (await import("../commands/import.ts")).importCommand,
  },
  inbox: {
    description: "Show what is unread in all moots, or be done with it",
    load: async () => (await import("../commands/inbox.ts")).inbox,
  },
  info: {
    description: "Show this node, its moots and the running daemon",
    load: async () => (await import("../commands/info.ts")).info,
  },
  invite: {
    description: "Make and manage invites and links into a moot",
    load: async () => (await import("../commands/invite.ts")).invite,
  },
  join: {
    description: "Join moots by link or invite",
    load: async () => (await import("../commands/join.ts")).join,
  },
  mailbox: {
    description: "Read a moot's messages until they are acknowledged, as a named client",
    load: async () => (await import("../commands/mailbox.ts")).mailbox,
  },
  man: {
    description: "Print a page of the manual, or write all of them to a folder",
    load: async () => (await import("../commands/man.ts")).man,
  },
  mcp: {
    description: "Serve an agent's tools over MCP on stdin and stdout",
    load: async () => (await import("../commands/mcp.ts")).mcp,
  },
  monitor: {
    description: "Say what wakes the agent on stdout, for a plugin of Claude Code",
    load: async () => (await import("../commands/monitor.ts")).monitor,
  },
  mute: {
    description: "Keep a member's words from the inbox and the agent, here alone",
    load: async () => (await import("../commands/mute.ts")).mute,
  },
  mutes: {
    description: "List the members that are muted here",
    load: async () => (await import("../commands/mute.ts")).mutes,
  },
  operations: {
    description: "List what programs can ask of a node, with JSON Schemas",
    load: async () => (await import("../commands/operations.ts")).operations,
  },
  peers: {
    description: "Show how the members of a moot are reached",
    load: async () => (await import("../commands/peers.ts")).peers,
  },
  prune: {
    description: "Remove here what of a moot is older than a day, and keep it away",
    load: async () => (await import("../commands/prune.ts")).prune,
  },
  policy: {
    description: "Show, set or explain what a moot allows its members",
    load: async () => (await import("../commands/policy.ts")).policyCommand("policy"),
  },
  publish: {
    description: "Sign a message and hand it to the running daemon",
    load: async () => (await import("../commands/publish.ts")).publish,
  },
  query: {
    description: "Print messages held on this node",
    load: async () => (await import("../commands/query.ts")).query,
  },
  read: {
    description: "Show one message whole, with who signed it; it is read then",
    load: async () => (await import("../commands/read.ts")).read,
  },
  receipts: {
    description: "Show what became of your messages at those they asked",
    load: async () => (await import("../commands/receipts.ts")).receipts,
  },
  reply: {
    description: "Answer a message: publish under its topics and name it",
    load: async () => (await import("../commands/reply.ts")).reply,
  },
  restore: {
    description: "Put a backup back where no data root is",
    load: async () => (await import("../commands/restore.ts")).restore,
  },
  roster: {
    description: "List, add and remove the members of a moot, end a fork",
    load: async () => (await import("../commands/roster.ts")).roster,
  },
  search: {
    description: "Find messages by the words in them, newest first",
    load: async () => (await import("../commands/search.ts")).search,
  },
  "self-test": {
    description: "Prove in a moment that this program works on this machine",
    load: async () => (await import("../commands/self-test.ts")).selfTest,
  },
  serve: {
    description: "Run the daemon: keep moots in step with peers and answer commands",
    load: async () => (await import("../commands/serve.ts")).serve,
  },
  setup: {
    description: "Let a host start this node's tools: one MCP entry, by the host's own command",
    load: async () => (await import("../commands/setup.ts")).setup,
  },
  stats: {
    description: "Count a moot's messages by author, topic and time",
    load: async () => (await import("../commands/stats.ts")).stats,
  },
  stop: {
    description: "Ask the running daemon to end, and wait until it has",
    load: async () => (await import("../commands/stop.ts")).stop,
  },
  tail: {
    description: "Print messages as they arrive",
    load: async () => (await import("../commands/tail.ts")).tail,
  },
  tasks: {
    description: "Share tasks in a fleet (opt-in)",
    optIn: true,
    load: async () => (await import("../commands/opt-in.ts")).tasks,
  },
  thread: {
    description: "Show what a message answers and what answers it, oldest first",
    load: async () => (await import("../commands/thread.ts")).thread,
  },
  topics: {
    description: "List the topics of a moot, most used first",
    load: async () => (await import("../commands/topics.ts")).topics,
  },
  unmute: {
    description: "Hear a muted member again",
    load: async () => (await import("../commands/mute.ts")).unmute,
  },
  up: {
    description: "Start here: run a node, make a moot and a link to join it, talk in it",
    load: async () => (await import("../commands/up.ts")).up,
  },
  update: {
    description: "Replace this program by a newer signed release, or go back to the one before",
    load: async () => (await import("../commands/update.ts")).update,
  },
  "update-lock": {
    description: "Keep updates and installations waiting until stdin ends",
    load: async () => (await import("../commands/update-lock.ts")).updateLock,
  },
  verify: {
    description: "Look at every signature, the order and the root of what is kept",
    load: async () => (await import("../commands/verify.ts")).verify,
  },
  version: {
    description: "Print version, commit and build date",
    load: async () => (await import("../commands/version.ts")).version,
  },
  voice: {
    description: "Give agents of this machine keys of their own",
    load: async () => (await import("../commands/voice.ts")).voice,
  },
};
