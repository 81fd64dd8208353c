import { existsSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { GroupId } from "../core/ids.ts";
import { namesKey } from "../core/record/node-key.ts";
import { knownHome } from "../host/home-path.ts";
import { createIdentity, type LoadedIdentity, loadIdentity } from "../host/identity-file.ts";
import type { DataRoot } from "../store/data-root.ts";
import type { GlobalOptions } from "./options.ts";

export interface IdentityChoice {
  readonly loaded: LoadedIdentity;
  /** What a person should know: a key made just now, or one taken from its old place. */
  readonly notices: readonly string[];
}

export interface IdentityWanted {
  readonly create: boolean;
  /** The one to make where there is none; drawn when it is needed unless given. */
  readonly fresh?: Identity | undefined;
  readonly home?: string;
}

/**
 * The identity of a data root. A missing one is made only with `create` and only where there are no groups:
 * a new key would be a stranger in them. Throws `identity_invalid` naming the file and the next step.
 */
export function identityFor(
  { dataDir, identityPath }: GlobalOptions,
  root: DataRoot,
  { create, fresh, home = knownHome(process.env) }: IdentityWanted,
): IdentityChoice {
  const loaded = loadIdentity(identityPath);
  if (loaded !== undefined) return { loaded, notices: loaded.notices };
  const groups = root.groupIds();
  if (groups.length === 0) {
    if (create)
      return { loaded: createIdentity(identityPath, fresh), notices: [`created a new identity in ${identityPath}`] };
    throw new EntmootError(
      "identity_invalid",
      `no identity in ${identityPath}; "entmootd up", "entmootd serve" or "entmootd group create" makes one`,
    );
  }
  const usual = join(dataDir, "identity.json");
  const old = home === undefined ? usual : join(home, ".entmoot", "identity.json");
  // The original keeps the key there whatever the data root.
  if (identityPath === usual && old !== usual && existsSync(old)) {
    const found = loadIdentity(old);
    if (found !== undefined && groups.some((groupId) => rosterHolds(root, groupId, found.identity.publicKey))) {
      const notice = `using the identity in ${old}: it is on the roster of this data root's groups; copy it to ${usual} to keep them together`;
      return { loaded: found, notices: [notice, ...found.notices] };
    }
  }
  throw new EntmootError(
    "identity_invalid",
    `no identity in ${identityPath}, but ${groups.length} joined ${groups.length === 1 ? "group" : "groups"} in ${dataDir}; restore the file or name it with -identity: a new key would be a member of none of them`,
  );
}

function rosterHolds(root: DataRoot, groupId: GroupId, key: Uint8Array): boolean {
  const entries = root.openGroup(groupId)?.roster.entries() ?? [];
  return entries.some(({ subject }) => namesKey(subject, key));
}
