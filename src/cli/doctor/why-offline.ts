import { silenceOf } from "../../daemon/open-operations.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { lookForDaemons } from "../../daemon/silent-daemon.ts";
import type { Unreachable } from "../../node/doctor/diagnoses.ts";
import { whyHeld } from "../../store/backup/restored-mark.ts";

/** Why nobody is reached from here, where no daemon answered who looked with these options. */
export async function whyOffline(options: GlobalOptions): Promise<Unreachable> {
  const { ours } = await lookForDaemons(options);
  if (ours?.stopped) return { diagnosis: "daemon_stopped", pid: String(ours.pid) };
  if (silenceOf(options) !== undefined) return { diagnosis: "daemon_silent" };
  return { diagnosis: whyHeld(options.dataDir) === undefined ? "daemon_down" : "daemon_held" };
}
