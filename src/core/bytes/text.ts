/** Unicode White_Space. Unlike `trim()`, this takes U+0085 and leaves U+FEFF, as all text of the network is trimmed. */
const SPACE = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LEADING = new RegExp(`^${SPACE}+`);
const IS_SPACE = new RegExp(SPACE);

/** `text` without white space at either end. */
export function trimSpace(text: string): string {
  const from = LEADING.exec(text)?.[0].length ?? 0;
  let to = text.length;
  while (to > from && IS_SPACE.test(text[to - 1]!)) to--;
  return text.slice(from, to);
}

/** Format characters and others that show as nothing and come along when text is copied: soft hyphens, joiners, marks. */
const INVISIBLE = /\p{Cf}|\u034f|[\u115f\u1160\u3164\uffa0]|\u17b4|\u17b5/gu;

/** `text` without what cannot be seen; white space stays. */
export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, "");
}

/** `text` without any of `chars` at its end. An expression such as `/-+$/` begins anew at each of them, and costs the square of a long row. */
export function trimEnd(text: string, chars: string): string {
  let to = text.length;
  while (to > 0 && chars.includes(text[to - 1]!)) to--;
  return text.slice(0, to);
}
