import { type Figure, keeps } from "./figure.ts";

const WIDTHS = [56, 16, 18, 7] as const;

/** The line above the figures. */
export function tableHead(): string {
  const head = line(["figure", "measured", "limit", ""], "what the limit is");
  return `${head}\n${"─".repeat(head.length + 20)}`;
}

/** One figure as a line of the table. */
export function tableLine(figure: Figure): string {
  const { name, unit, measured, limit, better, basis } = figure;
  const bound = limit === undefined ? "" : `${better === "lower" ? "≤" : "≥"} ${round(limit)} ${unit}`;
  const verdict = limit === undefined ? "" : keeps(figure) ? "ok" : "MISS";
  return line([name, `${round(measured)} ${unit}`, bound, verdict], basis);
}

function line(cells: readonly [string, string, string, string], last: string): string {
  const [name, ...rest] = cells.map((cell, at) =>
    at === 1 || at === 2 ? cell.padStart(WIDTHS[at]!) : cell.padEnd(WIDTHS[at]!),
  );
  return `${name} ${rest.join("  ")} ${last}`.trimEnd();
}

/** Three digits, and thousands set apart. */
function round(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return value >= 100 ? value.toFixed(0) : value === 0 ? "0" : value.toPrecision(3);
}
