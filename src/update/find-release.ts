import * as v from "valibot";
import { instantText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { Feed } from "./feed.ts";
import { type GetOptions, getSmall } from "./http-get.ts";
import {
  MANIFEST_MAX_BYTES,
  MANIFEST_NAME,
  platformOf,
  type ReleaseFile,
  type ReleaseManifest,
  SIGNATURE_NAME,
  SIGNATURES_MAX_BYTES,
  verifyManifest,
} from "./release-manifest.ts";
import { updateError } from "./update-error.ts";
import { parseVersion } from "./version-order.ts";

export interface FindRelease {
  readonly feed: Feed;
  /** The release asked for by name; the newest when absent. */
  readonly tag: string | undefined;
  readonly keys: readonly string[];
  readonly clock: Clock;
  /** The serial of what is installed, and that of the newest release ever installed there. Nothing older is taken. */
  readonly serial: number;
  readonly newestSerial: number;
  readonly userAgent: string;
  readonly idleMs?: number;
}

/** A release that a trusted key signed. */
export interface Release {
  readonly manifest: ReleaseManifest;
  /** The folder it and its files are in. */
  readonly folder: URL;
}

/** Ours. One release as the forge tells of it, with its notes. */
const LISTING_MAX = 4 * 1024 * 1024;
const Listing = v.pipe(v.array(v.object({ tag_name: v.string() })), v.maxLength(100));

/**
 * The release of the feed: signature, type, expiry and serial checked, in this order, before anything of it is
 * believed. One asked for by name may be older than what is installed, and past its expiry: nobody could hold it back
 * unseen. Throws `update_failed`.
 */
export async function findRelease(options: FindRelease): Promise<Release> {
  const { feed } = options;
  if (options.keys.length === 0) {
    throw updateError(
      "this build carries no release keys, so no release can be verified; install a released program with install.sh, or build with ENTMOOT_RELEASE_PUBKEYS set",
    );
  }
  if (options.tag !== undefined) return named(options, options.tag);
  const folder = feed.newest ?? (await newestListed(options));
  const release = await readRelease(options, folder);
  if (release === undefined)
    throw updateError(`${new URL(MANIFEST_NAME, folder).href}: not there; is this a release feed?`);
  const { serial, version, expires_at_ms } = release.manifest;
  if (options.clock.unix() >= expires_at_ms) {
    const since = instantText(expires_at_ms);
    throw updateError(
      `release ${version}: the manifest has expired at ${since}; the feed is out of date, or this clock; to install it all the same, name it: "entmootd update -version ${version}"`,
    );
  }
  const known = Math.max(options.serial, options.newestSerial);
  if (serial < known) {
    const of =
      options.serial === known ? `the installed ${known}` : `${known}, that of the newest release ever installed here`;
    throw updateError(
      `release ${version}: its serial ${serial} is older than ${of}; to install it all the same, name it: "entmootd update -version ${version}"`,
    );
  }
  return release;
}

async function named(options: FindRelease, tag: string): Promise<Release> {
  const { feed } = options;
  // The newest release is at the top of a feed, and may have no folder of its own yet.
  const release =
    (await readRelease(options, feed.named(tag))) ??
    (feed.newest === undefined ? undefined : await readRelease(options, feed.newest));
  if (release === undefined) throw updateError(`release ${tag}: not in this feed`);
  if (release.manifest.version === tag) return release;
  throw updateError(`release ${tag}: not in this feed; found ${release.manifest.version} in its place`);
}

const DAMAGED =
  "it was damaged on its way, or its upload is not complete: try again later, and tell the publisher if it stays so; nothing was changed";

async function readRelease(options: FindRelease, folder: URL): Promise<Release | undefined> {
  const http = httpOptions(options);
  const bytes = await getSmall(new URL(MANIFEST_NAME, folder), MANIFEST_MAX_BYTES, http);
  if (bytes === undefined) return undefined;
  const signatures = await getSmall(new URL(SIGNATURE_NAME, folder), SIGNATURES_MAX_BYTES, http);
  if (signatures === undefined) {
    throw updateError(`${new URL(SIGNATURE_NAME, folder).href}: not there; an unsigned release is not installed`);
  }
  try {
    const text = new TextDecoder().decode(signatures);
    return { manifest: verifyManifest({ bytes, signatures: text, keys: options.keys }).manifest, folder };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    // What cannot be read says what is wrong with it; what to do about that is the same for all of it.
    const next = error.code === "invalid_argument" ? `; ${DAMAGED}` : "";
    throw updateError(`${new URL(MANIFEST_NAME, folder).href}: ${error.message}${next}`, error);
  }
}

/** The folder of the newest release that the forge lists, pre-releases among them. */
async function newestListed(options: FindRelease): Promise<URL> {
  const { feed } = options;
  const list = feed.list!;
  const bytes = await getSmall(list, LISTING_MAX, { ...httpOptions(options), accept: "application/vnd.github+json" });
  if (bytes === undefined) throw updateError(`${list.href}: no such repository`);
  const listing = v.safeParse(Listing, parseJson(bytes));
  if (!listing.success) throw updateError(`${list.href}: expected a list of releases, found something else`);
  const [first] = listing.output;
  if (first === undefined) throw updateError(`${list.href}: no releases found`);
  const version = parseVersion(first.tag_name);
  if (version !== undefined) return feed.named(first.tag_name);
  throw updateError(
    `${list.href}: expected a tag such as v1.2.3, found ${JSON.stringify(first.tag_name.slice(0, 100))}`,
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function httpOptions({ clock, feed, userAgent, idleMs }: FindRelease): GetOptions {
  const allowsRedirect = (from: URL, to: URL) => feed.allowsRedirect(from, to);
  return { clock, allowsRedirect, userAgent, ...(idleMs === undefined ? {} : { idleMs }) };
}

/** Which build a machine runs. */
export type Platform = Pick<ReleaseFile, "os" | "arch" | "libc">;

/** The file of the release for `platform`. Throws `update_failed` naming those there are. */
export function fileFor({ version, files }: ReleaseManifest, platform: Platform): ReleaseFile {
  const wanted = platformOf(platform);
  const file = files.find((each) => platformOf(each) === wanted);
  if (file !== undefined) return file;
  throw updateError(`release ${version}: no build for ${wanted}; there are ${files.map(platformOf).join(", ")}`);
}
