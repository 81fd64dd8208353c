import type { Clock, SteadyMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { Log } from "../host/log.ts";
import type { Caller, OperationHost } from "../node/operations/implementation.ts";
import type { Operations } from "../node/operations/operation.ts";
import { Deadline } from "../transport/wait.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import type { BodyRoom } from "./body-room.ts";
import type { ControlConnection } from "./control-connection.ts";
import { controlFailure } from "./control-error.ts";
import type { ReadFrame } from "./control-language.ts";
import type { Door } from "./door.ts";
import { serveOriginal } from "./original-requests.ts";
import { ServedCalls } from "./served-calls.ts";

/** Wire. How long a new client has for its first frame. */
const FIRST_FRAME_MS = 10_000;
/** Ours. What a client that gives way has to take the reason. */
const GIVING_WAY_MS = 1_000;
/** Ours. Who asked so often comes to stay; more of it gives no place before others that do. */
const ASKED_OFTEN = 4;
/** Ours. While more than this waits to be taken by a client, nothing further is read from it. */
const UNSENT_MAX_BYTES = 1024 * 1024;

export interface ServedConnectionParts {
  readonly connection: ControlConnection;
  readonly node: OperationHost & Operations;
  readonly caller: Caller;
  readonly door: Door;
  readonly bodies: BodyRoom;
  readonly makeRoom: (bytes: number) => void;
  /** Why this client may not begin to watch; `undefined` when it may. */
  readonly whyNotWatch: () => string | undefined;
  readonly ending: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  readonly onLast: () => void;
}

/** One client: a program of ours with many calls under way, or one of the original's with one request. */
export class ServedConnection implements Disposable {
  readonly #parts: ServedConnectionParts;
  readonly #calls: ServedCalls;
  #quietSince: SteadyMs;
  #isLast = false;
  #heard = 0;
  #original: Promise<void> | undefined;
  #originalWatches = false;

  constructor(parts: ServedConnectionParts) {
    this.#parts = parts;
    this.#quietSince = parts.clock.steady();
    this.#calls = new ServedCalls({
      ...parts,
      host: parts.node,
      onLast: () => {
        this.#isLast = true;
        parts.onLast();
      },
    });
  }

  /** Nothing was asked that is not answered. */
  get isIdle(): boolean {
    return this.#calls.size === 0 && this.#original === undefined && !this.#isLast;
  }

  /** It waits for what may never come. */
  get isWatching(): boolean {
    return this.#originalWatches || this.#calls.watching > 0;
  }

  /** Something was asked that has an answer. */
  get isAsking(): boolean {
    return (
      this.#isLast ||
      this.#calls.size > this.#calls.watching ||
      (this.#original !== undefined && !this.#originalWatches)
    );
  }

  /** Bytes that wait to be taken by the client. */
  get unsentBytes(): number {
    return this.#parts.connection.unsentBytes;
  }

  /** Frames that came so far, as far as they tell who stays from who comes and goes. */
  get heard(): number {
    return Math.min(this.#heard, ASKED_OFTEN);
  }

  /** When the last frame came. */
  get quietSince(): SteadyMs {
    return this.#quietSince;
  }

  /** Resolves once all that was asked is answered. */
  async settled(): Promise<void> {
    await this.#original;
    await this.#calls.idle();
  }

  /** Serves until the client ends its half. Throws for what cannot be read. */
  async serve(): Promise<void> {
    const { bodies, clock, connection, door } = this.#parts;
    let frame: ReadFrame | null;
    {
      using patience = new Deadline(clock, FIRST_FRAME_MS);
      frame = await connection.receive(patience.signal);
    }
    for (; frame !== null; frame = await connection.receive()) {
      bodies[Symbol.dispose]();
      this.#quietSince = clock.steady();
      this.#heard += 1;
      await (this.#heard === 1 ? door.firstTurns : door.turns).take();
      if (connection.isOver) break;
      if (frame.kind === "operation") this.#calls.hear(frame);
      else if (frame.kind === "unknown_extension") {
        await this.#refuse(
          frame.type,
          new EntmootError(
            "unknown_frame",
            `control socket: type 0x${frame.type.toString(16)} is not known to this version`,
          ),
        );
      } else if (frame.kind === "unreadable") await this.#refuse(frame.type, frame.reason);
      else {
        await this.#serveOriginal(frame);
        return;
      }
      await connection.unsentAtMost(UNSENT_MAX_BYTES);
    }
    this.#calls.cancelAll();
    await this.#calls.idle();
  }

  /** Says why and closes. */
  async giveWay(message: string): Promise<void> {
    const { connection, clock } = this.#parts;
    using _late = clock.after(GIVING_WAY_MS, () => this[Symbol.dispose]());
    await connection
      .send({ kind: "error", type: "error", code: "UNAVAILABLE", group_id: undefined, message })
      .catch(() => {});
    this[Symbol.dispose]();
  }

  /** Closes, unless the client waits for the process to be gone. */
  end(): void {
    if (!this.#isLast) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#calls.cancelAll();
    this.#parts.bodies[Symbol.dispose]();
    this.#parts.connection[Symbol.dispose]();
  }

  /** What a client of ours said and nobody here understands: it is told, and may go on. */
  async #refuse(type: number, { code, message }: EntmootError): Promise<void> {
    await this.#parts.connection.send({ kind: "refused", of_type: type, code, message, group_id: undefined });
  }

  /** One request a connection, and none for agents: the original's frames know no scopes. */
  async #serveOriginal(frame: ControlFrame): Promise<void> {
    const { caller, connection, door, ending, log, node } = this.#parts;
    if (caller !== "owner") {
      const message = `${frame.kind}: not for agents; ask over the owner's control socket`;
      const { code } = controlFailure(new EntmootError("forbidden", message));
      await connection.send({ kind: "error", type: "error", code, group_id: undefined, message });
      return;
    }
    if (frame.kind === "tail_subscribe") {
      const message = this.#parts.whyNotWatch();
      if (message !== undefined) {
        await connection.send({ kind: "error", type: "error", code: "UNAVAILABLE", group_id: undefined, message });
        return;
      }
      this.#originalWatches = true;
    }
    this.#original = serveOriginal(frame, { connection, ending, log, node, streams: door.streams });
    await this.#original;
  }
}
