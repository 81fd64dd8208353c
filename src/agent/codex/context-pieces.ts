/** Ours. Codex cuts untrusted content in its middle at some 4,000 bytes of UTF-8. */
export const PIECE_BYTES_MAX = 3_600;
/** How a line of a member's words begins in the envelope. */
const MARK = "| ";

const utf8 = new TextEncoder();

/** `text` in pieces that Codex does not cut, at the ends of lines; a line that is too long goes on in the next as one of the same kind. */
export function contextPieces(text: string, bytesMax = PIECE_BYTES_MAX): string[] {
  const pieces: string[] = [];
  let lines: string[] = [];
  let bytes = 0;
  for (const line of text.split("\n").flatMap((each) => shortLines(each, bytesMax))) {
    const length = utf8.encode(line).length + 1;
    if (bytes + length > bytesMax && lines.length > 0) {
      pieces.push(lines.join("\n"));
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += length;
  }
  return [...pieces, lines.join("\n")];
}

function shortLines(line: string, bytesMax: number): string[] {
  if (3 * line.length < bytesMax) return [line];
  const mark = line.startsWith(MARK) ? MARK : "";
  const short: string[] = [];
  let part = "";
  let bytes = 0;
  for (const character of line.slice(mark.length)) {
    const length = utf8.encode(character).length;
    if (bytes + length + mark.length + 1 > bytesMax) {
      short.push(mark + part);
      part = "";
      bytes = 0;
    }
    part += character;
    bytes += length;
  }
  return [...short, mark + part];
}
