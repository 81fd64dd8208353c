import { trimEnd, withoutInvisible } from "../bytes/text.ts";

/** A slash as it stands in JSON, in the address of a page and in its source. */
const SLASH = String.raw`\s*(?:\\{0,4}\/|%2f|&#(?:47|x2f);)\s*`;
/** How links begin, whatever broke, capitalised or escaped it. */
const BEGINNING = new RegExp(`entmoot(?::|%3a|&#(?:58|x3a);)${SLASH}${SLASH}join${SLASH}`, "gi");

/** Ours. Pieces of a link that was broken over lines; 40 characters a line make fifty. */
const PIECES_MAX = 128;

/**
 * What could be meant by each link in a text that a person pasted. It ends where its alphabet does, so quotes, brackets
 * and a full stop fall away; where white space follows, the link may go on behind it or not, and marks of emphasis at
 * its end may be its own or not: every reading is given, each beginning with `prefix`, those with the least ahead. None
 * for JSON, which holds links in fields of its own.
 */
export function pastedSpellings(text: string, prefix: string): readonly (readonly string[])[] {
  const bare = withoutInvisible(text);
  if (/^\s*\{/.test(bare)) return [];
  const begins = [...bare.matchAll(BEGINNING)];
  return begins.map((match, at) => {
    const behind = bare.slice(match.index + match[0].length, begins[at + 1]?.index);
    return readings(unquoted(behind)).map((payload) => prefix + payload);
  });
}

/** Without what mail programs put at the ends of lines: marks of a quotation, and of a line that goes on. */
function unquoted(text: string): string {
  return text.replace(/[=\\]?[ \t]*(?:\r\n|[\n\r\u0085\u2028\u2029])[\s>|]*/g, "\n");
}

function readings(text: string): string[] {
  const found: string[] = [];
  let joined = "";
  let rest = text;
  for (let piece = 0; piece < PIECES_MAX; piece++) {
    const [whole, payload] = /^\s*([\w-]+)/.exec(rest) ?? [];
    if (whole === undefined || payload === undefined) break;
    joined += payload;
    found.push(joined);
    const plain = trimEnd(joined, "_-");
    if (plain !== joined) found.push(plain);
    rest = rest.slice(whole.length);
  }
  // A link without anything is one that was cut short.
  return found.length === 0 ? [""] : found;
}
