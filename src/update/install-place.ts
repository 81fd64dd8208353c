import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, lstatSync, readdirSync, realpathSync, statfsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { sizeText } from "../core/amounts.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { makeFolder, removeFile } from "../files/guarded-files.ts";
import { readTextAtMost } from "../files/read-at-most.ts";
import { FileLock } from "../store/lock.ts";
import { asUpdateError, updateError } from "./update-error.ts";

const NAME = "entmootd";
/** Ours. A package database answers at once, or not at all. */
const ASK_PACKAGES_MS = 5_000;
/** Ours. Beside what is written itself: databases, version files. */
const SLACK_BYTES = 1024 * 1024;
/** Ours. A serial has at most 16 digits; what is longer was not written by us. */
const SERIAL_FILE_MAX = 4096;

/** Where an executable is installed, and what stands beside it. */
export interface InstallPlace {
  readonly dir: string;
  readonly executable: string;
  /** The one before; swapped back by a rollback. */
  readonly previous: string;
  /** Unpacked and not yet trusted; of this process. */
  readonly staged: string;
  readonly versionFile: string;
  /** The serial of the newest release that was installed here. */
  readonly serialFile: string;
  /** The feed the executable was installed from, when that is not the default one. */
  readonly feedFile: string;
  /** Executables that did not come up here. */
  readonly takenBackFile: string;
}

/**
 * The folder asked for, else that of the running executable when it is an installed one, else `~/.entmoot/bin`.
 * Symbolic links are resolved, so an alias leads to what it stands for. Creates nothing.
 */
export function installPlace(options: {
  readonly installDir: string | undefined;
  readonly running: string;
  readonly home: string;
}): InstallPlace {
  const running = realpathSync(options.running);
  const found =
    options.installDir ?? (basename(running) === NAME ? dirname(running) : join(options.home, ".entmoot/bin"));
  const absolute = resolve(found);
  const dir = existsSync(absolute) ? realpathSync(absolute) : absolute;
  const entry = join(dir, NAME);
  // A link in a folder of links: what it leads to is what runs.
  if (lstatSync(entry, { throwIfNoEntry: false })?.isSymbolicLink() && existsSync(entry)) {
    return placeIn(dirname(realpathSync(entry)), basename(realpathSync(entry)));
  }
  return placeIn(dir, NAME);
}

function placeIn(dir: string, name: string): InstallPlace {
  return {
    dir,
    executable: join(dir, name),
    previous: join(dir, `${name}.previous`),
    staged: join(dir, `.${name}.new-${process.pid}`),
    versionFile: join(dir, ".entmoot-version"),
    serialFile: join(dir, ".entmoot-serial"),
    feedFile: join(dir, ".entmoot-feed"),
    takenBackFile: join(dir, ".entmoot-taken-back"),
  };
}

/** Where the archive of this hash grows. */
export function partialFile({ executable, dir }: InstallPlace, sha256: string): string {
  return join(dir, `.${basename(executable)}.part-${sha256}`);
}

/** The folders of package managers that leave no question, and how each updates. */
const MANAGED: readonly (readonly [pattern: RegExp, manager: string, how: string])[] = [
  [/\/node_modules\//, "npm", "update the package with npm"],
  [/^\/nix\/store\//, "Nix", "update it through your Nix configuration"],
  [/^\/gnu\/store\//, "Guix", "update it with guix"],
  [/\/(Cellar|Caskroom)\//, "Homebrew", "run brew upgrade"],
  [/^\/(snap|var\/lib\/snapd)\//, "snap", "run snap refresh"],
  [/\/flatpak\//, "Flatpak", "run flatpak update"],
];

/** What knows who installed a file: exit status 0 means that it did. */
const PACKAGE_DATABASES: readonly (readonly [manager: string, command: string, ...args: string[]])[] = [
  ["dpkg", "dpkg-query", "-S"],
  ["rpm", "rpm", "-qf"],
  ["apk", "apk", "info", "-W"],
  ["pacman", "pacman", "-Qqo"],
];

/** Throws `update_failed` when a package manager put the executable there: it would be told a lie by a change. */
export function refuseManaged({ executable }: InstallPlace): void {
  for (const [pattern, manager, how] of MANAGED) {
    if (pattern.test(executable)) throw updateError(`${executable}: was installed by ${manager}; ${how}`);
  }
  // Only these folders belong to the system.
  if (!/^\/(usr|bin|sbin|opt)\//.test(executable) || !existsSync(executable)) return;
  for (const [manager, command, ...args] of PACKAGE_DATABASES) {
    const asked = spawnSync(command, [...args, executable], { stdio: "ignore", timeout: ASK_PACKAGES_MS });
    if (asked.status === 0) throw updateError(`${executable}: was installed by ${manager}; update it with ${manager}`);
  }
}

/**
 * Makes the folder if needed and takes it for one update; whoever comes second is told so. What an interrupted update
 * left there goes, except the partial download. Throws `update_failed`.
 */
export function lockPlace(place: InstallPlace): FileLock {
  try {
    makeFolder(place.dir, 0o755);
    accessSync(place.dir, constants.W_OK);
    const lock = tryLockPlace(place);
    if (lock === undefined) throw updateError(underWay(place));
    sweep(place);
    return lock;
  } catch (error) {
    throw asUpdateError(error, place.dir);
  }
}

/** The lock of the folder, which must exist; `undefined` when an update or an installation has it. */
export function tryLockPlace({ dir, executable }: InstallPlace): FileLock | undefined {
  const lockFile = join(dir, `.${basename(executable)}.lock`);
  return FileLock.tryAcquire(lockFile, 0);
}

/** What whoever comes second is told. */
export function underWay({ dir }: InstallPlace): string {
  return `${dir}: another update or installation is under way there; wait until it is done`;
}

function sweep({ dir, executable }: InstallPlace): void {
  const name = basename(executable);
  for (const found of readdirSync(dir)) {
    if (found.startsWith(`.${name}.new-`) || found.startsWith(`.${name}.swap-`)) removeFile(join(dir, found));
  }
}

/** Removes partial downloads of other archives than `keep`, or all. */
export function dropPartials({ dir, executable }: InstallPlace, keep?: string): void {
  for (const found of readdirSync(dir)) {
    const path = join(dir, found);
    if (found.startsWith(`.${basename(executable)}.part-`) && path !== keep) removeFile(path);
  }
}

/** Throws `update_failed` when the folder's disk has no room for `bytes` more. */
export function requireRoom({ dir }: InstallPlace, bytes: number): void {
  const { bavail, bsize } = statfsSync(dir);
  const free = bavail * bsize;
  if (free >= bytes + SLACK_BYTES) return;
  throw updateError(
    `${dir}: no room left on the disk: ${sizeText(bytes + SLACK_BYTES)} are needed, ${sizeText(free)} are free`,
  );
}

/** The serial of the newest release installed here; 0 when none is known. */
export function installedSerial({ serialFile }: InstallPlace): number {
  try {
    const text = trimSpace(readTextAtMost(serialFile, SERIAL_FILE_MAX)?.slice(0, 32) ?? "");
    const serial = /^\d{1,16}$/.test(text) ? Number(text) : 0;
    return Number.isSafeInteger(serial) ? serial : 0;
  } catch {
    return 0;
  }
}
