import { countText, instantText } from "../core/amounts.ts";
import { htmlText } from "../core/bytes/html-text.ts";
import { shownLine, shownLines } from "../core/bytes/shown-text.ts";
import { POLICY_TOPIC } from "../core/policy/policy-update.ts";
import { isReserved } from "../core/policy/topic.ts";
import type { MessageRow } from "../node/operations/messages.ts";
import { textOrBytes } from "./message-line.ts";

/*
 * A moot as a page for people. Whatever members wrote, and what they call themselves, is text there and nothing else: no
 * markup of theirs is one of the page, nothing of it hides or turns a line.
 */

/** What stands above the messages. */
export interface ExportedPage {
  readonly name: string;
  /** Base64. */
  readonly groupId: string;
  /** Unix milliseconds. */
  readonly madeMs: number;
}

/** One message of a page. */
export interface PageMessage {
  readonly row: MessageRow;
  /** What its author is called in the moot; empty for nothing. */
  readonly author: string;
}

/** Ours. A name of a member on a page, in characters. */
const NAME_MAX = 80;

/** How a page is written. */
export interface PageFormat {
  head(page: ExportedPage): string;
  message(message: PageMessage): string;
  end(messages: number): string;
}

/** Words of members stand in indented code: every line of them is. */
export const MARKDOWN: PageFormat = {
  head: ({ groupId, madeMs, name }) =>
    `# ${markdownText(titleOf(name))}\n\nMoot ${markdownText(groupId)}, exported ${instantText(madeMs)}\n`,
  message: ({ author, row }) =>
    `\n**${markdownText(whoOf(row, author))}** ${markdownText(aboutOf(row))}\n\n${indented(wordsOf(row))}\n`,
  end: (messages) => `\n${countText(messages)} messages\n`,
};

/** No script, nothing loaded, and the browser is told to hold it to that. */
export const HTML: PageFormat = {
  head({ groupId, madeMs, name }) {
    const title = htmlText(titleOf(name));
    return [
      '<!doctype html><html lang="en"><head><meta charset="utf-8">',
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
      '<meta name="viewport" content="width=device-width">',
      `<title>${title}</title><style>${STYLE}</style></head><body>`,
      `<h1>${title}</h1><p>Moot ${htmlText(groupId)}, exported ${instantText(madeMs)}</p>\n`,
    ].join("\n");
  },
  message: ({ author, row }) =>
    `<article><p><b><bdi>${htmlText(whoOf(row, author))}</bdi></b> <small><bdi>${htmlText(aboutOf(row))}</bdi></small></p><pre dir="auto">${htmlText(wordsOf(row))}</pre></article>\n`,
  end: (messages) => `<p>${countText(messages)} messages</p></body></html>\n`,
};

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid #8884}pre{font:inherit;white-space:pre-wrap;overflow-wrap:anywhere}small{opacity:.7}";

function titleOf(name: string): string {
  return name === "" ? "Moot" : shownLine(name);
}

function whoOf({ message }: MessageRow, name: string): string {
  const { pilot_node_id } = message.author;
  const called = shownLine(name.slice(0, NAME_MAX));
  return called === "" ? `${pilot_node_id}` : `${called} (${pilot_node_id})`;
}

function aboutOf({ apart, message }: MessageRow): string {
  const topics = shownLine(message.topics.join(", "));
  const removed = apart === undefined ? "" : ", by one who had been removed";
  return `${instantText(Number(message.timestamp))}${topics === "" ? "" : ` in ${topics}`}${removed}`;
}

/** Of what nodes tell each other, in JSON, a page says that they did. */
function wordsOf({ message }: MessageRow): string {
  const { topics } = message;
  if (topics.length > 0 && topics.every(isReserved)) {
    return topics.includes(POLICY_TOPIC) ? "(the policy was changed)" : "(a note between nodes)";
  }
  return shownLines(textOrBytes(message.content).content);
}

function indented(text: string): string {
  return text
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
}

/** Each sign that means something in markdown, or in the HTML it may hold, means itself behind a backslash. */
function markdownText(text: string): string {
  return text.replace(/[!-/:-@[-`{-~]/g, "\\$&");
}
