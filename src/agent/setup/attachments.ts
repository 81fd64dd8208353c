import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { type Clock, later } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { replaceFile } from "../../files/guarded-files.ts";
import { FileLock } from "../../store/lock.ts";
import { pause } from "../../transport/wait.ts";
import { fileBytes } from "./entry-file.ts";
import type { HostPlaces, HostSetup } from "./host-setup.ts";

/** Below the data root: what was set up for which host, and what takes it back. */
const FILE = "attachments.json";
/** Held while a host is set up or taken back. */
const LOCK_FILE = "attachments.lock";
/** Ours. A host's own command, twice, with a voice that joins in between. */
const LOCK_WAIT_MS = 180_000;
const LOCK_LOOK_MS = 100;
/** Ours. A host for each of as many project folders as a person works in. */
const ATTACHMENTS_MAX = 256;

/** What stands for the host of a program that runs in a terminal of ours. */
export const TERMINAL = "terminal";

const text = v.pipe(v.string(), v.maxLength(16 * 1024));
const changed = v.object({
  path: text,
  before: v.optional(v.string()),
  after: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  folders: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(64))),
});
const attachment = v.object({
  host: text,
  project: text,
  entry: text,
  version: text,
  voice: v.optional(text),
  data_dir: text,
  group_id: v.optional(text),
  at_ms: v.number(),
  files: v.pipe(v.array(changed), v.maxLength(16)),
  /** By which door, where it is not the host's first one. */
  door: v.optional(text),
  test: v.optional(v.object({ group_id: text, message_id: text })),
});
const whole = v.object({ attachments: v.pipe(v.array(attachment), v.maxLength(ATTACHMENTS_MAX)) });

/** A host that was set up. */
export type Attachment = v.InferOutput<typeof attachment>;

/** Throws `data_root_invalid` for a file that is something else. */
export function readAttachments(dataDir: string): readonly Attachment[] {
  const path = join(dataDir, FILE);
  const bytes = fileBytes(path);
  if (bytes === undefined) return [];
  try {
    return v.parse(whole, JSON.parse(new TextDecoder().decode(bytes))).attachments;
  } catch (cause) {
    throw new EntmootError(
      "data_root_invalid",
      `${path}: expected what attach wrote, found something else (${textOf(cause)}); move it away`,
      { cause },
    );
  }
}

/** What `setup` was attached as in the folder of `places`, or for all folders where it has no settings of that one; `undefined` where it was not. */
export function attachmentHere(
  attachments: readonly Attachment[],
  setup: Pick<HostSetup, "host" | "isPerProject">,
  places: HostPlaces,
): Attachment | undefined {
  const all = attachments.filter(({ host }) => host === setup.host);
  const here = all.find(({ project }) => project === places.project);
  if (here !== undefined || setup.isPerProject(places)) return here;
  return all.find(({ project }) => !setup.isPerProject({ ...places, project }));
}

/** Two that set up at once would each go back to what the other one did. Throws `conflict` while another one does for three minutes. */
export async function holdAttachments(dataDir: string, clock: Clock): Promise<Disposable> {
  // Nothing is attached to what is not there.
  if (!existsSync(dataDir)) return { [Symbol.dispose]: () => {} };
  const giveUpAt = later(clock.steady(), LOCK_WAIT_MS);
  for (;;) {
    const lock = FileLock.tryAcquire(join(dataDir, LOCK_FILE), 0);
    if (lock !== undefined) return lock;
    if (clock.steady() >= giveUpAt) {
      throw new EntmootError("conflict", "another attach or detach is under way; try again when it has ended");
    }
    await pause(clock, LOCK_LOOK_MS);
  }
}

/** In place of the one for the same host and folder. Throws `conflict` when there are too many. */
export function keepAttachment(dataDir: string, kept: Attachment): void {
  write(dataDir, [...readAttachments(dataDir).filter((each) => !isSame(each, kept)), kept]);
}

export function forgetAttachment(dataDir: string, gone: Attachment): void {
  write(
    dataDir,
    readAttachments(dataDir).filter((each) => !isSame(each, gone)),
  );
}

/** Whether one takes the place of the other. */
export function isSame(one: Attachment, other: Attachment): boolean {
  // Several programs run in terminals of one folder, each with a voice of its own.
  const isSameVoice = one.host !== TERMINAL || one.voice === other.voice;
  return one.host === other.host && one.project === other.project && isSameVoice;
}

function write(dataDir: string, attachments: readonly Attachment[]): void {
  if (attachments.length > ATTACHMENTS_MAX) {
    throw new EntmootError("conflict", `attach: at most ${ATTACHMENTS_MAX} hosts; detach one that is not used`);
  }
  replaceFile(join(dataDir, FILE), `${JSON.stringify({ attachments }, undefined, 1)}\n`, { mode: 0o600 });
}
