import type { PushToChannel } from "../../agent/claude/channel-door.ts";
import type { SayEvent } from "../../agent/claude/monitor-door.ts";
import type { HostSight } from "../../agent/host-sight.ts";
import { newNonce } from "../../agent/new-nonce.ts";
import { textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { BUILD_INFO } from "../../host/build-info.ts";
import { createLog } from "../../host/log.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import type { Operations } from "../../node/operations/operation.ts";

/** Ours. How often it is looked whether the host that started this process is still there. */
const PARENT_EVERY_MS = 5_000;

export interface WakingParts {
  /** The command that does it, as it names itself where it fails. */
  readonly label: string;
  readonly open: () => Promise<Operations>;
  /** `undefined`: all moots. */
  readonly only: GroupId | undefined;
  readonly sight: HostSight;
  readonly channel?: PushToChannel | undefined;
  readonly say?: SayEvent;
}

/** Messages begin turns in the host that started this process, where it has a way in, until `signal` aborts. */
export async function wakeHost({ label, only, open, ...ways }: WakingParts, signal: AbortSignal): Promise<void> {
  const [{ hostDoors }, { runBridge }] = await Promise.all([
    import("../../agent/host-door.ts"),
    import("../../agent/bridge.ts"),
  ]);
  const log = createLog("warn");
  const { version } = BUILD_INFO;
  const parts = { ...ways, env: process.env, clock: realClock, log, cwd: process.cwd(), version };
  try {
    for await (const { agent, door, host, instance, until, ways: answers } of hostDoors(parts, signal)) {
      const listen = { agent, host, instance, group_id: only, can_wake: true };
      await runBridge({ open, door, clock: realClock, log, listen, ways: answers, nonce: newNonce }, until);
    }
  } catch (error) {
    printProse(`${label}: messages no longer begin turns here: ${textOf(error)}`);
  }
}

/** A host that was killed may leave its end of the pipe to another child of its own. */
export function whenParentIsGone(gone: () => void): Disposable {
  const parent = process.ppid;
  let timer: Disposable | undefined;
  const arm = () => {
    timer = realClock.after(PARENT_EVERY_MS, () => (process.ppid === parent ? arm() : gone()));
  };
  arm();
  return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
}
