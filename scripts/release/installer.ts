/** The line of install.sh that a release fills in. */
const KEYS_LINE = /^RELEASE_PUBKEYS='[^']*'$/m;

/**
 * install.sh as a feed holds it: with the public keys (base64 of 32 bytes) its release is signed with, so that whoever
 * runs it checks the signature without being told a key. Throws when the script has no such line.
 */
export function fillInstaller(script: string, keys: readonly string[]): string {
  if (!KEYS_LINE.test(script))
    throw new Error("install.sh: expected a line RELEASE_PUBKEYS='…' to fill in, found none");
  return script.replace(KEYS_LINE, `RELEASE_PUBKEYS='${keys.join(" ")}'`);
}
