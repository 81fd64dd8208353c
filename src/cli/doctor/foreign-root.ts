import { accessSync, constants, statSync } from "node:fs";
import type { GlobalOptions } from "../../daemon/options.ts";

/** A data root that is there and lets this user see nothing of it. */
export interface ForeignRoot {
  /** Its owner, by number. */
  readonly owner: number;
  readonly why: string;
}

/** `undefined` where there is none, or it can be looked into. */
export function foreignRoot({ dataDir }: Pick<GlobalOptions, "dataDir">): ForeignRoot | undefined {
  const found = statSync(dataDir, { throwIfNoEntry: false });
  if (found === undefined || !found.isDirectory()) return undefined;
  try {
    accessSync(dataDir, constants.R_OK | constants.X_OK);
    return undefined;
  } catch {
    const owner = found.uid;
    return {
      owner,
      why: `${dataDir} belongs to user ${owner}, and this is user ${process.geteuid?.()}; run as that user`,
    };
  }
}
