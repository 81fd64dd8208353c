import { join } from "node:path";
import { claudeConversation } from "../../agent/claude/claude-session.ts";
import { HostSight } from "../../agent/host-sight.ts";
import { EntmootError } from "../../core/errors.ts";
import { openAgentsSocket } from "../../daemon/open-agents-socket.ts";
import { wakeHost, whenParentIsGone } from "../attach/wake-host.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "monitor";

/** `monitor`: what wakes an agent in Claude Code, said on stdout, where the host's plugin reads it. */
export const monitor = defineCommand({
  meta: { name: LABEL, description: "Say what wakes the agent on stdout, for a plugin of Claude Code" },
  help: {
    examples: ["entmootd monitor", "entmootd monitor -group council"],
    exits: [0, 1, 3, 5],
    notes: [
      "Claude Code starts it, where attach claude installed our plugin: where the session's inbox is closed, or by -door",
      "monitor. Each message that asks the agent is written once, while the session is idle, and the session's own records",
      "say whether it was taken. It holds the agents' socket of the data root (or what ENTMOOT_AGENT_SOCKET names), waits for a",
      "daemon that does not run, and ends when the session is gone.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "ID|NAME", description: "only this moot; absent: all" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    if (claudeConversation(process.env) === undefined) {
      const next = '"entmootd attach claude" has Claude Code start it';
      throw new EntmootError(
        "invalid_argument",
        `${LABEL}: expected to be started by a session of Claude Code; ${next}`,
      );
    }
    const only = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    const socket = options.agentSocket ?? join(options.dataDir, "agent.sock");
    const ending = new AbortController();
    const end = () => ending.abort();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, end);
    process.stdout.once("error", end);
    using _watch = whenParentIsGone(end);
    const parts = { label: LABEL, open: () => openAgentsSocket(socket), only, sight: new HostSight(), say: sayEvent };
    await wakeHost(parts, ending.signal);
  },
});

/** As one piece, for the host takes what comes at once for one event. */
function sayEvent(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error === undefined || error === null ? resolve() : reject(error)));
  });
}
