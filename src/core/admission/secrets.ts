import { withoutInvisible } from "../bytes/text.ts";

/** What stands between the pieces of a link that was broken, quoted in a mail or escaped in JSON, however often. */
const BREAK = String.raw`(?:[\s\u0085>|]|=(?=[\s\\])|\\+(?:[nrt]|u[0-9a-f]{4})?)`;
const SLASH = String.raw`${BREAK}*(?:\/|%2f|&#(?:47|x2f);)`;
/** The scheme and kind of a link, in every spelling that is read; taken whole or not at all. */
const BEGINNING = new RegExp(
  `entmoot(?::|%3a|&#(?:58|x3a);)(?:${SLASH}){0,2}(?:${BREAK}*(?:join|open-invite)(?:${SLASH}|\\?)?)?`,
  "gi",
);
/** What a link goes on with, up to where it was broken first; and each piece behind a break. */
const REST = /(?:[\w&%+=~-]|\.(?=\w)|:(?=\/)|\/|:[^\s/@"']{0,256}@|@(?=[\w[]))*/y;
// The breaks are taken whole: without a piece behind them nobody need look at each of their parts again.
const PIECE = new RegExp(`(?=((?:[\\s\\u0085>|]+|${BREAK})+))\\1([\\w-]+)`, "iy");
/** A piece that may as well be a word of the sentence around the link, and one that is none. */
const PLAIN_WORD = /^[a-z]{1,15}$/;
const NO_WORD = /[a-z].*[A-Z]|\d/;

/** Ours. A shorter piece that could be a word is a link's only within as many characters as the shortest link has. */
const PIECE_MIN = 16;
const LINK_MIN = 204;

/** What carries a token in the address of an invite, or in the JSON of an open one. */
const NAMED_TOKEN = /(\btoken=|\\?["']token\\?["']\s*:\s*\\?["'])[^\s"'\\&;,}]*[^\s"'\\&;,}:]/gi;

/** The token in the path at which an open invite is redeemed. */
const TOKEN_IN_PATH = /(\/open-invites\\?\/)[\w~%-]{16,}/gi;

/** User and password in a URL. */
const USER_INFO = /(:(?:\\?\/){2})[^\s/?#@\\"'<>]{1,1024}@/g;

/** A link without its scheme, as where it was taken apart. */
const BARE_LINK = /(?<![\w-])(join(?:\/|%2f))([\w-]{24,})/gi;

/** Ours. No word of a language, and no key or id, is as long in these letters; what a link carries is. */
const LONG_WORD = /[\w-]{100,}/g;
/** The same broken over lines, none of which is as short as a key. */
const BROKEN_WORD = new RegExp(String.raw`(?<![\w-])[\w-]{48,}(?:${BREAK}+[\w-]{10,})+`, "g");

/** `text` with every link, and whatever calls itself a token, cut to its beginning: whoever has one can join; and without what a URL logs in with. */
export function withoutSecrets(text: string): string {
  const cut = (from: string) =>
    withoutLinks(from)
      .replace(NAMED_TOKEN, "$1…")
      .replace(TOKEN_IN_PATH, "$1…")
      .replace(USER_INFO, "$1…@")
      .replace(BARE_LINK, (whole, kind, rest) => (/[A-Z]/.test(rest) && /[a-z]/.test(rest) ? `${kind}…` : whole))
      .replace(BROKEN_WORD, (words) => (isCoded(words.slice(0, 48)) ? `${words.slice(0, 8)}…` : words))
      .replace(LONG_WORD, (word) => (isCoded(word) ? `${word.slice(0, 8)}…` : word));
  const bare = withoutInvisible(text);
  // A link may be sprinkled with characters that nobody sees; where there is none, the text keeps its own.
  const shown = cut(bare);
  return shown === bare ? text : shown;
}

/** One letter a hundred times is somebody's test, and hides nothing. */
function isCoded(word: string): boolean {
  return /[0-9]/.test(word) && /[A-Z]/.test(word) && /[a-z]/.test(word);
}

/** Each link cut to its beginning; a text may speak of `entmoot://join/`. */
function withoutLinks(text: string): string {
  let shown = "";
  let at = 0;
  for (const [from, to] of linksIn(text)) {
    shown += `${text.slice(at, from)}…`;
    at = to;
  }
  return shown + text.slice(at);
}

/** Where each link of `text` goes on behind its beginning, and where it ends. */
function* linksIn(text: string): Generator<readonly [from: number, to: number]> {
  let at = 0;
  for (const { 0: beginning, index } of text.matchAll(BEGINNING)) {
    if (index < at) continue;
    const from = index + beginning.length;
    const to = endOfLink(text, from);
    if (to === from) continue;
    yield [from, to];
    at = to;
  }
}

/** Where the first link stands in `text` without its unseen characters, behind its beginning; `undefined` without one. */
export function firstLink(text: string): number | undefined {
  const [first] = linksIn(withoutInvisible(text));
  return first?.[0];
}

/** Where what stands at `from` ends as the rest of a link; words of the sentence behind it are none of it. */
function endOfLink(text: string, from: number): number {
  REST.lastIndex = from;
  let length = REST.exec(text)?.[0].length ?? 0;
  let end = from + length;
  PIECE.lastIndex = end;
  for (let found = PIECE.exec(text); found !== null; found = PIECE.exec(text)) {
    const piece = found[2]!;
    const isWithin = length > 0 && length < LINK_MIN;
    if (piece.length < PIECE_MIN && !isWithin && !NO_WORD.test(piece)) break;
    length += piece.length;
    if (!PLAIN_WORD.test(piece)) end = PIECE.lastIndex;
  }
  return end;
}
