import { addressesFor, dialsByAddress } from "../../core/admission/address-hint.ts";
import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock, UnixMs } from "../../core/clock.ts";
import { EntmootError, type ErrorCode, textOf } from "../../core/errors.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import type { DialBackoff } from "../../machine/dial-backoff.ts";
import type { NetworkFailure } from "../../machine/event.ts";
import { FramedStream } from "../../transport/framed-stream.ts";
import type { PeerStatus, PeerStream, Transport } from "../../transport/transport.ts";
import { atMost, Deadline } from "../../transport/wait.ts";
import { FRAME_LENGTH_MAX, type FrameLimits, peerLimits } from "../../wire/frame/frame-limits.ts";
import { type Dialect, hasExtensions } from "../../wire/frame/frame-types.ts";
import { type Frame, frameType, peerLanguage, type UnknownExtension } from "../../wire/peer/frame.ts";
import { noteMoved } from "../group/collect-garbage.ts";
import { AnswerPace } from "./answer-pace.ts";
import { Outbox } from "./outbox.ts";
import type { PeerBudget } from "./peer-budget.ts";
import { decodeMs, readMs } from "./prices.ts";

/** Ours. Dialing a peer over every address known of it. */
const DIAL_TIMEOUT_MS = 15_000;

/** Ours. How long ending waits for peers that are being dialled. */
const CLOSE_UNREACHED_MS = 300;

/**
 * Ours. None of ours answers with more: pages, batches and snapshots end before it. Twice as much could hold up this
 * thread for more than 50 ms while it is decoded.
 */
const ANSWER_MAX_BYTES = 1024 * 1024;

/** Ours. An answer of another kind than was asked for is named in the refusal, and read for no more than that. */
const OTHER_ANSWER_MAX_BYTES = 64 * 1024;

/** Ours. Peers something is or was sent to; the quietest are forgotten first. */
const PEERS_MAX = 4096;

/** What a person may ask about a peer that does not answer. */
export interface PeerRecord {
  /** The last frame from it or written to it. */
  readonly lastSeen: UnixMs | undefined;
  /** Why it could not be reached the last time. */
  readonly lastError: string | undefined;
}

/** An answer of another kind than asked for, or none: the peer is there and will not. */
export class PeerRefusal extends EntmootError {}

export interface PeersParts {
  readonly transport: Transport;
  readonly hints: (peer: PublicKey) => readonly string[];
  readonly backoff: DialBackoff;
  readonly budget: PeerBudget;
  readonly clock: Clock;
  /** A question about a group was refused to us as a stranger, or an original ended the stream in place of an answer. */
  readonly onStranger?: (peer: PublicKey, groupId: GroupId) => void;
}

/** How one question is asked. */
export interface AskOptions {
  readonly ignoreBackoff?: boolean;
  readonly signal?: AbortSignal;
  /** The largest answer that is taken; without it what the kind of answer may have. */
  readonly maxBytes?: number;
  /** The peer brought it about by announcing: the answer is held with what it sends unasked. */
  readonly isAnnounced?: boolean;
}

/** Sending to peers and asking them, with dial back-off and what is known of each one's health. */
export class Peers {
  readonly #parts: PeersParts;
  readonly #outboxes = new BoundedMap<PublicKey, Outbox>(PEERS_MAX);
  readonly #records = new BoundedMap<PublicKey, PeerRecord>(PEERS_MAX);
  readonly #closing = new AbortController();

  constructor(parts: PeersParts) {
    this.#parts = parts;
  }

  status(peer: PublicKey): PeerStatus {
    return this.#parts.transport.status(peer);
  }

  /** Whether there is a way to it to be tried: a connection, an address, or a carrier that finds peers by key. */
  mayReach(peer: PublicKey): boolean {
    const { hints, transport } = this.#parts;
    const dialled = transport.carriers.some(
      (carrier) => !dialsByAddress(carrier) || addressesFor(carrier, hints(peer)).length > 0,
    );
    return dialled || transport.status(peer).connected;
  }

  record(peer: PublicKey): PeerRecord {
    return this.#records.get(peer) ?? { lastSeen: undefined, lastError: undefined };
  }

  /** An inbound frame proves that the peer is there. */
  heardFrom(peer: PublicKey): void {
    this.#parts.backoff.reached(peer);
    this.#records.set(peer, { lastSeen: this.#parts.clock.unix(), lastError: undefined });
  }

  /** It is known anew where the peer is: what failed before says nothing of it. */
  foundAgain(peer: PublicKey): void {
    this.#parts.backoff.reached(peer);
  }

  /** How many bytes may be sent to it now, beside what waits already. */
  roomFor(peer: PublicKey): number {
    return this.#parts.budget.outgoingRoom(peer);
  }

  /** Sends a one-way frame. `failed` is called when it was not, or possibly not, delivered. */
  send(peer: PublicKey, frame: Frame, failed: (failure: NetworkFailure) => void): void {
    let outbox = this.#outboxes.get(peer);
    if (outbox === undefined) {
      const { budget, clock } = this.#parts;
      const hold = (onLost: () => void) => budget.outgoing(peer, onLost);
      outbox = new Outbox({ clock, hold, open: () => this.#open(peer, this.#closing.signal) });
      this.#outboxes.set(peer, outbox);
    }
    outbox.send(frame, (error) => failed(failureOf(error)));
  }

  /**
   * Asks one question and gives the answer. Throws `PeerRefusal` when the peer refuses or answers otherwise,
   * `unavailable` when it cannot be reached, `timeout`.
   */
  async ask<K extends Frame["kind"]>(
    peer: PublicKey,
    question: Frame,
    expected: K,
    timeoutMs: number,
    options: AskOptions = {},
  ): Promise<Extract<Frame, { kind: K }>> {
    const { budget, clock } = this.#parts;
    const slow = new AbortController();
    using deadline = new Deadline(clock, timeoutMs, this.#closing.signal, options.signal, slow.signal);
    const { signal } = deadline;
    const stream = await this.#open(peer, signal, options.ignoreBackoff);
    const language = peerLanguage(stream.dialect);
    const limits = answerLimits(stream.dialect, expected, options.maxBytes);
    const onLost = () => stream.reset();
    using held = options.isAnnounced ? budget.incoming(peer, true, onLost) : budget.asked(peer, onLost);
    using pace = new AnswerPace(clock, () =>
      slow.abort(new EntmootError("timeout", "peer: its answer came too slowly")),
    );
    await using frames = new FramedStream(stream, { ...language, limits }, (bytes, came) => {
      held.resize(bytes);
      pace.came(came);
      noteMoved(clock, came);
      return undefined;
    });
    await frames.write(question, signal);
    await frames.finish();
    const raw = await frames.readRaw(signal);
    this.heardFrom(peer);
    if (raw !== undefined && expected !== "fetch_many_resp") {
      await this.pay(peer, readMs(raw.body.length) + decodeMs(raw.body.length));
    }
    // Of many that came at once each is decoded in its turn.
    await budget.turns.take();
    const answer = raw === undefined ? undefined : frames.decode(raw);
    const isStranger = answer === undefined || (answer.kind === "refused" && answer.code === "not_member");
    if (isStranger && "group_id" in question && question.group_id !== undefined) {
      this.#parts.onStranger?.(peer, question.group_id);
    }
    return expectAnswer(answer, question, expected);
  }

  /**
   * Charges `peer` for what its answer costs here: it could answer with megabytes for ever. Messages that were asked for
   * are free, but for those that turn out to be none. Throws `PeerRefusal`.
   */
  async pay(peer: PublicKey, workMs: number): Promise<void> {
    try {
      await this.#parts.budget.pay(peer, workMs);
    } catch (error) {
      throw new PeerRefusal("rate_limited", textOf(error));
    }
  }

  /** It brought so many bytes of messages that were asked for and are kept. */
  delivered(peer: PublicKey, bytes: number): void {
    this.#parts.budget.delivered(peer, bytes);
  }

  /** Milliseconds until the peer may be dialled. */
  waitMs(peer: PublicKey): number {
    return this.#parts.backoff.waitMs(peer, this.#parts.clock.steady());
  }

  /** Makes sure of a connection. Throws `unavailable`, `timeout`. */
  async connect(peer: PublicKey): Promise<void> {
    const stream = await this.#open(peer, this.#closing.signal);
    stream.reset();
  }

  /**
   * Waits until what was sent is written, for at most `timeoutMs`, then lets nothing more out. Peers that still have to
   * be reached get less: most of them are away, and find what they missed when they are back.
   */
  async close(timeoutMs: number): Promise<void> {
    const outboxes = [...this.#outboxes].map(([peer, outbox]) => ({ outbox, isThere: this.status(peer).connected }));
    const idle = (isThere: boolean) =>
      Promise.all(outboxes.filter((each) => each.isThere === isThere).map(({ outbox }) => outbox.idle()));
    const { clock } = this.#parts;
    await Promise.all([
      atMost(clock, timeoutMs, idle(true)),
      atMost(clock, Math.min(timeoutMs, CLOSE_UNREACHED_MS), idle(false)),
    ]);
    this.#closing.abort(new EntmootError("unavailable", "the daemon is ending"));
  }

  /** `ignoreBackoff`: a person asked for this peer just now. */
  async #open(peer: PublicKey, signal: AbortSignal, ignoreBackoff = false): Promise<PeerStream> {
    const { backoff, clock, hints, transport } = this.#parts;
    const isConnected = transport.status(peer).connected;
    if (!isConnected && !ignoreBackoff && backoff.waitMs(peer, clock.steady()) > 0) throw new Backoff();
    try {
      using deadline = new Deadline(clock, DIAL_TIMEOUT_MS, signal);
      const stream = await transport.open(peer, { hints: hints(peer), signal: deadline.signal });
      backoff.reached(peer);
      this.#records.set(peer, { lastSeen: clock.unix(), lastError: undefined });
      return stream;
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        // Of dials that were under way together only the first failure counts.
        if (backoff.waitMs(peer, clock.steady()) === 0) backoff.failed(peer, clock.steady());
        this.#records.set(peer, { ...this.record(peer), lastError: textOf(error) });
      }
      throw error;
    }
  }
}

/** What an answer may have. Peers of the original answer with all of a roster at once, whatever its size. */
function answerLimits(dialect: Dialect, expected: Frame["kind"], maxBytes = FRAME_LENGTH_MAX): FrameLimits {
  const limits = peerLimits(dialect);
  const wanted = frameType(expected);
  const max = Math.min(maxBytes, hasExtensions(dialect) ? ANSWER_MAX_BYTES : FRAME_LENGTH_MAX);
  return (type) => Math.min(limits(type), type === wanted ? max : OTHER_ANSWER_MAX_BYTES);
}

class Backoff extends EntmootError {
  constructor() {
    super("unavailable", "peer: not dialled again so soon after it could not be reached");
  }
}

/** The peer is there, and what was to be said or heard is nothing for it: not in its dialect, too large, malformed. */
const NOT_TO_BE_SAID: readonly ErrorCode[] = [
  "malformed_frame",
  "frame_too_large",
  "unknown_frame",
  "invalid_argument",
  "unsupported",
];

/** What the machines are told about an error. */
export function failureOf(error: unknown): NetworkFailure {
  if (error instanceof Backoff) return "backoff";
  if (error instanceof PeerRefusal) return "refused";
  if (!(error instanceof EntmootError)) return "unreachable";
  if (NOT_TO_BE_SAID.includes(error.code)) return "refused";
  return error.code === "timeout" ? "timeout" : "unreachable";
}

function expectAnswer<K extends Frame["kind"]>(
  answer: Frame | UnknownExtension | undefined,
  question: Frame,
  expected: K,
): Extract<Frame, { kind: K }> {
  if (answer?.kind === "refused") throw new PeerRefusal(codeOf(answer.code), answer.message);
  if (answer?.kind !== expected) {
    throw new PeerRefusal(
      "unavailable",
      `${question.kind}: expected ${expected}, found ${answer?.kind ?? "no answer"}`,
    );
  }
  // Roster entries name no group, and a root or a policy neither: only the answer itself says which one it is about.
  if ("group_id" in question && "group_id" in answer && answer.group_id !== question.group_id) {
    throw new PeerRefusal(
      "unavailable",
      `${question.kind}: expected an answer about this group, found one about another`,
    );
  }
  return answer as Extract<Frame, { kind: K }>;
}

/** The codes of ours a peer may refuse with; any other is an ordinary refusal. */
const REFUSAL_CODES: readonly ErrorCode[] = [
  "not_member",
  "group_not_found",
  "not_found",
  "expired",
  "conflict",
  "rate_limited",
  "invalid_argument",
  "unsupported",
  "unknown_frame",
];

function codeOf(code: string): ErrorCode {
  return REFUSAL_CODES.find((known) => known === code) ?? "unavailable";
}
