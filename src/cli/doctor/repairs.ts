import { existsSync, lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import type { GlobalOptions } from "../../daemon/options.ts";
import { removeFile } from "../../files/guarded-files.ts";
import { realClock } from "../../host/real-clock.ts";
import { socketAccepts } from "../../host/runtime-report.ts";
import type { Diagnosis } from "../../node/doctor/diagnoses.ts";
import { copyBeforeChange } from "../../store/copy-before-change.ts";
import { DiskRoom } from "../../store/disk-room.ts";
import { groupOfDirectory } from "../../store/group-directory.ts";
import { DataRootLock } from "../../store/lock.ts";
import { PRIVATE_DIRECTORY, PRIVATE_FILE, tighten } from "../../store/private-files.ts";
import { isToTighten } from "../../store/root-folder.ts";
import { rebuildIndexes, soundnessOf } from "../../store/sqlite/database-soundness.ts";
import { foreignRoot } from "./foreign-root.ts";

/** Something that is wrong in a data root, and can be put right without losing anything. */
export interface Repair {
  readonly diagnosis: Diagnosis;
  readonly path: string;
  /** What is done about it, in words. */
  readonly what: string;
  /** A database, which is copied first. */
  readonly isCopied: boolean;
  readonly carryOut: () => void;
}

/** What is wrong and is not put right here, as it could lose something; with the next step. */
export interface Unrepaired {
  readonly path: string;
  readonly why: string;
}

export interface RepairsFound {
  readonly repairs: readonly Repair[];
  readonly left: readonly Unrepaired[];
}

/** Ours. Until a socket counts as one that nobody listens on. */
const ACCEPT_MS = 1_000;

/** What can be repaired in the data root. Changes nothing; reads every database whole. */
export async function findRepairs({ dataDir, identityPath }: GlobalOptions): Promise<RepairsFound> {
  if (!existsSync(dataDir)) return { repairs: [], left: [] };
  const foreign = foreignRoot({ dataDir });
  if (foreign !== undefined) throw new EntmootError("data_root_invalid", foreign.why);
  const unwritable = new DiskRoom(dataDir, () => {}).look({ again: false });
  const databases = databasesOf(dataDir);
  const looked = databases.map(lookAtDatabase);
  return {
    repairs: [
      ...openToOthers(dataDir, [identityPath, ...databases]),
      ...(await deadSockets(dataDir)),
      ...looked.flatMap((each) => (each !== undefined && "carryOut" in each ? each : [])),
    ],
    left: [
      ...unwritable.map(({ message }) => ({ path: dataDir, why: message.replace(`${dataDir}: `, "") })),
      ...looked.flatMap((each) => (each !== undefined && "why" in each ? each : [])),
    ],
  };
}

export interface RepairsDone {
  /** Where what was changed is as it was; `undefined` where nothing had to be copied. */
  readonly backup: string | undefined;
  readonly done: readonly Repair[];
}

/** Carries out `repairs` while nobody else may change the data root. Throws `already_running`, `disk_full`. */
export async function repairAll({ dataDir }: GlobalOptions, repairs: readonly Repair[]): Promise<RepairsDone> {
  using _lock = DataRootLock.acquire(dataDir, realClock.unix());
  const copied = repairs.filter(({ isCopied }) => isCopied).map(({ path }) => path);
  const backup = copied.length === 0 ? undefined : await copyBeforeChange(dataDir, copied, realClock.unix());
  try {
    for (const repair of repairs) repair.carryOut();
  } catch (cause) {
    if (backup === undefined || !(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `${cause.message}; as it was before: ${backup}`, { cause });
  }
  return { backup, done: repairs };
}

/** Every database of ours in the data root. */
function databasesOf(dataDir: string): string[] {
  const groups = join(dataDir, "groups");
  const folders = namesIn(groups).filter((name) => groupOfDirectory(name) !== undefined);
  return [dataDir, ...folders.map((name) => join(groups, name))].flatMap((folder) =>
    namesIn(folder)
      .filter((name) => name.endsWith(".sqlite"))
      .map((name) => join(folder, name))
      .filter((path) => lstatSync(path).isFile()),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // There is none, or it is told of where it is opened.
  }
}

function lookAtDatabase(path: string): Repair | Unrepaired | undefined {
  try {
    const { faults, state } = soundnessOf(path);
    if (state === "sound") return undefined;
    const found = faults.slice(0, 3).join("; ");
    if (state === "damaged") {
      return {
        path,
        why: `damaged: ${found}; put it back from a backup, or move it away and join again: nothing is changed here`,
      };
    }
    return {
      diagnosis: "index_damaged",
      path,
      what: `make its indexes anew from its tables, after a copy of it (${found})`,
      isCopied: true,
      carryOut() {
        rebuildIndexes(path);
        const after = soundnessOf(path);
        if (after.state === "sound") return;
        throw new EntmootError(
          "data_root_invalid",
          `${path}: still damaged: ${after.faults[0]}; put it back from a backup`,
        );
      },
    };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { path, why: error.message.replace(`${path}: `, "") };
  }
}

function openToOthers(dataDir: string, files: readonly string[]): Repair[] {
  // A folder of everybody's is not ours to close.
  const folders = [...(isToTighten(dataDir) ? [dataDir] : []), join(dataDir, "groups")];
  const wanted = [
    ...folders.map((path) => ({ path, mode: PRIVATE_DIRECTORY })),
    ...files.map((path) => ({ path, mode: PRIVATE_FILE })),
  ];
  return wanted.flatMap(({ mode, path }): Repair[] => {
    const found = modeOf(path);
    if (found === undefined || (found & 0o077) === 0) return [];
    return [
      {
        diagnosis: "data_open",
        path,
        what: `take it from group and others: mode 0${found.toString(8)} becomes 0${mode.toString(8)}`,
        isCopied: false,
        carryOut: () => void tighten(path, mode),
      },
    ];
  });
}

/** Whether anything of the data root can be read by others; a look at some files. */
export function whatIsOpen({ dataDir, identityPath }: GlobalOptions): string | undefined {
  return openToOthers(dataDir, [identityPath, ...databasesOf(dataDir)])[0]?.path;
}

function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return undefined;
  }
}

async function deadSockets(dataDir: string): Promise<Repair[]> {
  if (DataRootLock.holder(dataDir) !== undefined) return [];
  const paths = ["control.sock", "agent.sock"].map((name) => join(dataDir, name));
  const dead = await Promise.all(paths.map(async (path) => isSocket(path) && !(await socketAccepts(path, ACCEPT_MS))));
  return paths
    .filter((_, at) => dead[at])
    .map((path) => ({
      diagnosis: "data_leftover",
      path,
      what: "remove the socket, on which nobody listens",
      isCopied: false,
      carryOut: () => removeFile(path),
    }));
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}
