import { readFileSync, statSync } from "node:fs";
import { sizeText } from "../core/amounts.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { type Feed, feedOf, URL_MAX } from "./feed.ts";
import type { InstallPlace } from "./install-place.ts";
import { RELEASE_REPO } from "./release-keys.ts";
import { updateError } from "./update-error.ts";

export interface FeedChoice {
  /** A folder that was named; before all others. */
  readonly feedUrl: string | undefined;
  /** A repository that was named. */
  readonly repo: string | undefined;
  readonly prerelease: boolean;
}

/**
 * The feed to use: one that was named, else the one that the executable was installed from, which install.sh writes
 * down beside it, else the project's releases. Throws `invalid_argument` for one named wrongly, `update_failed` for a
 * file that names none.
 */
export function chosenFeed({ feedUrl, repo, prerelease }: FeedChoice, { feedFile }: InstallPlace): Feed {
  if (feedUrl !== undefined || repo !== undefined)
    return feedOf({ url: feedUrl, repo: repo ?? RELEASE_REPO, prerelease });
  const url = readFeedFile(feedFile);
  try {
    return feedOf({ url, source: feedFile, repo: RELEASE_REPO, prerelease });
  } catch (error) {
    if (url === undefined || !(error instanceof EntmootError)) throw error;
    throw updateError(`${error.message}; ${NEXT}`, error);
  }
}

const NEXT = "mend it, or remove it to use the project's releases";

/** The one line of the file; `undefined` when there is no file. */
function readFeedFile(path: string): string | undefined {
  try {
    const stat = statSync(path);
    // Anything else might never end when it is read.
    if (!stat.isFile())
      throw updateError(`${path}: expected a file with the address of a feed, found something else; ${NEXT}`);
    const { size } = stat;
    if (size > URL_MAX + 1)
      throw updateError(`${path}: expected one line with the address of a feed, found ${sizeText(size)}; ${NEXT}`);
    const text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    if (text !== "" && !/\s/.test(text)) return text;
    throw updateError(`${path}: expected one line with the address of a feed, found ${JSON.stringify(text)}; ${NEXT}`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (error instanceof EntmootError) throw error;
    throw updateError(`${path}: cannot be read: ${textOf(error)}; ${NEXT}`, error);
  }
}
