/** What a person did at the keyboard. */
export type Key =
  | { readonly kind: "text"; readonly text: string }
  /** What the terminal says was pasted, whole, with `\n` between lines. */
  | { readonly kind: "paste"; readonly text: string }
  /** A paste of which the end was not kept, and how much of it was. */
  | { readonly kind: "paste_too_long"; readonly maxChars: number }
  /** A paste of which the end never came, and which somebody gave up. */
  | { readonly kind: "paste_given_up"; readonly text: string }
  | { readonly kind: KeyName };

export type KeyName =
  | "enter"
  | "left"
  | "right"
  | "word_left"
  | "word_right"
  | "home"
  | "end"
  | "up"
  | "down"
  | "backspace"
  | "delete"
  | "delete_word_left"
  | "delete_word_right"
  | "kill_to_end"
  | "kill_to_start"
  | "yank"
  | "swap"
  | "redraw"
  | "interrupt"
  | "end_of_input"
  | "suspend"
  | "hold"
  | "go_on"
  | "escape";

const CONTROLS: Readonly<Record<string, KeyName>> = {
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end_of_input",
  "\x05": "end",
  "\x06": "right",
  "\x07": "escape",
  "\x08": "backspace",
  "\n": "enter",
  "\v": "kill_to_end",
  "\f": "redraw",
  "\r": "enter",
  "\x0e": "down",
  "\x10": "up",
  "\x11": "go_on",
  "\x13": "hold",
  "\x14": "swap",
  "\x15": "kill_to_start",
  "\x17": "delete_word_left",
  "\x19": "yank",
  "\x1a": "suspend",
  "\x7f": "backspace",
};

/** After ESC, which is how Alt comes. */
const WITH_ALT: Readonly<Record<string, KeyName>> = {
  b: "word_left",
  B: "word_left",
  f: "word_right",
  F: "word_right",
  d: "delete_word_right",
  D: "delete_word_right",
  "\x7f": "delete_word_left",
  "\b": "delete_word_left",
};

/** The letter that ends a sequence, whatever modifiers it carries; the last two with a number before `~`. */
const FINALS: Readonly<Record<string, KeyName>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
};
const NUMBERS: Readonly<Record<string, KeyName>> = {
  "1": "home",
  "3": "delete",
  "4": "end",
  "7": "home",
  "8": "end",
};
const WORDWISE: Partial<Record<KeyName, KeyName>> = {
  left: "word_left",
  right: "word_right",
  delete: "delete_word_right",
};

/** Ours. Above what a message holds, so that a paste that is too long is refused in the words of the node. */
export const PASTE_MAX_CHARS = 4 * 1024 * 1024;
/** Ours. Parameters of one sequence; no key sends more. */
const SEQUENCE_MAX = 64;
const PASTE_END = "\x1b[201~";
/** Ctrl-C and Ctrl-D, of which a person in a paste that does not end presses two in a row, and nothing else between. */
const GIVE_UP = new Set([0x03, 0x04]);
const GIVE_UP_KEYS = 2;

/**
 * Bytes of a terminal in raw mode to keys, however they are cut into pieces. A sequence that it does not know is dropped
 * whole, so that no part of it reads as typing. A lone ESC counts once the next byte has come.
 */
export class KeyReader {
  readonly #decoder = new TextDecoder("utf-8");
  #rest = "";
  /** Of the paste that is under way. */
  #pasted: string[] | undefined;
  #pastedChars = 0;
  /** Keys in a row to give it up. */
  #givingUp = 0;

  /** How much of a paste has come of which the end has not; `undefined` when none is under way. */
  get pastingChars(): number | undefined {
    return this.#pasted === undefined ? undefined : this.#pastedChars;
  }

  /** Ends a paste that is under way; gives what came of it. */
  giveUp(): string {
    const pasted = asPasted(this.#pasted ?? []);
    this.#pasted = undefined;
    this.#givingUp = 0;
    return pasted;
  }

  read(bytes: Uint8Array): Key[] {
    const keys: Key[] = [];
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    this.#rest = "";
    while (text !== "") {
      const taken = this.#pasted === undefined ? this.#key(text, keys) : this.#paste(text, keys);
      if (taken === 0) {
        this.#rest = text;
        break;
      }
      text = text.slice(taken);
    }
    this.#noteGivingUp(bytes, keys);
    return keys;
  }

  /**
   * A terminal that never says where a paste ends (a lost byte, a broken program) takes the keyboard from nobody. One
   * such character may be pasted, and come as a piece of its own; what stands behind it must not be read as typing then.
   */
  #noteGivingUp(bytes: Uint8Array, keys: Key[]): void {
    const isGivingUp = this.#pasted !== undefined && bytes.every((byte) => GIVE_UP.has(byte));
    this.#givingUp = isGivingUp ? this.#givingUp + bytes.length : 0;
    if (this.#givingUp < GIVE_UP_KEYS) return;
    const typed = this.#givingUp;
    keys.push({ kind: "paste_given_up", text: this.giveUp().slice(0, -typed) });
  }

  /** Takes one key, or a run of text, from the front of `text`; 0 when its end has not come yet. */
  #key(text: string, keys: Key[]): number {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what ends a run of text.
    const run = /^[^\x00-\x1f\x7f-\x9f]+/.exec(text)?.[0];
    if (run !== undefined) {
      keys.push({ kind: "text", text: run });
      return run.length;
    }
    const [first] = text;
    if (first === "\x1b") return this.#escape(text, keys);
    // A typed tab is a blank: what it would stand at is up to each reader's terminal.
    if (first === "\t") keys.push({ kind: "text", text: " " });
    else if (CONTROLS[first!] !== undefined) keys.push({ kind: CONTROLS[first!]! });
    return 1;
  }

  #escape(text: string, keys: Key[]): number {
    if (text.length === 1) return 0;
    const second = text[1]!;
    if (second === "[" || second === "O") return this.#sequence(text, keys);
    if (second === "\x1b") {
      keys.push({ kind: "escape" });
      return 1;
    }
    const key = WITH_ALT[second];
    keys.push({ kind: key ?? "escape" });
    // Alt with a letter that means nothing is no letter either.
    return key === undefined && second < " " ? 1 : 1 + String.fromCodePoint(text.codePointAt(1)!).length;
  }

  #sequence(text: string, keys: Key[]): number {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ESC begins it.
    const whole = /^\x1b[[O]([0-9;:<=>?]*)([ -/]*)([@-~])?/.exec(text)!;
    const [all, parameters = "", , final] = whole;
    if (final === undefined) {
      // Its end is to come, or something stands in it that ends it without a meaning.
      return all.length === text.length && all.length <= SEQUENCE_MAX ? 0 : all.length;
    }
    // The Linux console's first function keys have a second bracket.
    if (final === "[") return all.length < text.length ? all.length + 1 : 0;
    if (final === "~" && parameters === "200") {
      this.#pasted = [];
      this.#pastedChars = 0;
      return all.length;
    }
    const [number = "", modifier = "1"] = parameters.split(";");
    const key = final === "~" ? NUMBERS[number] : FINALS[final];
    // 1 and a bit for each of Shift, Alt, Ctrl and Meta; Shift alone changes nothing.
    const isWordwise = (Number.parseInt(modifier, 10) - 1) & ~1;
    if (key !== undefined) keys.push({ kind: (isWordwise ? WORDWISE[key] : undefined) ?? key });
    return all.length;
  }

  /** Takes what is pasted, up to what could be the beginning of its end. */
  #paste(text: string, keys: Key[]): number {
    const end = text.indexOf(PASTE_END);
    const upTo = end >= 0 ? end : text.length - cutEnd(text);
    const piece = text.slice(0, upTo);
    this.#pastedChars += piece.length;
    if (this.#pastedChars <= PASTE_MAX_CHARS) this.#pasted!.push(piece);
    if (end < 0) return upTo;
    keys.push(
      this.#pastedChars > PASTE_MAX_CHARS
        ? { kind: "paste_too_long", maxChars: PASTE_MAX_CHARS }
        : { kind: "paste", text: asPasted(this.#pasted!) },
    );
    this.#pasted = undefined;
    return end + PASTE_END.length;
  }
}

function asPasted(pieces: readonly string[]): string {
  return pieces.join("").replace(/\r\n?/g, "\n");
}

/** How many characters at the end of `text` may be the beginning of the end of a paste. */
function cutEnd(text: string): number {
  for (let length = Math.min(PASTE_END.length - 1, text.length); length > 0; length--) {
    if (PASTE_END.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
