import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { status, version } from "../node/operations/daemon.ts";
import { isSeenFrom } from "../store/process-place.ts";
import { ControlClient } from "./control-client.ts";
import { dial } from "./dial.ts";

/** Ours. How long whoever answers has to say who it is. */
const SAY_MS = 2_000;

/**
 * Who answers on the Unix socket `path`, for people, as a sentence's subject; `undefined` when nobody listens there. A
 * socket that is busy, or not for us to use, is somebody's as much as one that answers. Throws as `dial` for what is nobody's.
 */
export async function whoAnswers(path: string, clock: Clock): Promise<string | undefined> {
  try {
    const stream = await dial(path, clock);
    if (stream === undefined) return undefined;
    stream.destroy();
  } catch (error) {
    // A path that no socket can have, or no descriptor left, says nothing of anybody.
    if (error instanceof EntmootError && error.code !== "control_unavailable") throw error;
    return `somebody who cannot be asked (${textOf(error)})`;
  }
  try {
    await using client = await ControlClient.connectTo(path, clock);
    return client && (await saidBy(client));
  } catch {
    return "another program, which does not say what it is";
  }
}

async function saidBy(client: ControlClient): Promise<string> {
  const options = { timeoutMs: SAY_MS };
  if (await client.isOriginal(SAY_MS)) {
    const info = await client.originalInfo(SAY_MS).catch(() => undefined);
    if (info === undefined) return "a program that says neither what the original's daemon says nor what ours does";
    return `the original's daemon of node ${info.pilot_node_id}, whose data root is ${info.data_dir}`;
  }
  const { pid, version: name } = await client.call(version, {}, options);
  const { data_dir, place } = await client.call(status, {}, options);
  const where = data_dir === "" ? "its agents' socket" : `its data root is ${data_dir}`;
  return `entmootd ${name}${pid === 0 || !isSeenFrom(place) ? "" : ` (process ${pid})`}; ${where}`;
}
