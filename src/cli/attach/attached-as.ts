import { join } from "node:path";
import { ControlClient } from "../../control/control-client.ts";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { voiceFolder } from "../../daemon/voices.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { status } from "../../node/operations/daemon.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { voice_add } from "../../node/operations/voices.ts";

export interface AttachAsked {
  readonly groupId: GroupId | undefined;
  readonly link: string | undefined;
  /** `undefined`: this node itself speaks. */
  readonly voice: string | undefined;
  /** Whether a test message is published. */
  readonly isTested: boolean;
}

/** Who an agent speaks as, and where it is let in. */
export interface AttachedAs {
  readonly dataDir: string;
  readonly agentSocket: string;
  readonly groupId: GroupId | undefined;
  /** Whether this node may speak there, so that it can say the test. */
  readonly isSpokenTo: boolean;
}

/**
 * Where the test is said: in the voice's moot; where this node is no member of it, in the local moot, which the voice joins for that.
 * `undefined`: nowhere. What a node says wakes nobody of its own.
 */
export async function testedIn(
  daemon: Operations,
  { isTested, voice }: AttachAsked,
  { groupId, isSpokenTo }: AttachedAs,
): Promise<GroupId | undefined> {
  if (!isTested || voice === undefined) return undefined;
  if (groupId === undefined || isSpokenTo) return groupId;
  const local = await daemon.call(voice_add, { name: voice, group_id: undefined, link: undefined });
  printProse(`attach: this node is no member of that moot: the test goes by the local moot, which ${voice} is in too`);
  return local.group_id;
}

/** The voice that was asked for, made where there is none; or this node. */
export async function attachedAs(
  options: GlobalOptions,
  daemon: Operations,
  { groupId, link, voice }: AttachAsked,
): Promise<AttachedAs> {
  const { dataDir } = options;
  if (voice === undefined) return { dataDir, agentSocket: join(dataDir, "agent.sock"), groupId, isSpokenTo: true };
  const before = await mootsOfVoice(voiceFolder(dataDir, voice));
  if (before === undefined) printProse(`attach: voice ${voice} starts`);
  const added = await daemon.call(voice_add, { name: voice, group_id: groupId, link });
  const wasMember = added.group_id !== undefined && before?.includes(added.group_id) === true;
  printProse(`attach: voice ${voice} ${wasMember ? "runs and is a member already" : "is a member now"}`);
  const { groups } = await daemon.call(status, {});
  const isSpokenTo = groups.some(({ group_id, local_member }) => group_id === added.group_id && local_member);
  return { dataDir: added.data_dir, agentSocket: added.agent_socket, groupId: added.group_id, isSpokenTo };
}

/** Those that it is a member of; `undefined` where it does not run. */
async function mootsOfVoice(folder: string): Promise<readonly GroupId[] | undefined> {
  await using client = await ControlClient.connect(folder, realClock).catch(() => undefined);
  const told = await client?.call(status, {}).catch(() => undefined);
  return told?.groups.filter(({ local_member }) => local_member).map(({ group_id }) => group_id);
}
