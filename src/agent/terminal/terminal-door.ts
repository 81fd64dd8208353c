import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import type { HostedTerminal } from "./hosted-terminal.ts";
import { PasteIn } from "./paste-in.ts";
import { readsCommands, wrongReader } from "./program-kinds.ts";
import { questionOn, saysWorking } from "./screen-signs.ts";
import type { TerminalConfig } from "./terminal-config.ts";

export interface TerminalDoorParts {
  readonly terminal: HostedTerminal;
  readonly clock: Clock;
  readonly config: TerminalConfig;
  /** The user has said that what reads the terminal is an agent, though it looks as if it ran what it reads. */
  readonly isAgent: boolean;
}

/** Why nothing is handed over now: nothing of it was given to the program. */
export type Hindrance = Extract<Handed, { level: "later" | "refused" }>;

/** Ours. A terminal that hands over lines forgets what is beyond 4,095 bytes of one. */
const LINE_MAX_BYTES = 4_000;
/** Ours. All processes are looked through for it. */
const READER_POLL_MS = 250;
/** All that could steer a program or its terminal; a text has nothing of it but its lines. */
const CONTROLS = /[\p{Cc}--\n]/v;

/** Types texts into a program's line while neither it nor its user is at work. At best it sees them leave the line again. */
export class TerminalDoor implements HostDoor {
  readonly name = "terminal";
  readonly canLook = false;
  readonly #parts: TerminalDoorParts;
  #current: Promise<unknown> | undefined;
  #isClosed = false;
  #reader: { readonly atMs: number; readonly hindrance: Hindrance } | undefined;

  constructor(parts: TerminalDoorParts) {
    this.#parts = parts;
  }

  async hand(handing: Handing, signal: AbortSignal): Promise<Handed> {
    if (this.#current !== undefined) return wait("another text is being handed over");
    const text = handing.text.toWellFormed();
    if (text === "" || CONTROLS.test(text)) {
      return refuse("the text to hand over is empty or has control characters; expected an envelope");
    }
    const giving = this.#give(text, handing.mayGive, signal);
    this.#current = giving;
    try {
      return await giving;
    } finally {
      this.#current = undefined;
    }
  }

  look({ ids }: SoughtInHost): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    return Promise.resolve(new Map(ids.map((id) => [id, "unknown"] as const)));
  }

  /** Resolves when a text of a line could be handed over; rejects as `signal` says. Never, once the program has ended. */
  async whenReady(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const look = () => (signal.aborted || this.hindrance("") === undefined ? true : undefined);
      if ((await this.#parts.terminal.until(READER_POLL_MS, look)) && !signal.aborted) return;
    }
  }

  /** Why `text` cannot be handed over now; `undefined` when it can. */
  hindrance(text: string): Hindrance | undefined {
    const { terminal, config, isAgent } = this.#parts;
    const { program, screen, keys } = terminal;
    if (this.#isClosed) return wait("the door is closed");
    if (program.hasEnded) return wait("the program has ended");
    if (!isAgent && readsCommands(terminal.argv)) return refuse(runsWhatItReads(terminal.argv[0] ?? "", true));
    const { hasLines, hasEcho } = program.modes;
    if (hasLines && !hasEcho) return wait("the program asks for a password, or reads without showing it");
    if (program.queuedBytes > 0 || (program.device?.unread ?? 0) > 0) {
      return wait("the program has not read what was typed before");
    }
    if (terminal.isHeldUp) return wait("the user's terminal stands still");
    if (terminal.hasDraft) return wait("its user has begun a line");
    if (keys.quietMs < config.keyQuietMs) return wait("its user is typing");
    if (terminal.stillMs < config.outputQuietMs) return wait("the program is at work: what it shows changes");
    const { view } = screen;
    const question = questionOn(view);
    if (question !== undefined) return wait(`the program waits for its user: ${question} is on the screen`);
    if (saysWorking(view)) return wait("the program says that it is at work");
    if (view.isAlternate && !view.takesPastes) return wait("a full-screen program is shown that takes no pastes");
    if (screen.tookPastes && !view.takesPastes) return wait("the program is not at its line: it takes no pastes now");
    const bytes = new TextEncoder().encode(text).length;
    if (hasLines && !view.takesPastes && bytes > LINE_MAX_BYTES) {
      return refuse(`the program reads whole lines: expected at most ${LINE_MAX_BYTES} bytes, found ${bytes}`);
    }
    return this.#readerHindrance();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#current?.catch(() => undefined);
  }

  async #give(text: string, mayGive: Handing["mayGive"], signal: AbortSignal): Promise<Handed> {
    const { terminal, config } = this.#parts;
    let hindrance: Hindrance | undefined;
    const isReady = await terminal.until(config.readyWaitMs, () => {
      hindrance = signal.aborted ? wait("this was stopped before anything was given") : this.hindrance(text);
      const isFinal = hindrance?.level === "refused" || signal.aborted || this.#isClosed || terminal.program.hasEnded;
      return hindrance === undefined ? true : isFinal ? false : undefined;
    });
    if (isReady !== true) return hindrance!;
    if (!(await mayGive())) return NOT_OURS;
    const since = this.hindrance(text);
    if (since !== undefined) return since;
    const wrongReader = () => this.#lookForReader()?.reason;
    const outcome = await new PasteIn({ ...this.#parts, wrongReader }, text, signal).run();
    if (outcome.kind === "submitted") return { level: "submitted", evidence: outcome.evidence };
    if (outcome.kind === "nothing") return wait(outcome.reason);
    throw new EntmootError("unavailable", `terminal: ${outcome.reason}; what became of the text cannot be told`);
  }

  /** One that was there is remembered for a moment; that there is none is looked for each time. */
  #readerHindrance(): Hindrance | undefined {
    const nowMs = this.#parts.clock.steady();
    if (this.#reader === undefined || nowMs - this.#reader.atMs >= READER_POLL_MS) {
      const hindrance = this.#lookForReader();
      this.#reader = hindrance && { atMs: nowMs, hindrance };
    }
    return this.#reader?.hindrance;
  }

  #lookForReader(): Hindrance | undefined {
    if (this.#parts.isAgent) return undefined;
    const { program, argv } = this.#parts.terminal;
    const reader = wrongReader(program.pid, argv, program.device?.path);
    if (reader === undefined) return undefined;
    const { name, kind, isAttached } = reader;
    if (isAttached) return refuse(runsWhatItReads(name, true));
    return wait(kind === "commands" ? runsWhatItReads(name, false) : `${name} is in front of the program`);
  }
}

function runsWhatItReads(name: string, isAttached: boolean): string {
  const what = `${name} would run a message as a command, or hand it on to what cannot be seen from here`;
  return isAttached ? `${what}; attach the agent itself: "entmootd attach -- AGENT"` : what;
}

function wait(reason: string): Hindrance {
  return { level: "later", reason };
}

function refuse(reason: string): Hindrance {
  return { level: "refused", reason };
}
