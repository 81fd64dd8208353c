import { withoutInvisible } from "../bytes/text.ts";

/**
 * A link with all that belongs to it: also one that was broken over lines or escaped in JSON, where a piece of it
 * follows white space. What begins it is taken whole or not at all: a text may speak of `entmoot://join/`.
 */
const LINK =
  /(?=(entmoot:\/{0,2}(?:(?:join|open-invite)[/?]?)?))\1(?:[\w&%+=~-]|\.(?=\w)|:(?=\/)|\/|\\[nrt]|\s+(?=[\w-]{16,}))+/gi;

/** What carries a token in the address of an invite, or in the JSON of an open one. */
const NAMED_TOKEN = /(\btoken=|\\?["']token\\?["']\s*:\s*\\?["'])[^\s"'\\&;,}]+/gi;

/** Ours. No word of a language, and no key or id, is as long in these letters; what a link carries is. */
const LONG_WORD = /[\w-]{100,}/g;

/** `text` with every link, and whatever calls itself a token, cut to its beginning: whoever has one can join. */
export function withoutSecrets(text: string): string {
  const cut = (from: string) =>
    from
      .replace(LINK, "$1…")
      .replace(NAMED_TOKEN, "$1…")
      // One letter a hundred times is somebody's test, and hides nothing.
      .replace(LONG_WORD, (word) =>
        /[0-9]/.test(word) && /[A-Z]/.test(word) && /[a-z]/.test(word) ? `${word.slice(0, 8)}…` : word,
      );
  const bare = withoutInvisible(text);
  // A link may be sprinkled with characters that nobody sees; where there is none, the text keeps its own.
  const shown = cut(bare);
  return shown === bare ? text : shown;
}
