import { type Clock, later } from "../../core/clock.ts";
import { HostedProgram, type ProgramEnd, type TerminalSize } from "./hosted-program.ts";
import { foregroundOf, isStopped, readsCommands } from "./program-kinds.ts";
import { endsBeforeCursor, lineLook, questionOn, saysWorking } from "./screen-signs.ts";
import type { TerminalConfig } from "./terminal-config.ts";
import { TerminalScreen } from "./terminal-screen.ts";
import { TypedDraft } from "./typed-draft.ts";
import { UserKeys } from "./user-keys.ts";
import type { UserTerminal } from "./user-terminal.ts";

export interface HostedTerminalParts {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder?: string | undefined;
  readonly clock: Clock;
  readonly config: TerminalConfig;
  /** Without one the program runs unseen, in a terminal of 80 columns and 24 rows. */
  readonly user: UserTerminal | undefined;
}

/** Ours. Output that waits for the user's terminal or the screen; from there on the program's terminal is stopped. */
const BEHIND_MAX_BYTES = 512 * 1024;
const UNSEEN_SIZE: TerminalSize = { columns: 80, rows: 24 };
const CTRL_Z = 0x1a;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
/** 128 and the number of SIGHUP, as shells have it. */
const HUNG_UP = 129;
/** Ours. After Ctrl-Z: until a program has tidied up its screen, and how long one may take to stop itself. */
const TIDY_MS = 50;
const STOPS_MS = 2_000;

/**
 * A program in a terminal of its own, passed through to the user's; with what is known of both: what the screen shows,
 * what was typed, and since when it has been quiet.
 */
export class HostedTerminal implements Disposable {
  readonly program: HostedProgram;
  readonly screen: TerminalScreen;
  readonly draft = new TypedDraft();
  /** Settles once the program has ended, all it wrote was shown, and the user's terminal is as it was found. */
  readonly ended: Promise<ProgramEnd>;
  readonly #parts: HostedTerminalParts;
  readonly #keys: UserKeys;
  readonly #wakes = new Set<() => void>();
  readonly #left = Promise.withResolvers<ProgramEnd>();
  #lastOutputMs: number;
  #outputBytes = 0;
  #isHeldUp = false;
  #awaitsUser = false;
  #shown: string | undefined;
  #shownSinceMs: number;
  #emptyLook: string | undefined;
  #leaving: Disposable | undefined;

  private constructor(parts: HostedTerminalParts, screen: TerminalScreen) {
    this.#parts = parts;
    this.#lastOutputMs = this.#shownSinceMs = parts.clock.steady();
    this.screen = screen;
    const size = parts.user?.size ?? UNSEEN_SIZE;
    // The window may have changed since the screen was opened.
    screen.resize(size);
    this.#keys = new UserKeys({
      clock: parts.clock,
      pass: (bytes) => this.#pass(bytes),
      takeKeys: (areTaken) => parts.user?.takeKeys(areTaken),
    });
    this.program = new HostedProgram({
      command: parts.command,
      args: parts.args,
      env: parts.env,
      folder: parts.folder,
      clock: parts.clock,
      size,
      onOutput: (bytes) => this.#onOutput(bytes),
      onDrained: () => this.#keys.balance(0),
    });
    parts.user?.begin({
      onKeys: (bytes) => this.#keys.add(bytes),
      onResize: (size) => this.#onResize(size),
      onGone: () => this.hangUp(),
      onContinued: () => this.#onContinued(),
    });
    this.ended = this.#end();
  }

  /** Throws as `HostedProgram` does; then the user's terminal is as it was. */
  static async start(parts: HostedTerminalParts): Promise<HostedTerminal> {
    let owner: HostedTerminal | undefined;
    const screen = await TerminalScreen.open({
      size: parts.user?.size ?? UNSEEN_SIZE,
      onChange: () => owner?.wake(),
      // A terminal that the user sees answers for itself.
      onReply: parts.user ? undefined : (text) => owner?.program.type(new TextEncoder().encode(text)),
    });
    try {
      owner = new HostedTerminal(parts, screen);
      return owner;
    } catch (error) {
      screen[Symbol.dispose]();
      parts.user?.[Symbol.dispose]();
      throw error;
    }
  }

  get nowMs(): number {
    return this.#parts.clock.steady();
  }

  get argv(): readonly string[] {
    return [this.#parts.command, ...this.#parts.args];
  }

  get keys(): UserKeys {
    return this.#keys;
  }

  /** Whether the program's terminal has been stopped, as the user's takes nothing. */
  get isHeldUp(): boolean {
    return this.#isHeldUp && (this.#parts.user?.waitingBytes ?? 0) > BEHIND_MAX_BYTES / 2;
  }

  /** How much the program has written so far. */
  get outputBytes(): number {
    return this.#outputBytes;
  }

  /** For how long the rows shown have not changed; known the better the more often it is asked. */
  get stillMs(): number {
    const shown = this.screen.view.rows.join("\n");
    if (shown !== this.#shown || this.screen.pendingBytes > 0) {
      this.#shown = shown;
      this.#shownSinceMs = this.#lastOutputMs;
    }
    return this.#parts.clock.steady() - this.#shownSinceMs;
  }

  /** Whether the user has begun a line, as far as keys and screen tell. */
  get hasDraft(): boolean {
    const { draft } = this;
    if (draft.state === "typed") return true;
    if (draft.state === "empty" && draft.entered === "") return false;
    const { view } = this.screen;
    const looksEmpty = this.#emptyLook !== undefined && lineLook(view) === this.#emptyLook;
    const isDraft = !looksEmpty && (draft.state === "unknown" || endsBeforeCursor(view, draft.entered));
    if (!isDraft) draft.clear();
    return isDraft;
  }

  /** Looks now, at each change of the screen, and now and then, until `look` gives something; `undefined` after `ms`. */
  async until<T>(ms: number, look: () => T | undefined): Promise<T | undefined> {
    const { clock, config } = this.#parts;
    const endMs = later(clock.steady(), ms);
    for (;;) {
      const found = look();
      if (found !== undefined || clock.steady() >= endMs) return found;
      const woken = Promise.withResolvers<void>();
      using _poll = clock.after(config.pollMs, woken.resolve);
      this.#wakes.add(woken.resolve);
      await woken.promise;
      this.#wakes.delete(woken.resolve);
    }
  }

  wake(): void {
    this.#balanceOutput();
    for (const wake of this.#wakes) wake();
  }

  /** Tells the program that its terminal goes away; one that stays all the same is left after a while. */
  hangUp(): void {
    if (this.#leaving !== undefined) return;
    const { clock, config } = this.#parts;
    this.#leaving = clock.after(config.endWaitMs, () => this.#left.resolve({ status: HUNG_UP, signal: "SIGHUP" }));
    this.program.hangUp();
  }

  /** As `hangUp`; `ended` says when it is done. */
  [Symbol.dispose](): void {
    if (!this.program.hasEnded) this.hangUp();
  }

  #pass(bytes: Uint8Array): boolean {
    const { program, screen, draft } = this;
    const { hasLines, hasSignals } = program.modes;
    const mayEnter = bytes.includes(CARRIAGE_RETURN) || bytes.includes(LINE_FEED);
    if (draft.state === "empty" && this.stillMs >= this.#parts.config.outputQuietMs && !saysWorking(screen.view)) {
      this.#emptyLook = lineLook(screen.view) ?? this.#emptyLook;
    }
    const isAsked = mayEnter && questionOn(screen.view) !== undefined;
    const isActive = draft.read(bytes, { hasLines, isAsked });
    program.type(bytes);
    this.#keys.balance(program.queuedBytes);
    if (bytes.includes(CTRL_Z)) this.#followStop(hasSignals);
    return isActive;
  }

  #onOutput(bytes: Uint8Array): void {
    this.#lastOutputMs = this.#parts.clock.steady();
    this.#outputBytes += bytes.length;
    this.#parts.user?.show(bytes);
    this.screen.feed(bytes);
    this.#balanceOutput();
  }

  /** The program's terminal stands still while what it wrote is not taken. */
  #balanceOutput(): void {
    const { user } = this.#parts;
    const behindBytes = Math.max(user?.waitingBytes ?? 0, this.screen.pendingBytes);
    const isTooMuch =
      behindBytes > (this.#isHeldUp ? BEHIND_MAX_BYTES / 2 : BEHIND_MAX_BYTES) && !this.program.hasEnded;
    if (isTooMuch !== this.#isHeldUp) {
      this.#isHeldUp = isTooMuch;
      this.program.device?.hold(isTooMuch);
    }
    // The screen tells when it has taken more; of the user's terminal it has to be asked, whichever of them was behind first.
    if (isTooMuch && user !== undefined && user.waitingBytes > 0 && !this.#awaitsUser) {
      this.#awaitsUser = true;
      void user.taken().then(() => {
        this.#awaitsUser = false;
        this.#balanceOutput();
      });
    }
  }

  #onResize(size: TerminalSize): void {
    this.screen.resize(size);
    this.program.resize(size);
    this.wake();
  }

  /**
   * Ctrl-Z where the user meant this process too: stopped by the terminal no program here would be, as there is no shell in
   * its session to wake it, and one that stops itself would leave the user with a dead terminal.
   */
  #followStop(hasSignals: boolean): void {
    const { user, clock, config } = this.#parts;
    const leader = this.program.pid;
    // A shell in the terminal looks after its own jobs.
    if (!user?.canSuspend || foregroundOf(leader) !== leader || readsCommands(this.argv)) return;
    if (hasSignals) {
      clock.after(TIDY_MS, () => {
        if (this.program.hasEnded) return;
        this.program.signal("SIGSTOP", leader);
        user.suspend();
      });
      return;
    }
    const endMs = later(clock.steady(), STOPS_MS);
    const look = () => {
      if (this.program.hasEnded || clock.steady() > endMs) return;
      if (isStopped(leader)) user.suspend();
      else clock.after(config.pollMs, look);
    };
    look();
  }

  #onContinued(): void {
    const group = foregroundOf(this.program.pid) ?? this.program.pid;
    this.program.signal("SIGCONT", group);
    this.#onResize(this.#parts.user?.size ?? UNSEEN_SIZE);
    // What the terminal shows is the shell's: programs draw anew when its size changes.
    this.program.signal("SIGWINCH", group);
  }

  async #end(): Promise<ProgramEnd> {
    const { user, clock, config } = this.#parts;
    const end = await Promise.race([this.program.ended, this.#left.promise]);
    this.#leaving?.[Symbol.dispose]();
    this.#balanceOutput();
    this.wake();
    await this.until(config.endWaitMs, () => (this.screen.pendingBytes === 0 ? true : undefined));
    if (user !== undefined) {
      user.show(this.screen.restoring());
      const limit = Promise.withResolvers<void>();
      using _timer = clock.after(config.endWaitMs, limit.resolve);
      await Promise.race([user.taken(), limit.promise]);
      user[Symbol.dispose]();
    }
    this.screen[Symbol.dispose]();
    this.program[Symbol.dispose]();
    return end;
  }
}
