/**
 * Compact JSON text spread over lines with two spaces a level, keys and numbers untouched; empty
 * objects and lists stay closed. The form of the original's files and printed objects, without a
 * final line feed.
 */
export function indentJson(compact: string): string {
  let depth = 0;
  let out = "";
  const newLine = () => `\n${"  ".repeat(depth)}`;
  for (let at = 0; at < compact.length; at++) {
    const char = compact[at]!;
    if (char === '"') {
      const end = stringEnd(compact, at);
      out += compact.slice(at, end);
      at = end - 1;
    } else if (char === "{" || char === "[") {
      if (compact[at + 1] === "}" || compact[at + 1] === "]") {
        out += char + compact[++at]!;
      } else {
        depth++;
        out += char + newLine();
      }
    } else if (char === "}" || char === "]") {
      depth--;
      out += newLine() + char;
    } else if (char === ",") out += char + newLine();
    else out += char === ":" ? ": " : char;
  }
  return out;
}

/** Index behind the closing quote of the string that starts at `from`. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
