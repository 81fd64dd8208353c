import { EntmootError } from "../core/errors.ts";
import { knownHome } from "../host/home-path.ts";
import { findStrayDaemon, type StrayDaemon } from "../host/stray-daemon.ts";
import type { GlobalOptions } from "./options.ts";

/** Says which daemon lives whose data root was moved to this place, or moved or removed from it; `undefined` when none is seen. */
export function astrayText({ dataDir }: Pick<GlobalOptions, "dataDir">): string | undefined {
  const home = knownHome(process.env) ?? "";
  const stray = findStrayDaemon({ procRoot: "/proc", home, dataDir, selfPid: process.pid });
  return stray && textOf(stray, dataDir);
}

/** Throws `already_running` for such a daemon, before anything is made. */
export function requireAtHome(options: Pick<GlobalOptions, "dataDir">): void {
  const text = astrayText(options);
  if (text !== undefined) throw new EntmootError("already_running", text);
}

function textOf({ formerly, now, pid }: StrayDaemon, dataDir: string): string {
  if (now === dataDir) {
    return `process ${pid} holds this data root under its former place ${formerly}, and is reached at neither; move it back, or end it with "kill ${pid}" and start it here`;
  }
  const what =
    now === undefined ? "its files were removed or replaced under it" : `its data root was moved to ${now} under it`;
  return `process ${pid} is the daemon of ${formerly}, but ${what}; put it back, or end it with "kill ${pid}" before anything is made here`;
}
