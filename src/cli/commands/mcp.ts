import { join } from "node:path";
import { newNonce } from "../../agent/new-nonce.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { wakeHost, whenParentIsGone } from "../attach/wake-host.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "mcp";

/** `mcp`: the tools by which an agent takes part, for a host that starts MCP servers. */
export const mcp = defineCommand({
  meta: { name: LABEL, description: "Serve an agent's tools over MCP on stdin and stdout" },
  help: {
    examples: [
      "entmootd mcp",
      "entmootd mcp -group council",
      "entmootd mcp -read-only",
      "claude mcp add entmoot -- entmootd mcp",
    ],
    exits: [0, 1, 3, 5],
    notes: [
      "A host starts it; nothing but JSON-RPC is written to stdout. It speaks revision 2026-07-28 and those before it by their",
      "handshake. It holds the agents' socket of the data root (<data>/agent.sock, or what ENTMOOT_AGENT_SOCKET names), so it can",
      "read, publish, wait and acknowledge, and nothing of the owner's. While no daemon runs each tool says so; it need not be",
      "started again when the daemon was. It ends when its host closes stdin or is gone.",
      "With -channel it speaks the older handshake alone, as Claude Code wants of channels, which has to be started with",
      "--dangerously-load-development-channels server:entmoot; what goes that way is uncertain ever after, and waits in the inbox.",
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "ID|NAME", description: "only this moot; absent: all" },
    wake: {
      type: "boolean",
      default: true,
      description: "messages begin turns in the host, where it has a way; -wake=false: tools alone",
    },
    channel: {
      type: "boolean",
      description: "Claude Code alone: by its channels in place of its inbox; nothing tells whether it took what comes",
    },
    "read-only": { type: "boolean", description: "only tools that look: nothing is published, nothing counts as read" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const only = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    const readOnly = args["read-only"] === true;
    const isChannel = args.channel === true;
    const wakes = !readOnly && args.wake !== false;
    if (isChannel && !wakes) {
      const text = `${LABEL}: -channel begins turns in the host, and -${readOnly ? "read-only" : "wake=false"} says that nothing does; give one of them`;
      throw new EntmootError("invalid_argument", text);
    }
    await serve(options, { only, readOnly, wakes, isChannel });
  },
});

interface Narrowed {
  readonly only: GroupId | undefined;
  readonly readOnly: boolean;
  /** Whether messages begin turns in the host, where there is a way. */
  readonly wakes: boolean;
  /** Whether they do so by a channel of Claude Code. */
  readonly isChannel: boolean;
}

async function serve(options: GlobalOptions, { isChannel, only, readOnly, wakes }: Narrowed): Promise<void> {
  const [{ HostSight }, { serveMcp }, { NodeLink }, { READ_ONLY_TOOLS, TOOLS }, { openAgentsSocket }] =
    await Promise.all([
      import("../../agent/host-sight.ts"),
      import("../../mcp/server.ts"),
      import("../../mcp/node-link.ts"),
      import("../../mcp/tools/all-tools.ts"),
      import("../../daemon/open-agents-socket.ts"),
    ]);
  const socket = options.agentSocket ?? join(options.dataDir, "agent.sock");
  const open = () => openAgentsSocket(socket);
  await using node = new NodeLink(open);
  const ended = Promise.withResolvers<void>();
  const sight = new HostSight();
  const server = serveMcp({
    tools: readOnly ? READ_ONLY_TOOLS : TOOLS,
    context: { node, clock: realClock, only, nonce: newNonce },
    version: BUILD_INFO.version,
    isChannel,
    stdin: process.stdin,
    stdout: process.stdout,
    onHost: (seen) => sight.note(seen),
    onError: (error) => printProse(`${LABEL}: ${error.message}`),
  });
  for (const event of ["end", "close"] as const) process.stdin.once(event, ended.resolve);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ended.resolve());
  process.stdout.once("error", () => ended.resolve());
  using _watch = whenParentIsGone(() => ended.resolve());
  const ending = new AbortController();
  const channel = isChannel ? server.push : undefined;
  if (wakes) void wakeHost({ label: LABEL, channel, open, only, sight }, ending.signal);
  await ended.promise;
  ending.abort();
  await server.close();
  // Who holds the other end may never close it.
  process.stdin.destroy();
}
