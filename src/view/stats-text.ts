import { countText, durationText, instantText, sizeText } from "../core/amounts.ts";
import { GroupId } from "../core/ids.ts";
import type { StatsAnswer } from "../node/operations/find.ts";
import type { NamesOfMembers } from "./found-text.ts";
import { jsonInteger } from "./message-line.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. Columns and lines of a plot, and characters of a bar and a name. */
const PLOT_COLUMNS = 72;
const PLOT_LINES = 6;
const BAR = 24;
const NAME_SHOWN = 40;
const DAY_MS = 86_400_000;
const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/** What is counted of a time. */
interface PlotCount {
  readonly messages: number;
  readonly bytes: number;
}

/** A step of a plot. */
export interface PlotStep extends PlotCount {
  readonly startMs: number;
  readonly endMs: number;
}

/** Counts as programs read them. Keys ascending; rates are messages and bytes a day over the time that is counted. */
export function statsJson(stats: StatsAnswer, names: NamesOfMembers) {
  const { bytes, messages } = stats;
  const rates = (counted: PlotCount) => {
    const of = perDay(counted, stats);
    return { bytes: counted.bytes, bytes_per_day: of.bytes, messages: counted.messages, messages_per_day: of.messages };
  };
  return {
    authors: stats.authors.map((row) => ({ ...rates(row), name: names.get(row.node_id) ?? "", node_id: row.node_id })),
    ...rates({ messages, bytes }),
    group_id: GroupId.toBase64(stats.group_id),
    ...(stats.indexing === undefined ? {} : { indexing: stats.indexing }),
    members: stats.members,
    more: stats.more,
    since_ms: jsonInteger(stats.since_ms),
    step_ms: stats.step_ms,
    steps: stats.steps.map((row) => ({
      bytes: row.bytes,
      messages: row.messages,
      start_ms: jsonInteger(row.start_ms),
    })),
    topics: stats.topics.map((row) => ({ ...rates(row), topic: row.topic })),
    until_ms: jsonInteger(stats.until_ms),
  };
}

/** The same for people: a heading, a plot over time, and a table each of authors and topics. */
export function statsLines(stats: StatsAnswer, names: NamesOfMembers, moot: string): string[] {
  const { bytes, members, messages } = stats;
  const title = moot === "" ? `moot ${GroupId.toBase64(stats.group_id).slice(0, 12)}` : terminalText(moot, NAME_SHOWN);
  const [since, until] = [stats.since_ms, stats.until_ms].map((ms) => instantText(Number(ms)));
  const head = `${title}: ${countText(messages)} messages, ${sizeText(bytes)}, by ${countText(members)} ${members === 1 ? "member" : "members"}, ${since} to ${until}`;
  if (messages === 0) return [head];
  const authors = stats.authors.map(({ node_id, ...counted }) => {
    const name = names.get(node_id) ?? "";
    return {
      name: name === "" ? `node ${node_id}` : `${terminalText(name, NAME_SHOWN)} (node ${node_id})`,
      ...counted,
    };
  });
  const topics = stats.topics.map(({ topic, ...counted }) => ({ name: terminalText(topic, NAME_SHOWN), ...counted }));
  return [head, "", ...plotLines(stats), "", ...tableLines("author", authors, stats), ...topicLines(topics, stats)];
}

function topicLines(topics: readonly NamedCount[], stats: StatsAnswer): string[] {
  return topics.length === 0 ? [] : ["", ...tableLines("topic", topics, stats)];
}

interface NamedCount extends PlotCount {
  readonly name: string;
}

function tableLines(of: string, rows: readonly NamedCount[], stats: StatsAnswer): string[] {
  const most = Math.max(1, ...rows.map(({ messages }) => messages));
  const cells = rows.map((row) => {
    const rate = perDay(row, stats).messages;
    return [row.name, countText(row.messages), shortSize(row.bytes), rateText(rate), barOf(row.messages / most)];
  });
  const table = [[of, "messages", "size", "a day", ""], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) => {
    const [name, ...numbers] = row.slice(0, 4).map((cell, column) => {
      return column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    });
    return [name, ...numbers, row[4]].join("  ").trimEnd();
  });
}

/** Columns over time, the tallest of which is named beside them. */
function plotLines(stats: StatsAnswer): string[] {
  const steps = plotSteps(stats, PLOT_COLUMNS);
  const most = Math.max(1, ...steps.map(({ messages }) => messages));
  const lines: string[] = [];
  for (let line = PLOT_LINES; line > 0; line--) {
    const columns = steps.map(({ messages }) => {
      // What is there at all is seen.
      const height = messages === 0 ? 0 : Math.max(1, Math.round((messages / most) * PLOT_LINES * 8));
      return EIGHTHS[Math.max(0, Math.min(8, height - (line - 1) * 8))]!;
    });
    lines.push(`${columns.join("")}${line === PLOT_LINES ? ` ${countText(most)}` : ""}`.trimEnd());
  }
  const [first] = steps;
  const each = first === undefined ? 0 : first.endMs - first.startMs;
  return [
    ...lines,
    "▔".repeat(steps.length),
    `messages; each column is ${durationText(each)}, the last ends ${instantText(steps.at(-1)!.endMs)}`,
  ];
}

/** All of the time that is counted, in at most so many steps, also those in which nothing was said. */
export function plotSteps({ since_ms, step_ms, steps, until_ms }: StatsAnswer, most: number): PlotStep[] {
  const [since, until] = [Number(since_ms), Number(until_ms)];
  const count = Math.max(1, Math.ceil((until - since) / step_ms));
  const each = step_ms * Math.ceil(count / most);
  const plot = Array.from({ length: Math.max(1, Math.ceil((until - since) / each)) }, (_, at) => {
    return { startMs: since + at * each, endMs: since + (at + 1) * each, messages: 0, bytes: 0 };
  });
  for (const { bytes, messages, start_ms } of steps) {
    const step = plot[Math.min(plot.length - 1, Math.floor((Number(start_ms) - since) / each))]!;
    step.messages += messages;
    step.bytes += bytes;
  }
  return plot;
}

/** Over the time that is counted, to a hundredth. */
function perDay({ bytes, messages }: PlotCount, { since_ms, until_ms }: StatsAnswer): PlotCount {
  const days = Math.max(Number(until_ms - since_ms), 3_600_000) / DAY_MS;
  return { messages: Math.round((messages / days) * 100) / 100, bytes: Math.round(bytes / days) };
}

function rateText(rate: number): string {
  return rate >= 10 ? countText(Math.round(rate)) : String(rate);
}

/** Without the exact number beside it. */
function shortSize(bytes: number): string {
  return sizeText(bytes).replace(/ \(.*$/, "");
}

function barOf(part: number): string {
  return "█".repeat(Math.max(1, Math.round(part * BAR)));
}
