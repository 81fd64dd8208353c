import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { defineCommand } from "../line/command.ts";
import { globalFlags, parseGlobalOptions } from "../line/global-flags.ts";
import { parseMoot } from "../line/moot-argument.ts";

const LABEL = "mcp";

/** Ours. How often it is looked whether the host that started this process is still there. */
const PARENT_EVERY_MS = 5_000;

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
    ],
  },
  args: {
    ...globalFlags,
    group: { type: "string", valueHint: "ID|NAME", description: "only this moot; absent: all" },
    "read-only": { type: "boolean", description: "only tools that look: nothing is published, nothing counts as read" },
  },
  async run({ args }) {
    const options = parseGlobalOptions(args, process.env);
    const only = args.group === undefined ? undefined : await parseMoot(LABEL, args.group, { options });
    await serve(options, { only, readOnly: args["read-only"] === true });
  },
});

interface Narrowed {
  readonly only: GroupId | undefined;
  readonly readOnly: boolean;
}

async function serve(options: GlobalOptions, { only, readOnly }: Narrowed): Promise<void> {
  const [{ serveMcp }, { NodeLink }, { READ_ONLY_TOOLS, TOOLS }, { ControlClient }] = await Promise.all([
    import("../../mcp/server.ts"),
    import("../../mcp/node-link.ts"),
    import("../../mcp/tools/all-tools.ts"),
    import("../../control/control-client.ts"),
  ]);
  const socket = options.agentSocket ?? join(options.dataDir, "agent.sock");
  await using node = new NodeLink(async () => {
    const client = await ControlClient.connectTo(socket, realClock);
    if (client !== undefined) return client;
    const next = "its operator starts it: entmootd serve";
    throw new EntmootError("control_unavailable", `no Entmoot daemon listens on ${socket}; ${next}`);
  });
  const ended = Promise.withResolvers<void>();
  const server = serveMcp({
    tools: readOnly ? READ_ONLY_TOOLS : TOOLS,
    context: { node, clock: realClock, only, nonce: newNonce },
    version: BUILD_INFO.version,
    stdin: process.stdin,
    stdout: process.stdout,
    onError: (error) => printProse(`${LABEL}: ${error.message}`),
  });
  for (const event of ["end", "close"] as const) process.stdin.once(event, ended.resolve);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => ended.resolve());
  process.stdout.once("error", () => ended.resolve());
  using _watch = whenParentIsGone(() => ended.resolve());
  await ended.promise;
  await server.close();
  // Who holds the other end may never close it.
  process.stdin.destroy();
}

/** A host that was killed may leave its end of the pipe to another child of its own. */
function whenParentIsGone(gone: () => void): Disposable {
  const parent = process.ppid;
  let timer: Disposable | undefined;
  const arm = () => {
    timer = realClock.after(PARENT_EVERY_MS, () => (process.ppid === parent ? arm() : gone()));
  };
  arm();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}

function newNonce(): string {
  return crypto.getRandomValues(new Uint8Array(4)).toHex();
}
