import { ControlClient } from "../control/control-client.ts";
import { EntmootError } from "../core/errors.ts";
import { realClock } from "../host/real-clock.ts";

/** The daemon behind an agents' socket. Throws `control_unavailable` with the next step where none listens. */
export async function openAgentsSocket(socket: string): Promise<ControlClient> {
  const client = await ControlClient.connectTo(socket, realClock);
  if (client !== undefined) return client;
  const next = "its operator starts it: entmootd serve";
  throw new EntmootError("control_unavailable", `no Entmoot daemon listens on ${socket}; ${next}`);
}
