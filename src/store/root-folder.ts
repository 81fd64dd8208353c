import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { removeEmptyFolder, removeFile } from "../files/guarded-files.ts";
import { groupOfDirectory } from "./group-directory.ts";
import { fileFailure } from "./private-files.ts";

/** Any of these makes a folder a data root, ours or the original's. The lock is the first thing that a start makes. */
const ROOT_NAMES = new Set([
  "node.lock",
  "node.sqlite",
  "agents.sqlite",
  "identity.json",
  "esp.sqlite",
  "mailbox.sqlite",
  "esp-devices.json",
  "restored.json",
]);
/** What stands in a folder that is meant for a data root, and says nothing: installed programs, a new disk, logs. */
const MEANS_NOTHING =
  /^(?:bin|lib|entmoot|skills|runtime\.env|last-update\.json|lost\+found|\.DS_Store|\.keep|\.gitkeep|(?:control|agent)\.sock|nohup\.out|.*\.log)$/;

/** Ours. Names of others' files that a refusal repeats. */
const NAMED_MAX = 3;
const NAME_MAX_CHARACTERS = 80;
/** Where everybody puts things. A new disk may be open to all (sticky) as well, and is no such place. */
const EVERYBODYS = ["/tmp", "/var/tmp", "/dev/shm"];

/**
 * Refuses to make a data root of a folder that is meant for something else: one that holds others' files and nothing of a
 * data root, or one where everybody puts things, as `/tmp`. Looks, and changes nothing; what is not there, or is no
 * folder, is for who makes it. `own` are paths that may be in it already. Throws `data_root_invalid`.
 */
export function requireRootFolder(path: string, own: readonly string[] = []): void {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return;
    throw fileFailure(error, path);
  }
  if (names.some((name) => ROOT_NAMES.has(name)) || holdsGroups(path)) return;
  const others = names.filter((name) => !MEANS_NOTHING.test(name) && !own.includes(join(path, name))).sort();
  if (others.length > 0) {
    const more = others.length > NAMED_MAX ? ` and ${others.length - NAMED_MAX} more` : "";
    const named = others.slice(0, NAMED_MAX).map((name) => JSON.stringify(name.slice(0, NAME_MAX_CHARACTERS)));
    throw refusal(path, `is no data root and not empty: it holds ${named.join(", ")}${more}`);
  }
  if (isEverybodys(path)) throw refusal(path, "is where everybody puts things");
}

/** What a start makes ahead of an identity, as SQLite has it beside its databases too. */
const AHEAD_OF_IDENTITY = /^(?:node\.lock|node\.pid|(?:node|agents|mailbox)\.sqlite)(?:-wal|-shm|-journal)?$/;

/**
 * Takes away the data root at `path` that a first start began and could not make, so that another, or a restored one, may
 * stand there. One with an identity, a moot or anything else stays. What cannot be removed is left.
 */
export function removeUnfounded(path: string): void {
  try {
    const names = readdirSync(path).filter((name) => name !== "groups");
    if (!names.every((name) => AHEAD_OF_IDENTITY.test(name))) return;
    // Fails where there is a moot.
    if (existsSync(join(path, "groups"))) removeEmptyFolder(join(path, "groups"));
    for (const name of names) removeFile(join(path, name));
    removeEmptyFolder(path);
  } catch {
    // Why it could not be made is what is told.
  }
}

/** Whether the folder of a data root may be closed to others: never one that is everybody's, or somebody else's. */
export function isToTighten(path: string): boolean {
  return statSync(path).uid === process.geteuid?.() && !isEverybodys(path);
}

function isEverybodys(path: string): boolean {
  const real = realpathSync(path);
  return [...EVERYBODYS, tmpdir()].some((place) => {
    try {
      return realpathSync(place) === real;
    } catch {
      return false; // There is none here.
    }
  });
}

function holdsGroups(path: string): boolean {
  try {
    return readdirSync(join(path, "groups")).some((name) => groupOfDirectory(name) !== undefined);
  } catch {
    return false;
  }
}

function refusal(path: string, why: string): EntmootError {
  return new EntmootError(
    "data_root_invalid",
    `${path}: ${why}; nothing was made or changed: name a new or empty folder with -data, such as ${join(path, "entmoot")}`,
  );
}
