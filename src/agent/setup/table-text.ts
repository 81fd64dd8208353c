import { EntmootError } from "../../core/errors.ts";

/** What a server of tools is told, as all files have it. */
export type ServerTable = Readonly<
  Record<string, string | number | boolean | readonly string[] | Readonly<Record<string, string>>>
>;

/** `text`, a TOML file, with the table `[parent.name]` at its end, in place of one of that name; `undefined`: without it. Every other line stays. */
export function withTomlTable(
  text: string,
  [parent, name]: readonly [string, string],
  table: ServerTable | undefined,
): string {
  const kept = withoutTomlTables(text, parent, name);
  if (table === undefined) return kept;
  const lines = Object.entries(table).map(([key, value]) => `${key} = ${tomlValue(value)}`);
  const before = kept === "" ? "" : kept.endsWith("\n") ? `${kept}\n` : `${kept}\n\n`;
  return `${before}[${parent}.${name}]\n${lines.join("\n")}\n`;
}

function withoutTomlTables(text: string, parent: string, name: string): string {
  const ours = new RegExp(`^\\s*\\[\\s*"?${parent}"?\\s*\\.\\s*"?${name}"?\\s*[.\\]]`);
  const kept: string[] = [];
  let isOurs = false;
  let dropped = 0;
  for (const line of text.split("\n")) {
    if (/^\s*\[/.test(line)) {
      // The blank line that stands before it goes with it.
      if (ours.test(line) && !isOurs && kept.at(-1)?.trim() === "") kept.pop();
      isOurs = ours.test(line);
    }
    if (isOurs) dropped += 1;
    else kept.push(line);
  }
  const rest = kept.join("\n");
  return dropped > 0 && isOurs && rest !== "" && !rest.endsWith("\n") ? `${rest}\n` : rest;
}

function tomlValue(value: ServerTable[string]): string {
  if (typeof value !== "object") return JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)} = ${tomlValue(inner)}`)
    .join(", ")} }`;
}

/** `text`, a YAML file, with the block `name` below its key `parent`, in place of one of that name; `undefined`: without it. Every other line stays. */
export function withYamlBlock(
  text: string,
  [parent, name]: readonly [string, string],
  table: ServerTable | undefined,
): string {
  const lines = withoutYamlBlock(text.split("\n"), parent, name);
  if (table === undefined) return lines.join("\n");
  const at = lines.findIndex((line) => new RegExp(`^${parent}:\\s*(#.*)?$`).test(line));
  if (at < 0 && lines.some((line) => line.startsWith(`${parent}:`))) {
    throw new EntmootError("invalid_argument", `expected ${parent} with a line for each of its own`);
  }
  const below = at < 0 ? undefined : lines.slice(at + 1).find((line) => /^\s+\S/.test(line));
  const indent = /^\s+/.exec(below ?? "  ")![0];
  const block = [
    `${indent}${name}:`,
    ...Object.entries(table).map(([key, value]) => `${indent}  ${key}: ${JSON.stringify(value)}`),
  ];
  if (at >= 0) return lines.toSpliced(at + 1, 0, ...block).join("\n");
  while (lines.at(-1) === "") lines.pop();
  return `${[...lines, `${parent}:`, ...block].join("\n")}\n`;
}

function withoutYamlBlock(lines: readonly string[], parent: string, name: string): string[] {
  const top = lines.findIndex((line) => line.startsWith(`${parent}:`));
  const end = lines.findIndex((line, at) => at > top && /^[^\s#]/.test(line));
  const from = lines.findIndex(
    (line, at) =>
      top >= 0 && at > top && (end < 0 || at < end) && new RegExp(`^\\s+"?${name}"?:\\s*(#.*)?$`).test(line),
  );
  if (from < 0) return [...lines];
  const indent = /^\s*/.exec(lines[from]!)![0].length;
  const after = lines.findIndex(
    (line, at) => at > from && line.trim() !== "" && /^\s*/.exec(line)![0].length <= indent,
  );
  return lines.toSpliced(from, (after < 0 ? lines.length : after) - from, ...(after < 0 ? [""] : []));
}
