import { whoAnswers } from "../control/who-answers.ts";
import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { realClock } from "../host/real-clock.ts";
import { DataRootLock } from "../store/lock.ts";
import { usersOfOriginal } from "../store/original/in-use.ts";
import { pause } from "../transport/wait.ts";
import { requireAtHome } from "./daemon-astray.ts";
import type { GlobalOptions } from "./options.ts";

/** Ours. How long somebody who has the original's files open may take to be done: a command that looks needs no more. */
const LOOKING_MS = 1_000;
const LOOK_EVERY_MS = 100;

/**
 * Throws `already_running`, before anything is made or changed, when somebody else is at home in the data root: whoever
 * answers on one of the sockets that are to be ours, or has the original's files open, and a daemon of ours whose data root went to or from this place under it. One at home here
 * is left for its lock to tell.
 */
export async function requireFree(options: GlobalOptions, sockets: readonly string[]): Promise<void> {
  const { dataDir } = options;
  if (DataRootLock.holder(dataDir) !== undefined) {
    requireAtHome(options);
    return;
  }
  for (const path of sockets) {
    const who = await whoAnswers(path, realClock);
    if (who === undefined) continue;
    throw new EntmootError(
      "already_running",
      `socket ${path} is in use by ${who}; it and this data root are left as they are: use that program, end it first, or choose another place`,
    );
  }
  requireAtHome(options);
  await requireUnused(dataDir);
}

/** Throws `already_running` when a process has the original's files in the data root open and keeps them so. */
export async function requireUnused(dataDir: string): Promise<void> {
  const giveUpAt = later(realClock.steady(), LOOKING_MS);
  let [user] = usersOfOriginal(dataDir);
  while (user !== undefined && realClock.steady() < giveUpAt) {
    await pause(realClock, LOOK_EVERY_MS);
    [user] = usersOfOriginal(dataDir);
  }
  if (user === undefined) return;
  throw new EntmootError(
    "already_running",
    `process ${user.pid}${user.name === "" ? "" : ` (${user.name})`} has ${user.path} open, as the original does while it runs; end it first, for two programs at one data root do not see each other's messages`,
  );
}
