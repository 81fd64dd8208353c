import { EntmootError } from "../../core/errors.ts";
import { AGENT_PREFIX, NAME_MAX } from "../operations/consumers.ts";
import type { Caller } from "../operations/implementation.ts";

/** Ours. Clients of one moot's mailbox; each is a row of some hundred bytes. */
const CLIENTS_MAX = 4096;
/** Ours. Of these, agents' own: the owner's programs always find room. */
const AGENT_CLIENTS_MAX = 512;

/** How a client that `caller` calls `name` is kept. Throws `invalid_argument` for no name, or too long a one. */
export function clientNameOf(caller: Caller, name: string): string {
  if (name === "") throw new EntmootError("invalid_argument", "client_id: expected a name");
  const bytes = Buffer.byteLength(name);
  if (caller === "agent" && bytes > NAME_MAX) {
    throw new EntmootError("invalid_argument", `client_id: expected at most ${NAME_MAX} bytes, got ${bytes}`);
  }
  return caller === "agent" ? `${AGENT_PREFIX}${name}` : name;
}

/** Throws `conflict` when there is no room for one client more. `countOf`: how many begin so. */
export function checkRoomForClient(caller: Caller, countOf: (prefix: string) => number): void {
  const refuse = (whose: string, max: number) => {
    const next = "forget one that is not used: entmootd call mailbox_forget";
    throw new EntmootError("conflict", `mailbox: a moot has at most ${max} clients${whose}; ${next}`);
  };
  if (countOf("") >= CLIENTS_MAX) refuse("", CLIENTS_MAX);
  if (caller === "agent" && countOf(AGENT_PREFIX) >= AGENT_CLIENTS_MAX) refuse(" of agents", AGENT_CLIENTS_MAX);
}
