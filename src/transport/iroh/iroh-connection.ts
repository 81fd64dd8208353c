import type { BiStream, Connection } from "@number0/iroh";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { shortKey } from "../short-key.ts";
import type { Route } from "../transport.ts";
import type { StreamBudget, TransportLimits } from "../transport-limits.ts";
import { settleOrAbort } from "../wait.ts";
import { connectionEnd, END, nativeText, streamError } from "./iroh-errors.ts";
import { IrohStream, type StreamCarrier } from "./iroh-stream.ts";

/** Ours. How often a connection is looked at, in milliseconds. */
export const TICK_MS = 1_000;

/**
 * Ours. Ticks without a packet before a connection counts as lost. QUIC alone waits 30 s, and the binding cannot
 * shorten that. Once nothing came for a tick we ask with one packet a tick, so this is four unanswered questions.
 */
const SILENT_TICKS_MAX = 5;

/** Ours. Silent ticks of a connection in use before new streams prefer a fresh one. */
const SUSPECT_TICKS = 2;

/** Ours. Without streams, iroh's own 5 s heartbeat is the only traffic, so this much silence is usual. */
const IDLE_SILENT_TICKS = 7;

/** Ours. As many silent ticks when the peer has made another connection meanwhile: most likely it restarted. */
const SUPERSEDED_SILENT_TICKS = 2;

/** Ours. A connection unused this long is closed; the margin below keeps one end from opening while the other closes. */
const IDLE_CLOSE_MS = 300_000;
const IDLE_REUSE_MS = 240_000;

/** Ours. Streams past the budget that QUIC lets through, so that they meet a reset instead of waiting for room. */
const STREAMS_OVER_BUDGET = 32;

/** Ours. Bytes a peer may have under way to us on one connection: 40 MB/s at 100 ms. QUIC alone has no limit here. */
const RECEIVE_WINDOW_BYTES = 4_194_304;

/** Ours. Datagrams are only asked for as signs of life, one a tick; this many in one tick is a flood. */
const DATAGRAMS_PER_TICK_MAX = 64;

/** Ours. Resets that the native side holds back: for how many ticks, and how many before the connection is given up. */
const STUCK_TICKS_MAX = 5;
const STUCK_MAX = 16;

export interface ConnectionOwner {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly budget: StreamBudget;
  /** A peer opened a stream; the owner must take it or reset it. */
  onStream(stream: IrohStream): void;
  /** The connection ended, whoever ended it. Called once. */
  onClosed(connection: IrohConnection): void;
}

/** One QUIC connection with a peer whose key the handshake proved. */
export class IrohConnection implements StreamCarrier {
  readonly remote: PublicKey;
  readonly host: string | undefined;
  /** When it was made. */
  readonly made: SteadyMs;
  /** Let go when the connection ends: what is kept of it keeps the UDP socket open. */
  #native: Connection | undefined;
  readonly #owner: ConnectionOwner;
  readonly #streams = new Set<IrohStream>();
  readonly #inbound = new Set<IrohStream>();
  readonly #draining = new Set<Promise<unknown>>();
  #stuck = 0;
  #stuckTicks = 0;
  #datagrams = 0;
  #received = -1;
  #silentTicks = 0;
  #lastUsed: SteadyMs;
  #retired = false;
  #superseded = false;
  #hasRestarted = false;
  #lostBecause: string | undefined;

  /** `host`: where the peer made it from, when it did. */
  constructor(native: Connection, owner: ConnectionOwner, host?: string) {
    this.#native = native;
    this.host = host;
    this.#owner = owner;
    this.made = owner.clock.steady();
    this.#lastUsed = this.made;
    this.remote = PublicKey.fromBytes(Uint8Array.from(native.remoteId().toBytes()));
    native.setMaxConcurrentBiStreams(BigInt(owner.limits.streamsPerPeer + STREAMS_OVER_BUDGET));
    native.setMaxConcurrentUniStreams(0n);
    native.setReceiveWindow(BigInt(RECEIVE_WINDOW_BYTES));
  }

  /** Starts taking the peer's streams; call once, when the connection is in the owner's books. */
  start(): void {
    const native = this.#native;
    if (!native) return;
    void this.#acceptStreams(native);
    void this.#readDatagrams(native);
    void native.closed().then(
      (text) => this.#onClosed(connectionEnd(nativeText(text))),
      (error: unknown) => this.#onClosed(nativeText(error)),
    );
  }

  get lostBecause(): string | undefined {
    return this.#lostBecause;
  }

  /** The peer went silent here after it had made a newer connection: what it knew before, it may have forgotten. */
  get hasRestarted(): boolean {
    return this.#hasRestarted;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** When a stream was last opened or ended, to the tick. */
  get lastUsed(): SteadyMs {
    return this.#lastUsed;
  }

  /** Whether a new stream on it can be expected to reach the peer. */
  isUsable(): boolean {
    if (this.#lostBecause !== undefined || this.#retired || this.#silentTicks >= this.#suspectTicks()) return false;
    return this.#streams.size > 0 || this.#unusedMs() < IDLE_REUSE_MS;
  }

  get route(): Route {
    const selected = this.#native?.paths().find((path) => path.isSelected);
    if (!selected) return "none";
    return selected.isRelay ? "relay" : "direct";
  }

  get rttMs(): number | undefined {
    return this.#native?.rtt() ?? undefined;
  }

  /** A new stream. Throws `unavailable` when the connection is gone, `timeout` when `signal` aborts first. */
  async open(signal: AbortSignal): Promise<IrohStream> {
    this.#lastUsed = this.#owner.clock.steady();
    // The silence of an idle connection says nothing yet about a busy one.
    if (this.#streams.size === 0) this.#silentTicks = 0;
    const subject = `open: peer ${shortKey(this.remote)}`;
    if (!this.#native) throw new EntmootError("unavailable", `${subject}: connection lost: ${this.#lostBecause}`);
    const opening = this.#native.openBi();
    try {
      const stream = new IrohStream(this, await settleOrAbort(opening, { signal, subject }));
      this.#streams.add(stream);
      return stream;
    } catch (error) {
      if (!(error instanceof EntmootError)) throw streamError(subject, error, this.#lostBecause);
      // The peer grants no further stream just now. One granted after we gave up is handed back unused.
      opening.then(
        (late) => new IrohStream({ ...SILENT_CARRIER, remote: this.remote, host: this.host }, late).reset(),
        () => {},
      );
      throw error;
    }
  }

  /** Resolves when the peer has acknowledged every finished stream, or the connection is gone. */
  async drained(): Promise<void> {
    await Promise.allSettled(this.#draining);
  }

  /** Ends the connection at once; what the peer has not acknowledged is lost. */
  close(code: bigint, why: string): void {
    this.#native?.close(code, []);
    this.#onClosed(why);
  }

  /** Ends what this node still does with its streams; for after `close`, when nobody will read on. */
  dropStreams(): void {
    for (const stream of [...this.#streams]) stream.drop(`connection lost: ${this.#lostBecause}`);
  }

  /**
   * There is a newer connection with the peer. Two that dial each other at once have two good ones, and one that
   * restarted leaves a dead one behind: this one is asked, and given up within seconds when nothing comes back.
   */
  supersede(): void {
    if (!this.#native || this.#superseded) return;
    this.#superseded = true;
    this.#silentTicks = 0;
    this.#received = this.#native.stats().udpRxDatagrams;
    askForLife(this.#native);
  }

  /** Looks after the connection; call every `TICK_MS`. */
  tick(): void {
    if (!this.#native) return;
    this.#watchSilence(this.#native);
    this.#watchStuck();
    this.#datagrams = 0;
    if (this.#streams.size === 0 && this.#unusedMs() >= IDLE_CLOSE_MS) this.close(END.done, "idle");
    if (this.#streams.size > 0) this.#lastUsed = this.#owner.clock.steady();
  }

  released(stream: IrohStream): void {
    this.#streams.delete(stream);
    if (this.#inbound.delete(stream)) this.#owner.budget.giveBack(this.remote);
  }

  letting(done: Promise<unknown>): void {
    this.#stuck += 1;
    const through = () => {
      this.#stuck -= 1;
      if (this.#stuck === 0) this.#stuckTicks = 0;
    };
    done.then(through, through);
  }

  draining(acknowledged: Promise<unknown>): void {
    this.#draining.add(acknowledged);
    const over = () => void this.#draining.delete(acknowledged);
    acknowledged.then(over, over);
  }

  #unusedMs(): number {
    return this.#owner.clock.steady() - this.#lastUsed;
  }

  #suspectTicks(): number {
    return this.#streams.size > 0 ? SUSPECT_TICKS : IDLE_SILENT_TICKS;
  }

  #watchSilence(native: Connection): void {
    const received = native.stats().udpRxDatagrams;
    if (received !== this.#received) {
      this.#received = received;
      this.#silentTicks = 0;
      this.#superseded = false;
      return;
    }
    this.#silentTicks += 1;
    if (this.#superseded && this.#silentTicks >= SUPERSEDED_SILENT_TICKS) {
      this.#hasRestarted = true;
      this.close(END.silent, "the peer made a new connection and no longer answers on this one");
      return;
    }
    const graceTicks = this.#streams.size > 0 || this.#superseded ? 0 : IDLE_SILENT_TICKS;
    if (this.#silentTicks >= SILENT_TICKS_MAX + graceTicks) {
      this.close(END.silent, `nothing heard from the peer for ${SILENT_TICKS_MAX} s`);
    } else if (this.#silentTicks > graceTicks) askForLife(native);
  }

  /** A peer that neither reads nor ends its side keeps given-up streams from being freed. */
  #watchStuck(): void {
    if (this.#stuck === 0) return;
    this.#stuckTicks += 1;
    if (this.#stuckTicks < STUCK_TICKS_MAX) return;
    this.#retired = true;
    if (this.#streams.size === 0 || this.#stuck >= STUCK_MAX) {
      this.close(END.misuse, "the peer left streams hanging that were given up");
    }
  }

  /** Ends with the connection, of which `closed()` says why. Streams that came before are all handed out by then. */
  async #acceptStreams(native: Connection): Promise<void> {
    for (;;) {
      const stream = await native.acceptBi().catch(() => undefined);
      if (!stream) return;
      this.#onNativeStream(stream);
    }
  }

  #onNativeStream(native: BiStream): void {
    const stream = new IrohStream(this, native);
    if (!this.#owner.budget.spend(this.remote)) {
      stream.abandon(END.limits);
      return;
    }
    this.#inbound.add(stream);
    this.#streams.add(stream);
    this.#owner.onStream(stream);
  }

  /** They carry nothing, but left unread they would pile up. */
  async #readDatagrams(native: Connection): Promise<void> {
    try {
      for (;;) {
        await native.readDatagram();
        this.#datagrams += 1;
        if (this.#datagrams > DATAGRAMS_PER_TICK_MAX) this.close(END.misuse, "the peer floods us with datagrams");
      }
    } catch {
      // The connection ended; `closed()` says why.
    }
  }

  #onClosed(why: string): void {
    if (this.#lostBecause !== undefined) return;
    this.#lostBecause = why;
    this.#native = undefined;
    this.#owner.onClosed(this);
  }
}

/** A datagram has to be acknowledged by the peer's QUIC stack, whatever its program is doing. */
function askForLife(native: Connection): void {
  try {
    native.sendDatagram([0]);
  } catch {
    // It closed meanwhile, or its buffer is full: either way silence decides.
  }
}

/** For a stream nobody wanted any more. */
const SILENT_CARRIER: Omit<StreamCarrier, "host" | "remote"> = {
  lostBecause: undefined,
  released: () => {},
  letting: (done) => void done.catch(() => {}),
  draining: (acknowledged) => void acknowledged.catch(() => {}),
};
