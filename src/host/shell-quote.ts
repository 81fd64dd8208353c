const BARE = /^[A-Za-z0-9_\-./:=+,]+$/;

/** One word of a suggested command, quoted for a POSIX shell only where it must be. */
export function shellQuote(word: string): string {
  return BARE.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}

/** A command line a person can paste. */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellQuote).join(" ");
}
