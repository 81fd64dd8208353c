import { countText, instantText } from "../core/amounts.ts";
import { shownLine } from "../core/bytes/shown-text.ts";
import type { StatsAnswer } from "../node/operations/find.ts";
import type { NamesOfMembers } from "./found-text.ts";
import { plotSteps } from "./stats-text.ts";

/** Ours. Pixels of the picture and its parts. */
const WIDTH = 960;
const MARGIN = 32;
const PLOT_HEIGHT = 180;
const ROW_HEIGHT = 22;
const NAME_WIDTH = 260;
const COUNT_WIDTH = 100;
const STEPS_MAX = 200;
/** Ours. Rows of a table, and characters of a name in it. */
const ROWS_MAX = 20;
const NAME_SHOWN = 36;

/** Counts as a picture that stands alone: columns over time, bars of authors and topics. It holds no script and asks for nothing. */
export function statsSvg(stats: StatsAnswer, names: NamesOfMembers, moot: string): string {
  const authors = stats.authors.slice(0, ROWS_MAX).map(({ messages, node_id }) => {
    const name = names.get(node_id) ?? "";
    return { name: name === "" ? `node ${node_id}` : `${name} (node ${node_id})`, messages };
  });
  const topics = stats.topics.slice(0, ROWS_MAX).map(({ messages, topic }) => ({ name: topic, messages }));
  const title = `${moot === "" ? "moot" : moot}: ${countText(stats.messages)} messages by ${countText(stats.members)} ${stats.members === 1 ? "member" : "members"}`;
  const plotTop = MARGIN + 24;
  const authorsTop = plotTop + PLOT_HEIGHT + 56;
  const topicsTop = authorsTop + 28 + authors.length * ROW_HEIGHT + 28;
  const height = topicsTop + 28 + topics.length * ROW_HEIGHT + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    textAt(MARGIN, MARGIN, title, 'font-size="17" font-weight="bold"'),
    ...plot(stats, plotTop),
    ...bars("authors", authors, authorsTop),
    ...bars("topics", topics, topicsTop),
    "</svg>",
    "",
  ].join("\n");
}

function plot(stats: StatsAnswer, top: number): string[] {
  const steps = plotSteps(stats, STEPS_MAX);
  const most = Math.max(1, ...steps.map(({ messages }) => messages));
  const width = (WIDTH - 2 * MARGIN) / steps.length;
  const bottom = top + PLOT_HEIGHT;
  const columns = steps.flatMap(({ messages, startMs }, at) => {
    if (messages === 0) return [];
    const height = Math.max(1, (messages / most) * PLOT_HEIGHT);
    const label = `${instantText(startMs)}: ${countText(messages)}`;
    return [
      `<rect x="${fixed(MARGIN + at * width)}" y="${fixed(bottom - height)}" width="${fixed(Math.max(0.5, width - 1))}" height="${fixed(height)}" fill="#3b6ea5"><title>${escaped(label)}</title></rect>`,
    ];
  });
  return [
    ...columns,
    `<line x1="${MARGIN}" y1="${bottom}" x2="${WIDTH - MARGIN}" y2="${bottom}" stroke="#888888"/>`,
    textAt(MARGIN, bottom + 18, instantText(Number(stats.since_ms))),
    textAt(WIDTH - MARGIN, bottom + 18, instantText(Number(stats.until_ms)), 'text-anchor="end"'),
    textAt(WIDTH - MARGIN, top - 6, `most: ${countText(most)}`, 'text-anchor="end"'),
  ];
}

function bars(
  of: string,
  rows: readonly { readonly name: string; readonly messages: number }[],
  top: number,
): string[] {
  const most = Math.max(1, ...rows.map(({ messages }) => messages));
  const room = WIDTH - 2 * MARGIN - NAME_WIDTH - COUNT_WIDTH;
  return [
    textAt(MARGIN, top, of, 'font-weight="bold"'),
    ...rows.flatMap(({ messages, name }, at) => {
      const y = top + 12 + at * ROW_HEIGHT;
      const width = Math.max(1, (messages / most) * room);
      const shown = shownLine(name.slice(0, 4 * NAME_SHOWN));
      return [
        textAt(MARGIN, y + 13, shown.length > NAME_SHOWN ? `${shown.slice(0, NAME_SHOWN)}…` : shown),
        `<rect x="${MARGIN + NAME_WIDTH}" y="${y}" width="${fixed(width)}" height="${ROW_HEIGHT - 6}" fill="#7a9e3d"/>`,
        textAt(MARGIN + NAME_WIDTH + width + 8, y + 13, countText(messages)),
      ];
    }),
  ];
}

function textAt(x: number, y: number, text: string, extra = ""): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${extra}>${escaped(text)}</text>`;
}

/** Nothing of a name is markup, and nothing in it is what XML has no place for. */
function escaped(text: string): string {
  const safe = shownLine(text)
    .toWellFormed()
    .replace(/\p{Cc}|[\ufffe\uffff]/gu, "");
  return safe.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
