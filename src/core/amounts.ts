/** Sizes, lengths of time and instants as people read them; JSON has the bare numbers. */

const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;
const GROUPED = new Intl.NumberFormat("en-US");
const DIGITS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

/** `17 bytes`, `16 MiB (16,777,216 bytes)`, `1.2 KiB (1,234 bytes)`: what is easily read, and what it is exactly. */
export function sizeText(bytes: number): string {
  const exact = `${GROUPED.format(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
  if (bytes < 1024) return exact;
  const unit = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${DIGITS.format(bytes / 1024 ** unit)} ${UNITS[unit - 1]} (${exact})`;
}

/** `250 ms`, `1.5 s`, `2 min 30 s`, `24 h`, `12 days`: a length of time, up to its second unit. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${DIGITS.format(ms)} ms`;
  if (ms < 60_000) return `${DIGITS.format(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return pair(hours, "h", minutes % 60, "min");
  return pair(Math.floor(hours / 24), "days", hours % 24, "h");
}

function pair(most: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${GROUPED.format(most)} ${unit}` : `${GROUPED.format(most)} ${unit} ${rest} ${restUnit}`;
}

/**
 * `2026-11-30 12:23:05Z`: an instant, Unix milliseconds, in UTC as the days of retention are, with the zone said. What no
 * date can hold is the number it is.
 */
export function instantText(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? `${unixMs} ms` : `${date.toISOString().slice(0, -5).replace("T", " ")}Z`;
}
