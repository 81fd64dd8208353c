import { ControlClient } from "../../control/control-client.ts";
import { EntmootError } from "../../core/errors.ts";
import { realClock } from "../../host/real-clock.ts";
import type { Unreachable } from "../../node/doctor/diagnoses.ts";
import { examine } from "../../node/doctor/examine.ts";
import { doctor, type Examined } from "../../node/operations/diagnosis.ts";
import type { Operations, RequestOf } from "../../node/operations/operation.ts";

export interface Answered {
  readonly examined: Examined;
  /** A daemon of an earlier version, which was asked for the parts instead. */
  readonly isOld: boolean;
}

/**
 * The examination of `node`, whichever it is: a daemon, one that knows no such operation, or the files, with why no daemon
 * is asked. Throws `group_not_found`.
 */
export async function askDoctor(
  node: Operations,
  request: RequestOf<typeof doctor>,
  offline: Unreachable = { diagnosis: "daemon_down" },
): Promise<Answered> {
  if (!(node instanceof ControlClient)) {
    const how = { clock: realClock, offline };
    return { examined: await examine(node, request, how), isOld: false };
  }
  try {
    return { examined: await node.call(doctor, request), isOld: false };
  } catch (error) {
    if (!(error instanceof EntmootError && error.code === "unknown_frame")) throw error;
    return { examined: await examine(node, request, { clock: realClock }), isOld: true };
  }
}
