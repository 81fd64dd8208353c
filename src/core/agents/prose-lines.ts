/** Up to three blanks, then a fence of code; a closing one has nothing behind it. https://spec.commonmark.org/0.31.2/#fenced-code-blocks */
const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** https://spec.commonmark.org/0.31.2/#block-quotes */
const QUOTE = /^ {0,3}>/;

/** Begins as one of both may; most lines do not. */
const MARKED = /^ {0,3}[`~>]/;

/**
 * The lines of `text` that its author says himself: without fenced code (an open fence reaches to the end), without lines
 * quoted by `>`, and with blanks in place of code between backticks within a line. Linear in the text.
 */
export function* proseLines(text: string): Generator<string> {
  let fence: string | undefined;
  for (const line of linesOf(text)) {
    if (fence === undefined && !MARKED.test(line)) {
      yield withoutCode(line);
      continue;
    }
    if (fence === undefined && QUOTE.test(line)) continue;
    const [, marks, info] = FENCE.exec(line) ?? [];
    if (fence !== undefined) {
      const isEnd = marks !== undefined && marks[0] === fence[0] && marks.length >= fence.length && info!.trim() === "";
      if (isEnd) fence = undefined;
    } else if (marks !== undefined && !(marks[0] === "`" && info!.includes("`"))) {
      fence = marks;
    } else {
      yield withoutCode(line);
    }
  }
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const to = end < 0 ? text.length : end;
    yield text.slice(at, text[to - 1] === "\r" ? to - 1 : to);
    at = to + 1;
  }
}

/** A run of backticks ends at the next run of as many. https://spec.commonmark.org/0.31.2/#code-spans */
function withoutCode(line: string): string {
  if (!line.includes("`")) return line;
  const runs = [...line.matchAll(/`+/g)].map(({ 0: marks, index }) => ({ at: index, length: marks.length }));
  // From the end, so that each run is looked at once: the run that closes it, if there is one.
  const closedBy: (number | undefined)[] = [];
  const latest = new Map<number, number>();
  for (let number = runs.length - 1; number >= 0; number--) {
    const { length } = runs[number]!;
    closedBy[number] = latest.get(length);
    latest.set(length, number);
  }
  const pieces: string[] = [];
  let from = 0;
  for (let number = 0; number < runs.length; number++) {
    const closing = closedBy[number];
    if (closing === undefined) continue;
    pieces.push(line.slice(from, runs[number]!.at));
    from = runs[closing]!.at + runs[closing]!.length;
    number = closing;
  }
  pieces.push(line.slice(from));
  return pieces.join(" ");
}
