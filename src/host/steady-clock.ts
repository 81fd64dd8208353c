/**
 * A clock for waits: `now`, except that it stands still while that is set back. A clock put right by an hour would
 * otherwise stop everything that waits until a time, for an hour.
 */
export function steadyClock(now: () => number): () => number {
  let last = now();
  let steady = last;
  return () => {
    const read = now();
    steady += Math.max(0, read - last);
    last = read;
    return steady;
  };
}
