import { ControlClient } from "../control/control-client.ts";
import { EntmootError } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { realClock } from "../host/real-clock.ts";
import { type NodeStatus, status } from "../node/operations/daemon.ts";
import type { Operations } from "../node/operations/operation.ts";
import { type VoiceState, voices } from "../node/operations/voices.ts";
import { voiceFolder, voiceKey, voicesOf } from "./voices.ts";

/** Ours. A voice's daemon that takes longer says nothing here; all are asked at once. */
const ANSWER_MS = 2_000;

/** A voice of a data root, as `info` tells of it. */
export interface ReportedVoice {
  readonly name: string;
  readonly folder: string;
  /** `undefined` where its key cannot be read. */
  readonly key: PublicKey | undefined;
  /** As the daemon above keeps it; `undefined` where none does. */
  readonly kept: VoiceState | undefined;
  /** The moots it is in; `undefined` where it does not answer. */
  readonly groups: NodeStatus["groups"] | undefined;
}

/** The voices below a data root, by name. `daemon`: the one of the data root, where it runs. */
export async function reportVoices(dataDir: string, daemon: Operations | undefined): Promise<readonly ReportedVoice[]> {
  const names = voicesOf(dataDir);
  if (names.length === 0) return [];
  const kept = daemon === undefined ? [] : await keptBy(daemon);
  return Promise.all(
    names.map(async (name) => {
      const folder = voiceFolder(dataDir, name);
      const state = kept.find((voice) => voice.name === name);
      const groups = state?.pid === undefined ? undefined : await groupsOf(folder);
      return { name, folder, key: voiceKey(folder), kept: state, groups };
    }),
  );
}

async function keptBy(daemon: Operations): Promise<readonly VoiceState[]> {
  try {
    return (await daemon.call(voices, {}, { timeoutMs: ANSWER_MS })).voices;
  } catch (error) {
    // One of another version keeps none.
    if (error instanceof EntmootError) return [];
    throw error;
  }
}

async function groupsOf(folder: string): Promise<NodeStatus["groups"] | undefined> {
  try {
    await using client = await ControlClient.connect(folder, realClock);
    return (await client?.call(status, {}, { timeoutMs: ANSWER_MS }))?.groups;
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}
