import { EntmootError } from "../../core/errors.ts";
import { parseNodeName } from "../../daemon/node-name.ts";
import { absolutePath, homeFolder } from "../../host/home-path.ts";
import type { FlagDef } from "./command.ts";

/** Flags of every command that can become the daemon. Commands spread them into `args`. */
export const daemonFlags = {
  hostname: {
    type: "string",
    valueHint: "NAME",
    defaultHint: "as last time",
    description: "name shown to other members",
  },
  "agent-socket": {
    type: "string",
    valueHint: "FILE",
    defaultHint: "<data>/agent.sock",
    description: "where agents are let in, who may read, publish, wait and acknowledge",
  },
} as const satisfies Record<string, FlagDef>;

/** Ours. No system opens a longer path; PATH_MAX on Linux. */
const SOCKET_PATH_MAX = 4096;

/** What the flags say of the daemon to start. Throws `invalid_argument`. */
export function parseDaemonFlags(
  label: string,
  args: { readonly [Name in keyof typeof daemonFlags]?: string | undefined },
): { readonly hostname: string | undefined; readonly agentSocket: string | undefined } {
  // Here already, so that nothing has been made or started by then.
  const hostname = args.hostname === undefined ? undefined : parseNodeName(args.hostname);
  return { hostname, agentSocket: socketPath(label, args["agent-socket"]) };
}

function socketPath(label: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text === "" || text.length > SOCKET_PATH_MAX) {
    throw new EntmootError(
      "invalid_argument",
      `${label}: -agent-socket: expected a path of 1 to ${SOCKET_PATH_MAX} characters, got ${text.length}`,
    );
  }
  return absolutePath(text, () => homeFolder(process.env));
}
