/** A command line as bash has it when somebody asks what may come next. */
export interface BashLine {
  /** The words ahead of the last one, as the program would get them; the first is the program. */
  readonly ahead: readonly string[];
  /** The last word, as far as it was typed. */
  readonly word: string;
  /** What replaces what bash takes for the word, to complete it to `candidate`; `undefined` where it cannot be written there. */
  reply(candidate: string): string | undefined;
}

/** What ends a word, or begins another command. */
const BLANK = /[ \t\n]/;
const ENDS_COMMAND = /[;&|()<>]/;

/**
 * Reads `line` up to the cursor as bash does, as far as words go: quotes and backslashes. Of several commands on the line
 * the last. `breaks` is COMP_WORDBREAKS: where bash takes a new word to begin, that the program does not.
 */
export function readBashLine(line: string, breaks: string): BashLine {
  let ahead: string[] = [];
  let word = "";
  let isInWord = false;
  let quote = "";
  /** Of the decoded word: what stands ahead of the part that bash replaces. */
  let kept = 0;
  for (let at = 0; at < line.length; at++) {
    const char = line[at]!;
    if (quote === "'") {
      if (char === "'") quote = "";
      else word += char;
    } else if (quote === '"') {
      if (char === '"') quote = "";
      else if (char === "\\" && /["\\$`\n]/.test(line[at + 1] ?? "")) word += line[++at]!;
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      isInWord = true;
      kept = word.length;
    } else if (char === "\\") {
      word += line[++at] ?? "";
      isInWord = true;
    } else if (BLANK.test(char) || ENDS_COMMAND.test(char)) {
      if (isInWord) ahead.push(word);
      if (ENDS_COMMAND.test(char)) ahead = [];
      [word, isInWord, kept] = ["", false, 0];
    } else {
      word += char;
      isInWord = true;
      if (breaks.includes(char)) kept = word.length;
    }
  }
  return {
    ahead,
    word,
    reply(candidate) {
      const rest = candidate.slice(kept);
      if (quote === "'") return rest.includes("'") || rest.includes("!") ? undefined : rest;
      // Bash would read `!` as its history there, and no backslash keeps it from that.
      if (quote === '"') return rest.includes("!") ? undefined : rest.replace(/["\\$`]/g, "\\$&");
      return rest.replace(/[^\p{L}\p{M}\p{N}_@%+=:,./-]/gu, "\\$&").replace(/^~/, "\\~");
    },
  };
}
