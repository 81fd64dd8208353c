/** Sizes, lengths of time and instants as people read them; JSON has the bare numbers. */

const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** `17 bytes`, `16 MiB (16,777,216 bytes)`, `1.2 KiB (1,234 bytes)`: what is easily read, and what it is exactly. */
export function sizeText(bytes: number): string {
  const exact = `${countText(bytes)} ${bytes === 1 ? "byte" : "bytes"}`;
  if (bytes < 1024) return exact;
  const unit = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10));
  return `${tenths(bytes / 1024 ** unit)} ${UNITS[unit - 1]} (${exact})`;
}

/** `4,194,304`: a number of things. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `250 ms`, `1.5 s`, `2 min 30 s`, `24 h`, `12 days`: a length of time, up to its second unit. */
export function durationText(ms: number): string {
  const shown = ms < 10 ? tenths(ms) : Math.round(ms);
  if (shown < 1000) return `${shown} ms`;
  if (tenths(ms / 1000) < 60) return `${tenths(ms / 1000)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return pair(minutes, "min", seconds % 60, "s");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return pair(hours, "h", minutes % 60, "min");
  return pair(Math.floor(hours / 24), "days", hours % 24, "h");
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function pair(most: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${countText(most)} ${unit}` : `${countText(most)} ${unit} ${rest} ${restUnit}`;
}

/**
 * `2026-11-30 12:23:05Z`: an instant, Unix milliseconds, in UTC as the days of retention are, with the zone said. What no
 * date can hold is the number it is.
 */
export function instantText(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? `${unixMs} ms` : `${date.toISOString().slice(0, -5).replace("T", " ")}Z`;
}
