const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // micro sign
  μs: 1e-3, // Greek mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
/** Wire. The original holds durations as signed 64-bit nanoseconds; more is refused there too. */
const DURATION_MAX_MS = Number(2n ** 63n / 1_000_000n);

/**
 * Whole milliseconds of a duration such as `1h30m` or `250ms`, or `undefined`. A fraction of a millisecond
 * is rounded away from zero, so what is above zero stays above zero. A bare number other than 0 is refused.
 */
export function durationMsOf(text: string): number | undefined {
  const ms = exactDurationMs(text);
  if (ms === undefined) return undefined;
  return ms < 0 ? -Math.ceil(-ms) : Math.ceil(ms);
}

/** The same with fractions of a millisecond. */
export function exactDurationMs(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (text.length > 64 || !DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART)) ms += Number(amount) * UNIT_MS[unit!]!;
  if (ms > DURATION_MAX_MS) return undefined;
  return text.startsWith("-") ? -ms || 0 : ms;
}
