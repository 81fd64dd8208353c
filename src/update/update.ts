import { existsSync, fchmodSync, fsyncSync } from "node:fs";
import { instantText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { textOf } from "../core/errors.ts";
import { NewFile, removeFile } from "../files/guarded-files.ts";
import { giveHandle, ownerFor } from "../files/owner.ts";
import { download, hashFile, sizeOf } from "./download.ts";
import { type Feed, wantedTag } from "./feed.ts";
import { chosenFeed } from "./feed-file.ts";
import { fileFor, findRelease, type Release } from "./find-release.ts";
import {
  dropPartials,
  type InstallPlace,
  installedSerial,
  installPlace,
  lockPlace,
  partialFile,
  refuseManaged,
  requireRoom,
} from "./install-place.ts";
import { refreshPages } from "./manual-pages.ts";
import { platformOfBinary } from "./platform.ts";
import { unpackBinary } from "./release-archive.ts";
import type { ReleaseFile } from "./release-manifest.ts";
import { daemonStatus, RunningDaemon } from "./running-daemon.ts";
import { noteVersion, putInPlace, swapBack } from "./swap-binary.ts";
import { forgetTakenBack, rememberTakenBack, type TakenBack, takenBack } from "./taken-back.ts";
import { tryBinary, versionOf } from "./try-binary.ts";
import { asUpdateError, updateError } from "./update-error.ts";
import { type UpdateRecord, writeUpdateRecord } from "./update-record.ts";
import { compareVersions, parseVersion } from "./version-order.ts";

/** What to update, from where, and what this program is. */
export interface UpdateRequest {
  readonly clock: Clock;
  readonly check: boolean;
  readonly restart: boolean;
  /** A release by name, older ones too. */
  readonly version: string | undefined;
  readonly prerelease: boolean;
  /** A repository of the forge whose downloads are used; by default those of the feed that was installed from. */
  readonly repo: string | undefined;
  readonly installDir: string | undefined;
  /** The feed's folder, before `repo`. */
  readonly feedUrl: string | undefined;
  readonly dataDir: string;
  readonly home: string;
  /** The path of the running executable, and what it is. */
  readonly running: string;
  readonly runningVersion: string;
  readonly runningSerial: number;
  readonly keys: readonly string[];
  /** What a restarted daemon has until it answers. */
  readonly readyMs: number;
  readonly onProgress?: (received: number, size: number) => void;
  /** Tells what is done now, in words. */
  readonly onStep?: (step: string) => void;
  /** Called once what is installed, or runs, is about to change: from here on the end is to be waited for. */
  readonly onChange?: () => void;
}

/** What was found and done. The original's keys, then ours. */
export interface UpdateReport {
  readonly current_version: string;
  readonly latest_version: string;
  readonly update_available: boolean;
  readonly updated: boolean;
  readonly asset?: string;
  readonly install_dir: string;
  /** A daemon runs that is not what is installed. */
  readonly restart_required: boolean;
  readonly warnings?: readonly string[];
  /** `latest_version` did not come up here before; it is installed only when it is named. */
  readonly taken_back?: { readonly at_ms: number; readonly reason: string };
  /** The daemon after `-restart`. */
  readonly daemon?: { readonly version: string; readonly pid: number };
}

/**
 * Replaces the installed executable by the newest release, or the one asked for, and keeps the one before. Throws
 * `invalid_argument` for what was asked wrongly, and `update_failed` saying why not: nothing is changed then, or, after
 * a restart that failed, the old executable is back.
 */
export function update(request: UpdateRequest): Promise<UpdateReport> {
  return refusing(request, replaceByRelease);
}

/** Puts the executable of before back in place; a further rollback undoes that. Throws as `update` does. */
export function rollBack(request: UpdateRequest): Promise<UpdateReport> {
  return refusing(request, changePlaces);
}

async function refusing(
  request: UpdateRequest,
  work: (request: UpdateRequest, place: InstallPlace) => Promise<UpdateReport>,
): Promise<UpdateReport> {
  let at = request.installDir ?? request.running;
  try {
    const place = installPlace(request);
    at = place.dir;
    return await work(request, place);
  } catch (error) {
    throw asUpdateError(error, at);
  }
}

async function replaceByRelease(request: UpdateRequest, place: InstallPlace): Promise<UpdateReport> {
  const tag = request.version === undefined ? undefined : wantedTag(request.version);
  const feed = chosenFeed(request, place);
  if (request.check) {
    const found = await available(request, { feed, tag, place });
    return report(request, place, found, false);
  }
  const platform = platformOfBinary(place.executable);
  refuseManaged(place);
  using _lock = lockPlace(place);
  using daemon = await daemonToRestart(request, place);
  const found = await available(request, { feed, tag, place });
  if (found.takenBack !== undefined) throw updateError(formatTakenBack(found.takenBack));
  if (!found.isNewer) {
    dropPartials(place);
    const caughtUp = await catchUp(request, place, daemon, found.current);
    return withDaemon(request, { ...(await report(request, place, found, false)), ...caughtUp }, daemon);
  }
  const file = fileFor(found.release.manifest, platform);
  await stage(request, { place, feed, release: found.release, file });
  const { version, serial } = found.release.manifest;
  request.onStep?.(`installing ${version}`);
  request.onChange?.();
  try {
    putInPlace(place);
  } finally {
    removeFile(place.staged);
  }
  noteVersion(place, version, Math.max(serial, installedSerial(place)));
  dropPartials(place);
  const change = { request, place, from: found.current, to: version, canGoBack: true };
  const started = await startAgain(change, daemon);
  await refreshPages(place, request);
  keep(request, place.dir, () => forgetTakenBack(place, file.binary.sha256));
  const done = await report(request, place, found, true, file.name);
  return withDaemon(request, { ...done, ...started }, daemon);
}

async function daemonToRestart(
  { clock, dataDir, restart }: UpdateRequest,
  { executable }: InstallPlace,
): Promise<RunningDaemon | undefined> {
  return restart ? await RunningDaemon.find({ clock, dataDir, executable }) : undefined;
}

/** Says so where a restart was asked for and there was nobody to restart. */
function withDaemon(request: UpdateRequest, done: UpdateReport, daemon: RunningDaemon | undefined): UpdateReport {
  if (!request.restart || daemon !== undefined) return done;
  const warning = `no daemon runs on ${request.dataDir}, so there was nothing to restart`;
  return { ...done, warnings: [...(done.warnings ?? []), warning] };
}

/** What is said of a release that an update went back from by itself. */
function formatTakenBack({ version, at_ms, reason }: Omit<TakenBack, "sha256">): string {
  const at = instantText(at_ms);
  return `release ${version}: was taken back here at ${at}: ${reason}; nothing was done; to try it again, name it: "entmootd update -version ${version} -restart"`;
}

async function changePlaces(request: UpdateRequest, place: InstallPlace): Promise<UpdateReport> {
  refuseManaged(place);
  using _lock = lockPlace(place);
  if (!existsSync(place.previous)) throw updateError(`${place.previous}: not there; no earlier version is kept`);
  const before = takenBack(place, await hashFile(place.previous));
  // After an update that went back by itself it is what is kept: nobody goes back to that.
  if (before !== undefined) throw updateError(`no earlier version is kept; ${formatTakenBack(before)}`);
  using daemon = await daemonToRestart(request, place);
  const from = await currentVersion(request, place);
  const to = await versionOf(place.previous, request.clock);
  request.onStep?.(`going back to ${to}`);
  request.onChange?.();
  swapBack(place);
  noteVersion(place, to, undefined);
  const started = await startAgain({ request, place, from, to, canGoBack: true }, daemon);
  await refreshPages(place, request);
  const done = {
    current_version: from,
    latest_version: to,
    update_available: false,
    updated: true,
    install_dir: place.dir,
    restart_required: await isStale(request, to),
    ...started,
  };
  return withDaemon(request, done, daemon);
}

interface Found {
  readonly release: Release;
  readonly current: string;
  readonly isNewer: boolean;
  readonly warnings: readonly string[];
  /** Why a newer release is none for this machine. */
  readonly takenBack?: TakenBack;
}

async function available(
  request: UpdateRequest,
  { feed, tag, place }: { readonly feed: Feed; readonly tag: string | undefined; readonly place: InstallPlace },
): Promise<Found> {
  const current = await currentVersion(request, place);
  const ownSerial = current === request.runningVersion ? request.runningSerial : 0;
  const release = await findRelease({
    feed,
    tag,
    keys: request.keys,
    clock: request.clock,
    serial: ownSerial,
    newestSerial: installedSerial(place),
    userAgent: `entmootd/${request.runningVersion}`,
  });
  const { version } = release.manifest;
  const [mine, theirs] = [parseVersion(current), parseVersion(version)!];
  if (tag !== undefined) return { release, current, isNewer: mine?.tag !== theirs.tag, warnings: [] };
  const isNewer = mine === undefined || compareVersions(theirs, mine) > 0;
  // Who runs releases proper is not moved to a trial version unasked.
  const isTrial = theirs.pre.length > 0 && !request.prerelease && (mine === undefined || mine.pre.length === 0);
  const warnings = isNewer && isTrial ? [`${version} is a pre-release; to install it: -prerelease`] : [];
  const hashes = release.manifest.files.map(({ binary }) => binary.sha256);
  const before = isNewer && !isTrial ? takenBack(place, ...hashes) : undefined;
  if (before !== undefined) return { release, current, isNewer: false, warnings, takenBack: before };
  return { release, current, isNewer: isNewer && !isTrial, warnings };
}

/** Of what is installed, which may be another executable than the one that runs; empty where there is none. */
async function currentVersion(request: UpdateRequest, place: InstallPlace): Promise<string> {
  if (request.running === place.executable || !existsSync(place.executable)) return request.runningVersion;
  try {
    return await versionOf(place.executable, request.clock);
  } catch {
    return "unknown"; // It does not run: any release is better.
  }
}

/** Downloads, checks, unpacks and tries the new executable. It stands at `place.staged` then, and nothing else changed. */
async function stage(
  request: UpdateRequest,
  { place, feed, release, file }: { place: InstallPlace; feed: Feed; release: Release; file: ReleaseFile },
): Promise<void> {
  const partial = partialFile(place, file.sha256);
  dropPartials(place, partial);
  requireRoom(place, Math.max(0, file.size - sizeOf(partial)) + file.binary.size);
  const url = new URL(file.name, release.folder);
  request.onStep?.(`downloading ${file.name} of ${release.manifest.version}`);
  await download(url, file, {
    clock: request.clock,
    partial,
    allowsRedirect: (from, to) => feed.allowsRedirect(from, to),
    userAgent: `entmootd/${request.runningVersion}`,
    ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
  });
  request.onStep?.("checking the new executable");
  try {
    {
      using to = new NewFile(place.staged, 0o600);
      await unpackBinary(partial, file.binary, to.handle);
      fchmodSync(to.handle, 0o755);
      giveHandle(to.handle, ownerFor(existsSync(place.executable) ? place.executable : place.dir));
      fsyncSync(to.handle);
      to.keep();
    }
    await tryBinary(place.staged, release.manifest.version, request);
  } catch (error) {
    removeFile(place.staged);
    throw asUpdateError(error, place.dir);
  }
}

/** Restarts a daemon that still is what was installed before; an update without a restart leaves one behind. */
async function catchUp(
  request: UpdateRequest,
  place: InstallPlace,
  daemon: RunningDaemon | undefined,
  version: string,
): Promise<Pick<UpdateReport, "daemon">> {
  if (daemon === undefined || daemon.version === version) return {};
  request.onChange?.();
  const from = daemon.version;
  // Two updates without a restart leave a daemon whose executable is no longer kept.
  const canGoBack =
    existsSync(place.previous) && (await versionOf(place.previous, request.clock).catch(() => "")) === from;
  return startAgain({ request, place, from, to: version, canGoBack }, daemon);
}

interface Change {
  readonly request: UpdateRequest;
  readonly place: InstallPlace;
  readonly from: string;
  readonly to: string;
  /** Whether the executable that is kept is `from`. */
  readonly canGoBack: boolean;
}

/** Restarts `daemon`, if there is one to restart, and keeps a record. When it does not come up, all is as before. */
async function startAgain(change: Change, daemon: RunningDaemon | undefined): Promise<Pick<UpdateReport, "daemon">> {
  const { request, place, from, to, canGoBack } = change;
  const record = { from, to, at_ms: request.clock.unix() };
  if (daemon === undefined) {
    note(request, { ...record, outcome: "updated", reason: "" });
    return {};
  }
  request.onStep?.("restarting the daemon");
  try {
    const pid = await daemon.restart(to, request.readyMs);
    note(request, { ...record, outcome: "updated", reason: "" });
    return { daemon: { version: to, pid } };
  } catch (cause) {
    const reason = textOf(cause);
    if (!canGoBack) {
      const all = `${reason}; ${from} is not kept any more; start the daemon yourself`;
      note(request, { ...record, outcome: "failed", reason: all });
      throw updateError(all, cause);
    }
    request.onStep?.(`${reason}; going back to ${from}`);
    swapBack(place);
    noteVersion(place, from, undefined);
    try {
      await daemon.bringBack(from, request.readyMs);
    } catch (second) {
      const also = textOf(second);
      const all = `${reason}; ${from} is installed again, but did not come back: ${also}; start it yourself`;
      note(request, { ...record, outcome: "failed", reason: all });
      // Where the one that ran does not come up either, it is not the release that is bad.
      throw updateError(all, second);
    }
    await remembering(change, record.at_ms, reason);
    note(request, { ...record, outcome: "rolled_back", reason });
    throw updateError(`${reason}; ${from} is installed and running again`, cause);
  }
}

/** After going back: what stands as the previous executable now is not to be tried again unasked. */
async function remembering({ request, place, to }: Change, at_ms: number, reason: string): Promise<void> {
  const sha256 = await hashFile(place.previous).catch(() => undefined);
  if (sha256 === undefined) return; // Not kept, or not readable: it may be tried once more.
  keep(request, place.dir, () => rememberTakenBack(place, { version: to, sha256, at_ms, reason }));
}

function note(request: UpdateRequest, record: UpdateRecord): void {
  keep(request, request.dataDir, () => writeUpdateRecord(request.dataDir, record));
}

/** A record that cannot be kept is no reason to call an update failed. */
function keep({ onStep }: UpdateRequest, dir: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    onStep?.(`the record of this update could not be kept: ${asUpdateError(error, dir).message}`);
  }
}

async function report(
  request: UpdateRequest,
  place: InstallPlace,
  { release, current, isNewer, warnings, takenBack: before }: Found,
  updated: boolean,
  asset?: string,
): Promise<UpdateReport> {
  const { version } = release.manifest;
  return {
    current_version: current,
    latest_version: version,
    update_available: isNewer,
    updated,
    ...(asset === undefined ? {} : { asset }),
    install_dir: place.dir,
    restart_required: await isStale(request, updated ? version : current),
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(before === undefined ? {} : { taken_back: { at_ms: before.at_ms, reason: before.reason } }),
  };
}

/** Whether a daemon runs on the data root that is not `installed`. */
async function isStale({ clock, dataDir }: UpdateRequest, installed: string): Promise<boolean> {
  const status = await daemonStatus({ clock, dataDir }).catch(() => undefined);
  return status !== undefined && status.version !== installed;
}
