import { KeyPieces } from "./key-pieces.ts";

/**
 * What the user has begun in the program's line. `unknown`: keys were pressed whose effect this does not know, as they
 * recall, complete, move or close something.
 */
export type DraftState = "empty" | "typed" | "unknown";

/** Ours. Enough to find a draft's end on a screen again. */
const KEPT_MAX = 256;
const ENTER = 13;
const ESCAPE = 27;
const BACKSPACE = 127;
/** Keys that change nothing in a line: Ctrl-G, Ctrl-L, Ctrl-Q, Ctrl-S, Ctrl-Z. */
const HARMLESS = "\x07\x0c\x11\x13\x1a";
/** Control characters one by one, what is between them at once. */
const KEYS = /\P{Cc}+|\p{Cc}/gu;

/** What was typed since the last Enter, as far as keys tell. */
export class TypedDraft {
  readonly #pieces = new KeyPieces();
  #state: DraftState = "empty";
  #text = "";
  #entered = "";

  get state(): DraftState {
    return this.#state;
  }

  /** Of a draft that the last Enter ended, its end; whether the program took it, the screen tells. */
  get entered(): string {
    return this.#entered;
  }

  /** It was seen that the line is empty. */
  clear(): void {
    this.#to("empty");
    this.#entered = "";
  }

  /**
   * `hasLines`: the terminal gathers lines, so that its own keys rub out. `isAsked`: an Enter now answers a question and
   * submits no line. Gives whether anybody did anything at all: a terminal's reports are nobody's.
   */
  read(bytes: Uint8Array, now: { readonly hasLines: boolean; readonly isAsked: boolean }): boolean {
    let isActive = false;
    for (const piece of this.#pieces.read(bytes)) {
      if (piece.kind === "report") continue;
      isActive = true;
      if (piece.kind === "keys") for (const [key] of piece.text.matchAll(KEYS)) this.#key(key, now);
      else if (piece.kind === "pasted") this.#add(piece.text);
      else if (piece.kind === "alt" && /[\r\n]/.test(piece.text)) this.#add("\n");
      else if (piece.kind === "sequence") this.#sequence(piece.params, piece.final, now);
      else if (piece.kind === "alt") this.#to("unknown");
    }
    return isActive;
  }

  #key(key: string, now: { readonly hasLines: boolean; readonly isAsked: boolean }): void {
    if (key === "\r" || (key === "\n" && now.hasLines)) this.#enter(now.isAsked);
    else if (key === "\n") this.#add("\n");
    else if (key === "\x7f" || key === "\b") this.#rubOut();
    else if (key === "\x03" || key === "\x04" || key === "\x17") this.#mayClear(now.hasLines && key === "\x03");
    else if (key === "\x15") this.#mayClear(now.hasLines || !this.#text.includes("\n"));
    else if (HARMLESS.includes(key)) return;
    else if (key < " ") this.#to("unknown");
    else this.#add(key);
  }

  /** Key codes of the keyboard protocols that programs can ask for: `CSI code;modifiers u` and `CSI 27;modifiers;code ~`. */
  #sequence(params: string, final: string, now: { readonly hasLines: boolean; readonly isAsked: boolean }): void {
    const numbers = params.split(";").map((part) => part.split(":").map(Number));
    const isOther = final === "~" && numbers[0]?.[0] === 27;
    if (final !== "u" && !isOther) {
      // A key let go is none pressed.
      if (numbers[1]?.[1] !== 3) this.#to("unknown");
      return;
    }
    const code = (isOther ? numbers[2] : numbers[0])?.[0] ?? Number.NaN;
    const [modifiers = 1, event = 1] = numbers[1] ?? [];
    if (event === 3) return;
    // Shift, which alone changes no letter into a command.
    const isPlain = modifiers <= 2;
    if (code === ENTER) {
      if (modifiers <= 1) this.#enter(now.isAsked);
      else this.#add("\n");
    } else if (code === BACKSPACE && isPlain) this.#rubOut();
    else if (code === ESCAPE || !isPlain || !(code >= 32 && code <= 0x10ffff)) this.#to("unknown");
    else this.#add(String.fromCodePoint(code));
  }

  #enter(isAsked: boolean): void {
    if (isAsked) return;
    // A line that goes on behind it, in shells and in agents.
    if (this.#state === "typed" && this.#text.endsWith("\\")) this.#add("\n");
    else {
      this.#entered = this.#text;
      this.#to("empty");
    }
  }

  #add(text: string): void {
    if (text === "") return;
    if (this.#state === "empty") this.#state = "typed";
    this.#text = (this.#text + text).slice(-KEPT_MAX);
  }

  #rubOut(): void {
    if (this.#state !== "typed") return;
    const isLast = this.#text.length < KEPT_MAX;
    this.#text = Array.from(this.#text).slice(0, -1).join("");
    if (this.#text === "") this.#to(isLast ? "empty" : "unknown");
  }

  #mayClear(isSure: boolean): void {
    if (this.#state === "empty") return;
    this.#to(isSure && this.#state === "typed" ? "empty" : "unknown");
  }

  #to(state: DraftState): void {
    this.#state = state;
    if (state === "empty") this.#text = "";
  }
}
