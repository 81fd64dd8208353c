/**
 * What a terminal sends, piece by piece: text and control characters as they are (`keys`), sequences by what they begin and
 * end with, marked pastes whole or in parts, and `report` for what a terminal says without anybody having typed.
 */
export type KeyPiece =
  | { readonly kind: "keys"; readonly text: string }
  | { readonly kind: "pasted"; readonly text: string }
  | { readonly kind: "alt"; readonly text: string }
  | { readonly kind: "sequence"; readonly params: string; readonly final: string }
  | { readonly kind: "pointer" }
  | { readonly kind: "report" };

/** Ours. No key's sequence has longer parameters. */
const PARAMS_MAX = 64;
const PASTE_BEGIN = "200";
const PASTE_END = "\x1b[201~";
/** Behind ESC, in place of a bracket: a device's, an operating system's, a program's or a private string. */
const STRING_BEGIN = /[P\]_^X]/;

/** Keeps what is unfinished at the end of a piece for the next. */
export class KeyPieces {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #isPasting = false;
  #isInString = false;

  read(bytes: Uint8Array): KeyPiece[] {
    let left = this.#rest + this.#decoder.decode(bytes, { stream: true });
    this.#rest = "";
    const pieces: KeyPiece[] = [];
    while (left !== "") {
      const [piece, taken] = this.#next(left);
      if (piece !== undefined) pieces.push(piece);
      if (taken === 0) {
        this.#rest = left.slice(-PARAMS_MAX);
        break;
      }
      left = left.slice(taken);
    }
    return pieces;
  }

  /** Nothing taken: more has to come. */
  #next(left: string): readonly [piece: KeyPiece | undefined, taken: number] {
    if (this.#isPasting) return this.#inPaste(left);
    if (this.#isInString) return this.#inString(left);
    const escapeAt = left.indexOf("\x1b");
    if (escapeAt !== 0) {
      const text = escapeAt < 0 ? left : left.slice(0, escapeAt);
      return [{ kind: "keys", text }, text.length];
    }
    const second = left[1];
    // Alone at the end of what came: Escape itself, as a sequence comes in one piece.
    if (second === undefined) return [{ kind: "alt", text: "" }, 1];
    if (second === "[") return this.#sequence(left);
    if (second === "O") {
      return left.length < 3 ? [undefined, 0] : [{ kind: "sequence", params: "O", final: left[2]! }, 3];
    }
    if (STRING_BEGIN.test(second)) {
      this.#isInString = true;
      return [{ kind: "report" }, 2];
    }
    if (second === "\x1b") return [{ kind: "alt", text: "" }, 1];
    return [{ kind: "alt", text: second }, 2];
  }

  #sequence(left: string): readonly [KeyPiece | undefined, number] {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send.
    const found = /^\x1b\[([0-?]*)([ -/]*)([@-~])/.exec(left);
    if (found === null) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send.
      const isBegun = left.length < PARAMS_MAX && /^\x1b\[[0-?]*[ -/]*$/.test(left);
      return isBegun ? [undefined, 0] : [{ kind: "sequence", params: "", final: "" }, 2];
    }
    const [all, params = "", between = "", final = ""] = found;
    if (final === "~" && params === PASTE_BEGIN) {
      this.#isPasting = true;
      return [undefined, all.length];
    }
    if (final === "M" && params === "") return left.length < 6 ? [undefined, 0] : [{ kind: "pointer" }, 6];
    if (/[Mm]/.test(final) && params.startsWith("<")) return [{ kind: "pointer" }, all.length];
    const isReport = between !== "" || /^[?>=]/.test(params) || /^[cnRtxIO]$/.test(final);
    return [isReport ? { kind: "report" } : { kind: "sequence", params, final }, all.length];
  }

  #inPaste(left: string): readonly [KeyPiece | undefined, number] {
    const end = left.indexOf(PASTE_END);
    if (end >= 0) {
      this.#isPasting = false;
      return [{ kind: "pasted", text: left.slice(0, end) }, end + PASTE_END.length];
    }
    // The end mark may have come in part.
    const begun = Array.from(PASTE_END, (_, at) => PASTE_END.slice(0, PASTE_END.length - 1 - at)).find(
      (part) => part !== "" && left.endsWith(part),
    );
    const taken = left.length - (begun?.length ?? 0);
    return taken === 0 ? [undefined, 0] : [{ kind: "pasted", text: left.slice(0, taken) }, taken];
  }

  #inString(left: string): readonly [KeyPiece | undefined, number] {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what terminals send.
    const end = /\x07|\x1b\\|\x9c/.exec(left);
    if (end !== null) {
      this.#isInString = false;
      return [undefined, end.index + end[0].length];
    }
    const taken = left.endsWith("\x1b") ? left.length - 1 : left.length;
    return [undefined, taken];
  }
}
