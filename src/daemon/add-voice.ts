import { basename, join } from "node:path";
import { ControlClient } from "../control/control-client.ts";
import { type Clock, later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { createIdentity } from "../host/identity-file.ts";
import { status } from "../node/operations/daemon.ts";
import { join as joinOperation, link_create } from "../node/operations/invites.ts";
import { group_create } from "../node/operations/moots.ts";
import type { Operations } from "../node/operations/operation.ts";
import type { NodeStore } from "../store/node-store.ts";
import { createPrivateDirectory } from "../store/private-files.ts";
import { SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import { pause } from "../transport/wait.ts";
import { newIdentity } from "./new-identity.ts";
import { nodeName } from "./node-name.ts";

/** Setting of the data root: the moot in which the agents of this machine meet. */
const LOCAL_MOOT_SETTING = "local_moot";
const LOCAL_MOOT_NAME = "local";

/** Ours. A voice's daemon has so long to answer, and so long to join; its link is good a little longer. */
const START_MS = 30_000;
const JOIN_MS = 60_000;
const LINK_MS = 600_000;
const LOOK_EVERY_MS = 50;

/** Makes the data root of a voice, with a key and a name, unless it is there. Before its daemon starts. */
export async function makeVoiceRoot(folder: string, name: string): Promise<void> {
  createPrivateDirectory(folder);
  const path = join(folder, "identity.json");
  const fresh = await newIdentity(path);
  if (fresh === undefined) return;
  {
    using root = SqliteDataRoot.open(folder, "write");
    nodeName(name, root.node);
  }
  // Last: what has a key is a voice.
  createIdentity(path, fresh);
}

/** The local moot of a data root, founded where there is none. */
export async function localMoot(node: Operations, settings: NodeStore): Promise<GroupId> {
  const { groups } = await node.call(status, {});
  const kept = keptMoot(settings);
  if (groups.some(({ founder, group_id }) => group_id === kept && founder)) return kept!;
  const created = await node.call(group_create, {
    name: LOCAL_MOOT_NAME,
    description: "the agents of this machine",
    visibility: "private",
    join_mode: "invite_only",
  });
  settings.setSetting(LOCAL_MOOT_SETTING, JSON.stringify(GroupId.toBase64(created.group_id)));
  return created.group_id;
}

function keptMoot(settings: NodeStore): GroupId | undefined {
  const kept = settings.getSetting(LOCAL_MOOT_SETTING);
  if (kept === undefined) return undefined;
  try {
    return GroupId.fromBytes(Uint8Array.fromBase64(String(JSON.parse(kept))));
  } catch {
    // Somebody else wrote it: a new one is founded.
    return undefined;
  }
}

/** A link by which one voice may join a moot of this node. Throws as `link_create`, saying what to give where this node may not. */
export async function linkInto(node: Operations, groupId: GroupId): Promise<string> {
  try {
    const { link } = await node.call(link_create, { group_id: groupId, uses: 1, valid_for_ms: LINK_MS });
    return link;
  } catch (cause) {
    if (!(cause instanceof EntmootError && cause.code === "not_member")) throw cause;
    throw new EntmootError(cause.code, `${cause.message}; have its founder make a link, and give that with -link`, {
      cause,
    });
  }
}

/** Lets a voice join by `link` once its daemon answers, unless it is in `groupId` already. Gives the moot it is in. Throws as `join`. */
export async function letJoin(
  folder: string,
  {
    clock,
    groupId,
    link,
    signal,
  }: { clock: Clock; groupId: GroupId | undefined; link: () => Promise<string>; signal: AbortSignal },
): Promise<GroupId> {
  await using voice = await connectVoice(folder, clock, signal);
  const { groups } = await voice.call(status, {}, { signal });
  if (groupId !== undefined && groups.some(({ group_id, local_member }) => group_id === groupId && local_member))
    return groupId;
  try {
    const asked = { input: await link(), timeout_ms: JOIN_MS };
    const { group_id } = await voice.call(joinOperation, asked, { signal, timeoutMs: JOIN_MS + 10_000 });
    return group_id;
  } catch (cause) {
    const wasMember = groups.some(({ group_id }) => group_id === groupId);
    if (!(cause instanceof EntmootError && cause.code === "not_member" && wasMember)) throw cause;
    const next = `a voice of another name has another key, and so has ${basename(folder)} after "entmootd voice remove ${basename(folder)}"`;
    throw new EntmootError(cause.code, `${cause.message}; ${next}`, { cause });
  }
}

async function connectVoice(folder: string, clock: Clock, signal: AbortSignal): Promise<ControlClient> {
  const giveUpAt = later(clock.steady(), START_MS);
  while (clock.steady() < giveUpAt && !signal.aborted) {
    const client = await ControlClient.connect(folder, clock).catch(() => undefined);
    if (client !== undefined) return client;
    await pause(clock, LOOK_EVERY_MS, signal);
  }
  throw new EntmootError("timeout", `voice: its daemon on ${folder} does not answer; the log of this daemon says why`);
}
