import { cliStart } from "./cli-start.ts";
import { type Figure, keeps, type Measurement } from "./figure.ts";

/** What is measured, in order. Names select: `npm run bench -- cli-start`. */
const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  "cli-start": cliStart,
};

const args = process.argv.slice(2);
const json = args.includes("--json");
const chosen = args.filter((arg) => arg !== "--json");
const unknown = chosen.filter((name) => !Object.hasOwn(MEASUREMENTS, name));
if (unknown.length > 0) {
  process.stderr.write(
    `bench: expected --json or one of ${Object.keys(MEASUREMENTS).join(", ")}; found ${unknown.join(", ")}\n`,
  );
  process.exit(5);
}

const figures: Figure[] = [];
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const found = await measure((progress) => process.stderr.write(`${name}: ${progress} …\n`));
  figures.push(...found);
  if (!json) for (const figure of found) console.log(describe(figure));
}
if (json) console.log(JSON.stringify(figures.map((figure) => ({ ...figure, ok: keeps(figure) }))));
process.exitCode = figures.every(keeps) ? 0 : 1;

function describe(figure: Figure): string {
  const { name, unit, measured, limit, better, basis } = figure;
  const bound = better === "lower" ? "at most" : "at least";
  return `${keeps(figure) ? "ok  " : "MISS"} ${name}: ${round(measured)} ${unit}, ${bound} ${round(limit)} (${basis})`;
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
