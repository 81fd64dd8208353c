const LETTER_U = 0x75;
const DIGITS_AT = 2;
const UNIT_LENGTH = 6;

/** What a letter behind a backslash stands for; 0 for none. */
const MEANT = new Uint8Array(0x80);
/** The letter behind the backslash that stands for a unit in canonical form; 0 for none. */
const LETTER = new Uint8Array(0x80);
for (const [letter, unit] of ['""', "\\\\", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  MEANT[letter!.charCodeAt(0)] = unit!.charCodeAt(0);
  LETTER[unit!.charCodeAt(0)] = letter!.charCodeAt(0);
}
MEANT["/".charCodeAt(0)] = "/".charCodeAt(0);

/** Units of the escape whose backslash is at `at`; 0 where it is none. */
export function escapeLength(json: string, at: number): number {
  const letter = json.charCodeAt(at + 1);
  if (letter !== LETTER_U) return letter < MEANT.length && MEANT[letter] !== 0 ? 2 : 0;
  for (let digit = at + DIGITS_AT; digit < at + UNIT_LENGTH; digit++) {
    if (!isHexDigit(json.charCodeAt(digit))) return 0;
  }
  return UNIT_LENGTH;
}

/** The unit that a valid escape stands for. */
export function escapedUnit(json: string, at: number): number {
  const letter = json.charCodeAt(at + 1);
  if (letter !== LETTER_U) return MEANT[letter]!;
  let unit = 0;
  for (let digit = at + DIGITS_AT; digit < at + UNIT_LENGTH; digit++) {
    unit = (unit << 4) | hexValue(json.charCodeAt(digit));
  }
  return unit;
}

/** The letter of the short escape of a unit; 0 where it has none. */
export function escapeLetter(unit: number): number {
  return unit < LETTER.length ? LETTER[unit]! : 0;
}

/** With this bit a letter is small, and a digit stays one. */
const SMALL = 0x20;

function isHexDigit(code: number): boolean {
  const small = code | SMALL;
  return (code >= 0x30 && code <= 0x39) || (small >= 0x61 && small <= 0x66);
}

function hexValue(code: number): number {
  return code <= 0x39 ? code - 0x30 : (code | SMALL) - 0x57;
}
