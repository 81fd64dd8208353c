import { EntmootError } from "../core/errors.ts";
import type { GlobalOptions } from "./options.ts";

/** For what needs the data root itself. Throws `forbidden` where an agents' socket is all that was given. */
export function requireOwner({ agentSocket }: GlobalOptions, command: string): void {
  if (agentSocket === undefined) return;
  throw new EntmootError(
    "forbidden",
    `${command}: ENTMOOT_AGENT_SOCKET names ${agentSocket}, over which an agent reads and publishes and nothing else; unset it to do this as the owner`,
  );
}
