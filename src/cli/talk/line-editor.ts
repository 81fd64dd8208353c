import { countText, sizeText } from "../../core/amounts.ts";
import { History } from "./history.ts";
import type { Key } from "./keys.ts";
import { blankLeft, boundaryRight, stepLeft, stepRight, wordLeft, wordRight } from "./text-steps.ts";

/** Ours. A paste without line breaks up to here goes into the line; a longer one is asked about, as several lines are. */
const PASTE_ASKED_CHARS = 1_000;
/** Ours. Above what a message holds, so that a line that is too long is refused in the words of the node. */
const LINE_MAX_CHARS = 4 * 1024 * 1024;
/** Ours. Of an answer, which is one word. */
const ANSWER_MAX_CHARS = 80;
const ANSWERS = "about the paste: y publishes it, n does not, e puts it into the line to be changed; then Enter";

/** What a key led to, beyond another look of the line. */
export type Done =
  /** A finished line; `pasted`: what it says was asked about and is meant. */
  | { readonly kind: "line"; readonly text: string; readonly pasted: boolean }
  /** Something to tell. */
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "end" | "suspend" | "redraw" | "hold" | "go_on" };

/** What is to be seen of the line. */
export interface LineView {
  readonly text: string;
  /** Where in `text` the next key acts. */
  readonly cursor: number;
  /** What is asked; a word and Enter answer it, and `text` is that word so far. */
  readonly question: string | undefined;
}

/** One line being typed: keys in, what it looks like and what is finished out. Does nothing else. */
export class LineEditor {
  readonly #history = new History();
  #text = "";
  /** In `#text`, never within a character that a person sees as one. */
  #cursor = 0;
  /** What was last taken away at once. */
  #killed = "";
  /** A paste about which is asked. */
  #pasted: string | undefined;
  /** What was typed so far to answer. */
  #answered = "";

  get view(): LineView {
    if (this.#pasted === undefined) return { text: this.#text, cursor: this.#cursor, question: undefined };
    return { text: this.#answered, cursor: this.#answered.length, question: questionOf(this.#pasted) };
  }

  /** What was typed or pasted and not finished, as it would be published; the line is empty after it. */
  takeUnfinished(): string {
    const text = this.#pasted === undefined ? this.#text : this.#with(this.#pasted);
    this.#finish(text, false);
    return text;
  }

  /** Something that was said before this editor was there, to be brought back as what is typed in it. */
  remember(line: string): void {
    this.#history.add(line);
  }

  /** A line that was no more than an answer: there is nothing of it to bring back. */
  forget(line: string): void {
    this.#history.forget(line);
  }

  press(key: Key): Done | undefined {
    return this.#pasted === undefined ? this.#edit(key) : this.#answer(key, this.#pasted);
  }

  #edit(key: Key): Done | undefined {
    switch (key.kind) {
      case "text":
        return this.#insert(key.text);
      case "paste":
        return this.#paste(key.text);
      case "paste_too_long":
        return {
          kind: "note",
          text: `pasted more than ${countText(key.maxChars)} characters: nothing of it was taken`,
        };
      case "paste_given_up":
        return this.#giveUp(key.text);
      case "enter":
        return this.#finish(this.#text, false);
      case "interrupt":
        return { kind: "end" };
      case "end_of_input":
        if (this.#text === "") return { kind: "end" };
        return this.#take(this.#cursor, stepRight(this.#text, this.#cursor));
      case "suspend":
      case "redraw":
      case "hold":
      case "go_on":
        return { kind: key.kind };
      case "up":
        return this.#show(this.#history.older(this.#text));
      case "down":
        return this.#show(this.#history.newer());
      default:
        return this.#move(key.kind);
    }
  }

  #move(kind: Key["kind"]): undefined {
    const text = this.#text;
    const at = this.#cursor;
    switch (kind) {
      case "left":
        return this.#goTo(stepLeft(text, at));
      case "right":
        return this.#goTo(stepRight(text, at));
      case "word_left":
        return this.#goTo(wordLeft(text, at));
      case "word_right":
        return this.#goTo(wordRight(text, at));
      case "home":
        return this.#goTo(0);
      case "end":
        return this.#goTo(text.length);
      case "backspace":
        return this.#take(stepLeft(text, at), at);
      case "delete":
        return this.#take(at, stepRight(text, at));
      case "delete_word_left":
        return this.#kill(blankLeft(text, at), at);
      case "delete_word_right":
        return this.#kill(at, wordRight(text, at));
      case "kill_to_end":
        return this.#kill(at, text.length);
      case "kill_to_start":
        return this.#kill(0, at);
      case "yank":
        this.#insert(this.#killed);
        return;
      case "swap":
        return this.#swap();
    }
  }

  /** A question is answered by a word and Enter, as every other is; what is no answer is told what would be one. */
  #answer(key: Key, pasted: string): Done | undefined {
    switch (key.kind) {
      case "paste":
        this.#pasted = pasted + key.text;
        return undefined;
      case "paste_given_up":
        return this.#giveUp(key.text);
      case "suspend":
      case "redraw":
      case "hold":
      case "go_on":
        return { kind: key.kind };
      case "escape":
      case "interrupt":
      case "end_of_input":
        return this.#dismiss(pasted);
      case "text":
        // What goes past it was no answer before.
        this.#answered = (this.#answered + key.text).slice(0, ANSWER_MAX_CHARS);
        return undefined;
      case "backspace":
        this.#answered = this.#answered.slice(0, stepLeft(this.#answered, this.#answered.length));
        return undefined;
      case "delete_word_left":
      case "kill_to_start":
        this.#answered = "";
        return undefined;
      case "enter":
        return this.#decide(pasted);
      default:
        return { kind: "note", text: ANSWERS };
    }
  }

  #decide(pasted: string): Done | undefined {
    const answer = this.#answered.trim().toLowerCase();
    this.#answered = "";
    switch (answer) {
      case "":
      case "y":
      case "yes":
        return this.#finish(this.#with(pasted), true);
      case "n":
      case "no":
        return this.#dismiss(pasted);
      case "e":
      case "edit":
        this.#pasted = undefined;
        return this.#insert(pasted);
      default:
        return { kind: "note", text: ANSWERS };
    }
  }

  /** Not said, and not lost either. */
  #dismiss(pasted: string): Done {
    this.#pasted = undefined;
    this.#answered = "";
    this.#history.add(pasted);
    return { kind: "note", text: "not published; arrow up brings it back" };
  }

  #giveUp(text: string): Done {
    this.#history.add(text);
    return { kind: "note", text: "the paste had no end: nothing of it was published; arrow up brings it back" };
  }

  #paste(text: string): Done | undefined {
    const pasted = text.replace(/\n+$/, "");
    if (pasted === "") return undefined;
    if (!pasted.includes("\n") && pasted.length <= PASTE_ASKED_CHARS) return this.#insert(pasted);
    this.#pasted = pasted;
    return undefined;
  }

  #with(inserted: string): string {
    return this.#text.slice(0, this.#cursor) + inserted + this.#text.slice(this.#cursor);
  }

  #insert(inserted: string): Done | undefined {
    if (this.#text.length + inserted.length > LINE_MAX_CHARS) {
      return {
        kind: "note",
        text: `a line holds ${countText(LINE_MAX_CHARS)} characters: what came after them was not taken`,
      };
    }
    const end = this.#cursor + inserted.length;
    this.#text = this.#with(inserted);
    this.#goTo(end);
    return undefined;
  }

  #finish(text: string, pasted: boolean): Done {
    this.#pasted = undefined;
    this.#text = "";
    this.#cursor = 0;
    this.#history.add(text);
    return { kind: "line", text, pasted };
  }

  #show(line: string | undefined): undefined {
    if (line === undefined) return;
    this.#text = line;
    this.#cursor = line.length;
  }

  /** What a change brings together may be one character now. */
  #goTo(at: number): undefined {
    this.#cursor = boundaryRight(this.#text, at);
  }

  #take(from: number, to: number): undefined {
    this.#text = this.#text.slice(0, from) + this.#text.slice(to);
    this.#goTo(from);
  }

  #kill(from: number, to: number): undefined {
    if (from === to) return;
    this.#killed = this.#text.slice(from, to);
    this.#take(from, to);
  }

  /** The character before the cursor changes places with the one at it; at the end the last two do. */
  #swap(): undefined {
    const middle = this.#cursor === this.#text.length ? stepLeft(this.#text, this.#cursor) : this.#cursor;
    const start = stepLeft(this.#text, middle);
    const end = stepRight(this.#text, middle);
    if (start === middle || middle === end) return;
    const [one, other] = [this.#text.slice(start, middle), this.#text.slice(middle, end)];
    this.#text = this.#text.slice(0, start) + other + one + this.#text.slice(end);
    this.#goTo(end);
  }
}

function questionOf(pasted: string): string {
  const lines = pasted.split("\n").length;
  const size = sizeText(new TextEncoder().encode(pasted).length);
  const what = `${countText(lines)} ${lines === 1 ? "line" : "lines"}, ${size},`;
  return `publish the pasted ${what} as one message? y, n, or e to edit it first, then Enter [y]: `;
}
