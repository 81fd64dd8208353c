import { join } from "node:path";
import type { GroupId } from "../../core/ids.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { printProse } from "../../host/print.ts";
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

/** What a node says wakes nobody of its own, and where it is no member it says nothing. */
export function isToBeTested({ isTested, voice }: AttachAsked, { isSpokenTo }: AttachedAs): boolean {
  return isTested && voice !== undefined && isSpokenTo;
}

/** The voice that was asked for, made where there is none; or this node. */
export async function attachedAs(
  options: GlobalOptions,
  daemon: Operations,
  { groupId, link, voice }: AttachAsked,
): Promise<AttachedAs> {
  const { dataDir } = options;
  if (voice === undefined) return { dataDir, agentSocket: join(dataDir, "agent.sock"), groupId, isSpokenTo: true };
  printProse(`attach: voice ${voice} starts and joins`);
  const added = await daemon.call(voice_add, { name: voice, group_id: groupId, link });
  const { groups } = await daemon.call(status, {});
  const isSpokenTo = groups.some(({ group_id, local_member }) => group_id === added.group_id && local_member);
  return { dataDir: added.data_dir, agentSocket: added.agent_socket, groupId: added.group_id, isSpokenTo };
}
