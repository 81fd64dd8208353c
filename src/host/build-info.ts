/** Put in by the build; a run from source has none of them. */
declare const ENTMOOT_VERSION: string | undefined;
declare const ENTMOOT_COMMIT: string | undefined;
declare const ENTMOOT_DATE: string | undefined;

/** What `version` prints. The version has a leading `v` as release tags have; the date is RFC 3339. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  readonly date: string;
}

/** The stamp of this program, or `dev` and `unknown` when it runs from source. */
export const BUILD_INFO: BuildInfo = {
  version: typeof ENTMOOT_VERSION === "string" ? ENTMOOT_VERSION : "dev",
  commit: typeof ENTMOOT_COMMIT === "string" ? ENTMOOT_COMMIT : "unknown",
  date: typeof ENTMOOT_DATE === "string" ? ENTMOOT_DATE : "unknown",
};
