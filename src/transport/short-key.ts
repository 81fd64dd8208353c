/** A key as people compare it: its first 12 hex digits. */
export function shortKey(key: string): string {
  return `${key.slice(0, 12)}…`;
}
