/** Replay one run with `SEED=<n> npx bun test test/simulation`; the number is in the title of the failure. */
const given = process.env.SEED;

/** More seeds per test: `SOAK=1`, or `SOAK=<factor>`. */
const factor = process.env.SOAK === undefined ? 1 : Math.max(20, Number(process.env.SOAK) || 0);

/** `failedOnce`: seeds that found a bug, always run. The others are new each time. */
export function seeds(count: number, failedOnce: readonly number[] = []): number[] {
  if (given !== undefined) return [Number(given)];
  const fresh = crypto.getRandomValues(new Uint32Array(Math.min(1000, count * factor)));
  return [...failedOnce, ...fresh];
}
