/** Put in by a release build; a run from source has none of them. */
declare const ENTMOOT_RELEASE_PUBKEYS: string | undefined;
declare const ENTMOOT_SERIAL: number | undefined;

/**
 * The keys a release may be signed with, base64 of 32 bytes each, newest first. A key is rotated by adding the next
 * one here a release before it signs, and removed when no supported build needs it.
 */
const OWN_KEYS: readonly string[] = [];

/**
 * The public release keys this build trusts, base64 of 32 bytes each: those given at build time by
 * `ENTMOOT_RELEASE_PUBKEYS`, else the list above. Empty when there are neither; such a build can verify no release.
 */
export const RELEASE_KEYS: readonly string[] =
  typeof ENTMOOT_RELEASE_PUBKEYS === "string" ? parseReleaseKeys(ENTMOOT_RELEASE_PUBKEYS) : OWN_KEYS;

/** The serial of the release this build is; 0 for one that is not a release, which every release is newer than. */
export const RELEASE_SERIAL: number = typeof ENTMOOT_SERIAL === "number" ? ENTMOOT_SERIAL : 0;

/** The keys of a comma-separated list; blanks around them do not count. Their form is checked where they are used. */
export function parseReleaseKeys(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((key) => key !== "");
}

/** Wire. Where the original's releases are: its installer asks there, and so do people. */
export const RELEASE_REPO = "jerryfane/entmoot";
