/** What an envelope is marked with, so that no sender can know it: 8 hex digits, other ones each time. */
export function newNonce(): string {
  return crypto.getRandomValues(new Uint8Array(4)).toHex();
}
