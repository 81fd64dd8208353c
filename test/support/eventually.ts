/**
 * Looks again and again until `look` gives something; rejects after `atMostMs` with what `look` threw last, or with
 * `what`. For what other processes bring about, which no event of ours announces.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  atMostMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + atMostMs;
  let last: unknown;
  do {
    try {
      const found = await look();
      if (found !== undefined) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await Bun.sleep(20);
  } while (performance.now() < deadline);
  throw new Error(`not within ${atMostMs} ms: ${what}`, { cause: last });
}
