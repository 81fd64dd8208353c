import type { HostedTerminal } from "./hosted-terminal.ts";
import { type PastedSign, questionOn, saysWorking, signOf, standing } from "./screen-signs.ts";
import type { TerminalConfig } from "./terminal-config.ts";
import type { ScreenView } from "./terminal-screen.ts";

export interface PasteParts {
  readonly terminal: HostedTerminal;
  readonly config: TerminalConfig;
  /** Why what reads the terminal at this moment must not be handed it. */
  readonly wrongReader: () => string | undefined;
}

/** `nothing`: the program has nothing of it, or no longer. `unknown`: what it has cannot be told. */
export type PasteOutcome =
  | { readonly kind: "submitted"; readonly evidence: string }
  | { readonly kind: "nothing" | "unknown"; readonly reason: string };

/** Ours. What a terminal keeps for a program that does not read is 4,095 bytes; what is beyond could not be taken back. */
const PIECE_BYTES = 1024;
/** Ours. A program that swallows more would swallow all. */
const ENTERS_MAX = 3;

const PASTE_BEGIN = "\x1b[200~";
const PASTE_END = "\x1b[201~";
const RUB_OUT = "\x7f";
const RUB_OUT_LINE = "\x15";

/** One text on its way into a program's line, in a terminal that is ready for it. */
export class PasteIn {
  readonly #terminal: HostedTerminal;
  readonly #config: TerminalConfig;
  readonly #signal: AbortSignal;
  readonly #wrongReader: () => string | undefined;
  readonly #text: string;
  readonly #isMarked: boolean;
  readonly #hasLines: boolean;
  readonly #before: ScreenView;
  #typedBytes = 0;
  #isWhole = false;

  constructor({ terminal, config, wrongReader }: PasteParts, text: string, signal: AbortSignal) {
    this.#terminal = terminal;
    this.#config = config;
    this.#signal = signal;
    this.#wrongReader = wrongReader;
    this.#before = terminal.screen.view;
    this.#isMarked = this.#before.takesPastes;
    this.#hasLines = terminal.program.modes.hasLines;
    // Where pastes are not marked each line would be submitted by itself.
    this.#text = this.#isMarked ? text : text.replace(/\n+/g, " ");
  }

  async run(): Promise<PasteOutcome> {
    this.#terminal.keys.hold();
    try {
      return await this.#run();
    } finally {
      this.#terminal.keys.release();
    }
  }

  async #run(): Promise<PasteOutcome> {
    const typed = this.#isMarked ? `${PASTE_BEGIN}${this.#text.replaceAll("\n", "\r")}${PASTE_END}` : this.#text;
    const failure = await this.#type(typed);
    if (failure !== undefined) return await this.#takeBack(failure, undefined);
    this.#isWhole = true;
    const sign = await this.#echo();
    if (typeof sign === "string") return await this.#takeBack(sign, undefined);
    for (let tries = 1; tries <= ENTERS_MAX; tries++) {
      const failed = await this.#enter(sign, tries);
      if (typeof failed !== "string") return failed;
      if (tries === ENTERS_MAX) return await this.#takeBack(failed, sign);
    }
    throw new Error("unreachable");
  }

  /** In pieces, each when the last one was read. Why not all of it went in, or `undefined`. */
  async #type(text: string): Promise<string | undefined> {
    const { program } = this.#terminal;
    for (const piece of pieces(text)) {
      const isRead = () => program.queuedBytes === 0 && this.#unreadBytes < PIECE_BYTES;
      const stop = await this.#terminal.until(
        this.#config.echoWaitMs,
        () => this.#stop() ?? (isRead() ? "" : undefined),
      );
      if (stop !== "") return stop ?? "the program does not read what is typed";
      program.type(piece);
      this.#typedBytes += piece.length;
    }
    return undefined;
  }

  /** The sign of the text, once it has stood for a moment; else why there is none. */
  async #echo(): Promise<PastedSign | string> {
    const { screen } = this.#terminal;
    const stands = new Lasting<PastedSign>(this.#terminal, this.#config.settleMs);
    const found = await this.#terminal.until(this.#config.echoWaitMs, () => {
      const stop = this.#stop();
      if (stop !== undefined) return stop;
      return stands.see(signOf(this.#text, this.#before, screen.view));
    });
    return found ?? "the program does not show what was pasted";
  }

  /** A word when the text still stands in the line after all the time an Enter is given. */
  async #enter(sign: PastedSign, tries: number): Promise<PasteOutcome | string> {
    const { program, screen } = this.#terminal;
    if (questionOn(screen.view) !== undefined) return unknown("a question has appeared above the pasted text");
    const wrong = this.#wrongReader();
    if (wrong !== undefined) return await this.#takeBack(wrong, sign);
    const outputBytes = this.#terminal.outputBytes;
    program.type(new TextEncoder().encode("\r"));
    this.#typedBytes++;
    const gone = new Lasting<true>(this.#terminal, this.#config.settleMs);
    const look = (): PasteOutcome | undefined => {
      if (program.hasEnded) return unknown("the program ended after the text was entered");
      const isRead = this.#unreadBytes === 0 && this.#terminal.outputBytes > outputBytes;
      const isGone = isRead && standing(screen.view, sign) === "gone";
      return gone.see(isGone ? true : undefined) && submitted(tries);
    };
    let found = await this.#terminal.until(this.#config.enterWaitMs, look);
    // One that says it is at work, or draws anew, has most likely taken the Enter and shows that later.
    const isBusy = () => saysWorking(screen.view) || standing(screen.view, sign) === "unclear";
    if (found === undefined && isBusy()) found = await this.#terminal.until(this.#config.readyWaitMs, look);
    if (found !== undefined) return found;
    if (this.#unreadBytes > 0) return await this.#takeBack("the program does not read what is typed", sign);
    if (standing(screen.view, sign) !== "there") {
      return unknown("after Enter the screen shows neither the text in the line nor a line without it");
    }
    if (saysWorking(screen.view))
      return unknown("the program has been at work since Enter, and still shows the text in its line");
    if (questionOn(screen.view) !== undefined) return unknown("a question has appeared above the pasted text");
    if (this.#hasUser) return unknown("its user began to type before the program had taken the text");
    return "the program has not taken the pasted text, though Enter was pressed";
  }

  /** What was not read is discarded, what is shown is rubbed out; then the screen has to be as it was. */
  async #takeBack(reason: string, sign: PastedSign | undefined): Promise<PasteOutcome> {
    const { program } = this.#terminal;
    if (program.hasEnded) {
      return sign === undefined ? { kind: "nothing", reason: `${reason}; Enter was not pressed` } : unknown(reason);
    }
    if (this.#typedBytes === 0) return { kind: "nothing", reason };
    const unreadBytes = this.#discard();
    if (unreadBytes === this.#typedBytes) return { kind: "nothing", reason: `${reason}; it was taken back unread` };
    if (this.#isMarked && !this.#isWhole) program.type(new TextEncoder().encode(PASTE_END));
    // What was never shown proves nothing by not being shown any more.
    const isShown = sign !== undefined || this.#isShown;
    for (const keys of this.#rubbingOut()) {
      program.type(new TextEncoder().encode(keys));
      if (!isShown) continue;
      const isBack = await this.#terminal.until(this.#config.enterWaitMs, () => (this.#isAsBefore ? true : undefined));
      if (isBack) return { kind: "nothing", reason: `${reason}; it was taken back` };
    }
    this.#discard();
    return unknown(`${reason}, and it could not be taken back`);
  }

  /** How much of what was typed was discarded unread. */
  #discard(): number {
    const unreadBytes = this.#unreadBytes;
    if (unreadBytes > 0) this.#terminal.program.device?.discardUnread();
    return unreadBytes;
  }

  get #unreadBytes(): number {
    return this.#terminal.program.device?.unread ?? 0;
  }

  /** A program that shows a mark for a paste rubs out the mark at once. */
  #rubbingOut(): string[] {
    if (this.#hasLines && !this.#isMarked) return [RUB_OUT_LINE];
    return [RUB_OUT, RUB_OUT.repeat(Array.from(this.#text).length)];
  }

  /** Whether anything of it is on the screen. */
  get #isShown(): boolean {
    return !this.#isAsBefore;
  }

  get #isAsBefore(): boolean {
    const { view, pendingBytes } = this.#terminal.screen;
    if (pendingBytes > 0 || view.cursor?.before !== this.#before.cursor?.before) return false;
    return view.rows.join("\n") === this.#before.rows.join("\n");
  }

  /** Why to go no further before Enter. */
  #stop(): string | undefined {
    if (this.#terminal.program.hasEnded) return "the program ended";
    if (this.#signal.aborted) return "this was stopped";
    return this.#hasUser ? "its user began to type" : undefined;
  }

  get #hasUser(): boolean {
    return this.#terminal.keys.heldMs > this.#config.keysHeldMs;
  }
}

/** Gives what was seen once it has been seen at each look for so long. */
class Lasting<T> {
  readonly #terminal: HostedTerminal;
  readonly #ms: number;
  #sinceMs: number | undefined;

  constructor(terminal: HostedTerminal, ms: number) {
    this.#terminal = terminal;
    this.#ms = ms;
  }

  see(seen: T | undefined): T | undefined {
    const nowMs = this.#terminal.nowMs;
    if (seen === undefined) this.#sinceMs = undefined;
    else this.#sinceMs ??= nowMs;
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= this.#ms ? seen : undefined;
  }
}

/** At most so long, and no character in two: not every program puts those together again. */
function* pieces(text: string): Generator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; ) {
    let end = Math.min(bytes.length, at + PIECE_BYTES);
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--;
    yield bytes.subarray(at, end);
    at = end;
  }
}

function unknown(reason: string): PasteOutcome {
  return { kind: "unknown", reason };
}

function submitted(tries: number): PasteOutcome {
  const enters = tries === 1 ? "Enter" : `Enter, ${tries} times`;
  return { kind: "submitted", evidence: `the text stood in the program's line and, after ${enters}, no longer` };
}
