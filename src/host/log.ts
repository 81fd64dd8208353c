import { type ConsolaInstance, createConsola, type LogObject } from "consola/core";
import { shownJson } from "../core/bytes/shown-text.ts";
import { isJsonProse, printFailure } from "./print.ts";
import { realClock } from "./real-clock.ts";

/** The logger: `log.info("text", { key: value })`. Everything goes to stderr; stdout is for machine output. */
export type Log = Pick<ConsolaInstance, "debug" | "info" | "warn" | "error">;

/** consola's numbers: errors are 0, warnings 1, information 3, debugging 4. */
const LEVELS = { error: 0, warn: 1, info: 3, debug: 4 } as const;
const NAMES: Readonly<Record<number, string>> = { 0: "ERROR", 1: "WARN", 3: "INFO", 4: "DEBUG" };

/** Ours. One log line is cut here, so a peer's text in a field cannot flood a terminal or a log file. */
const LINE_MAX = 8_192;

/** What tests replace: where lines go and what time it is. */
export interface LogSink {
  readonly write: (line: string) => void;
  readonly now: () => Date;
  /** Whether each line is one JSON object. */
  readonly isJson?: () => boolean;
}

const STDERR: LogSink = {
  write: printFailure,
  now: () => new Date(realClock.unix()),
  isJson: isJsonProse,
};

/** The one logger of a process. A line is `time=… level=INFO msg="…" key=value …`, as the original prints, or JSON where prose is. */
export function createLog(level: keyof typeof LEVELS, sink: LogSink = STDERR): Log {
  return createConsola({
    level: LEVELS[level],
    // Same lines in a row would be held back and counted; a log is read by time.
    throttle: 0,
    reporters: [{ log: (entry) => sink.write(formatLine(entry, sink.now(), sink.isJson?.() ?? false)) }],
  });
}

function formatLine(entry: LogObject, now: Date, isJson: boolean): string {
  const [first, ...rest] = entry.args as unknown[];
  const fields: [key: string, value: string][] = [
    ["time", now.toISOString()],
    ["level", NAMES[entry.level] ?? "INFO"],
    ["msg", text(first)],
  ];
  for (const extra of rest) {
    if (extra instanceof Error) fields.push(["err", text(extra)]);
    else if (typeof extra === "object" && extra !== null) {
      for (const [key, value] of Object.entries(extra)) fields.push([key, text(value)]);
    } else fields.push(["extra", text(extra)]);
  }
  if (isJson)
    return `${shownJson(JSON.stringify(Object.fromEntries(fields.map(([key, value]) => [key, clipped(value)]))))}\n`;
  const [time, level, ...told] = fields;
  const line = [`time=${time![1]}`, `level=${level![1]}`, ...told.map(([key, value]) => `${key}=${quote(value)}`)];
  return `${clipped(line.join(" "))}\n`;
}

function clipped(line: string): string {
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return value.message;
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value === "object" && value !== null) {
    return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? `${inner}` : inner)) ?? "";
  }
  return String(value);
}

/** Bare where a shell reader could split on blanks; otherwise quoted, so one entry is always one line. */
function quote(value: string): string {
  return /^[\w.:/@+\-,]+$/.test(value) ? value : shownJson(JSON.stringify(value));
}
