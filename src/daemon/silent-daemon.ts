import type { ControlClient } from "../control/control-client.ts";
import { durationText } from "../core/amounts.ts";
import { EntmootError } from "../core/errors.ts";
import type { DaemonsSeen } from "../host/daemon-processes.ts";
import type { GlobalOptions } from "./options.ts";

/** Ours. What a daemon has to say what it is, which a busy one does in a part of a second, before it counts as one that hangs. */
const ANSWER_MS = 3_000;
/** Ours. After so long without an answer it is worth a look whether its process is stopped. */
const LOOK_MS = 500;

/** A daemon that accepts connections and says nothing. */
interface Silence {
  readonly reason: string;
  /** Whether it is known that it will not answer until somebody lets it go on. */
  readonly isStopped: boolean;
}

/** Why the daemon does not answer; `undefined` when it does, be it with a refusal. Asks it what it is, and nothing else. */
export async function whySilent(
  client: ControlClient,
  options: GlobalOptions,
  atMostMs = ANSWER_MS,
): Promise<Silence | undefined> {
  const waitMs = Math.min(atMostMs, ANSWER_MS);
  const firstMs = Math.min(waitMs, LOOK_MS);
  if (await client.answers(firstMs)) return undefined;
  const stopped = await whyStopped(options);
  if (stopped !== undefined) return { reason: `the daemon does not answer: ${stopped}`, isStopped: true };
  if (waitMs > firstMs && (await client.answers(waitMs - firstMs))) return undefined;
  const reason = `the daemon does not answer: it accepts connections, and has not said within ${durationText(waitMs)} what it is; see "entmootd env"`;
  return { reason, isStopped: false };
}

/** Throws `control_unavailable` at once when its process is stopped; one that is only slow has the time of its caller. */
export async function refuseStopped(client: ControlClient, options: GlobalOptions, atMostMs = LOOK_MS): Promise<void> {
  const silence = await whySilent(client, options, Math.min(atMostMs, LOOK_MS));
  if (!silence?.isStopped) return;
  await client[Symbol.asyncDispose]();
  throw new EntmootError("control_unavailable", silence.reason);
}

/** Whose process stands behind an agents' socket cannot be told. */
export async function whyStopped(options: GlobalOptions): Promise<string | undefined> {
  if (options.agentSocket !== undefined) return undefined;
  const { ours } = await lookForDaemons(options);
  if (!ours?.stopped) return undefined;
  const { stoppedReason } = await import("../host/runtime-report.ts");
  return stoppedReason(ours.pid);
}

/** The processes that may be the daemon of this data root. Loaded only here: nearly every daemon answers. */
export async function lookForDaemons({ dataDir }: GlobalOptions): Promise<DaemonsSeen> {
  const { findDaemons } = await import("../host/daemon-processes.ts");
  return findDaemons({ procRoot: "/proc", home: process.env.HOME ?? "", dataDir, selfPid: process.pid });
}
