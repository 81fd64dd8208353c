import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";

/** Wire with the original: 32 bytes as base64url without padding. */
const NAME = /^[A-Za-z0-9_-]{43}$/;

/** The directory name of a group under `groups/`. */
export function groupDirectoryName(groupId: GroupId): string {
  return GroupId.toBytes(groupId).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The group whose directory is called `name`; `undefined` when it is no group's. */
export function groupOfDirectory(name: string): GroupId | undefined {
  if (!NAME.test(name)) return undefined;
  const groupId = GroupId.fromBytes(Uint8Array.fromBase64(name, { alphabet: "base64url", lastChunkHandling: "loose" }));
  // The last digit has unused bits; only one spelling is the group's.
  return groupDirectoryName(groupId) === name ? groupId : undefined;
}

/** Orders groups as the names of their directories sort. */
export function byDirectory(a: GroupId, b: GroupId): number {
  return groupDirectoryName(a) < groupDirectoryName(b) ? -1 : 1;
}

/** Thrown when a group that is to be made is there. */
export function joinedAlready(groupId: GroupId): EntmootError {
  return new EntmootError("conflict", `group ${groupDirectoryName(groupId)}: joined already`);
}

/** Thrown when a group that is to be thrown away holds messages. */
export function hasMessages(groupId: GroupId): EntmootError {
  return new EntmootError("conflict", `group ${groupDirectoryName(groupId)}: holds messages; it is not thrown away`);
}
