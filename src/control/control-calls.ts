import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { STATUS } from "../core/failure-table.ts";
import { GroupId } from "../core/ids.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import { ControlError } from "./control-error.ts";
import { dial } from "./dial.ts";
import type { FrameConnection } from "./frame-connection.ts";
import { type Patience, within } from "./patience.ts";

/** Ours. How long to wait when finding out what kind of daemon this is. */
const WHO_ARE_YOU_MS = 5_000;

/** Requests to one control socket, each over a connection of its own, with refusals thrown as `ControlError`. */
export class ControlCalls implements Disposable {
  readonly #path: string;
  /** The connection that proved the daemon to be there, until a request needs one. */
  #first: FrameConnection | undefined;
  #original: boolean | undefined;

  constructor(path: string, first: FrameConnection) {
    this.#path = path;
    this.#first = first;
  }

  /**
   * The answer to one request; `undefined` when the daemon does not know it (an original closes without a
   * word, one of ours refuses). Throws the daemon's refusal, `timeout`, or `unavailable` when it went away.
   */
  async tryAsk<Kind extends ControlFrame["kind"]>(
    request: ControlFrame,
    expected: Kind,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Extract<ControlFrame, { kind: Kind }> | undefined> {
    const until = within(timeoutMs, signal);
    using connection = await this.#connect();
    let reply: ControlFrame | undefined;
    try {
      await connection.send(request, until);
      reply = readable(await connection.receive(until));
    } catch (error) {
      if (performance.now() >= until.untilMs!)
        throw new EntmootError(
          "timeout",
          `no answer from the daemon within ${timeoutMs} ms; it may have acted all the same`,
          { cause: error },
        );
      throw error;
    }
    if (reply === undefined) {
      if (await this.isOriginal()) return undefined;
      throw new EntmootError(
        "unavailable",
        "the daemon closed the connection before it answered; it may have acted all the same",
      );
    }
    if (reply.kind === "refused" && reply.code === "unknown_frame") return undefined;
    throwIfRefused(reply);
    if (reply.kind === expected) return reply as Extract<ControlFrame, { kind: Kind }>;
    throw new EntmootError("malformed_frame", `control socket: expected ${expected}, found ${reply.kind}`);
  }

  /** Every frame that answers one request, until the daemon ends. Throws refusals, and `timeout` when patience is over. */
  async *stream(request: ControlFrame, patience: Patience): AsyncGenerator<ControlFrame> {
    using connection = await this.#connect();
    await connection.send(request, patience);
    for (;;) {
      const frame = readable(await connection.receive(patience));
      if (frame === undefined) return;
      throwIfRefused(frame);
      yield frame;
    }
  }

  /** Whether the daemon is an original, which knows none of our extensions. Asked once. */
  async isOriginal(): Promise<boolean> {
    if (this.#original === undefined) {
      const until = within(WHO_ARE_YOU_MS);
      using connection = await this.#connect();
      // Costs ours nothing, and is refused either way: by a word, or by silence.
      await connection.send({ kind: "link_list_req", group_id: GroupId.zero }, until);
      const reply = await connection.receiveRaw(until);
      if (reply === null && !(await this.isAlive())) throw gone();
      this.#original = reply === null;
    }
    return this.#original;
  }

  /** Whether anybody listens on the socket now. */
  async isAlive(): Promise<boolean> {
    using connection = await dial(this.#path);
    return connection !== undefined;
  }

  [Symbol.dispose](): void {
    this.#first?.[Symbol.dispose]();
  }

  async #connect(): Promise<FrameConnection> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined && !first.gone.aborted) return first;
    const connection = await dial(this.#path);
    if (connection === undefined) throw gone();
    return connection;
  }
}

function gone(): EntmootError {
  return new EntmootError("control_unavailable", "the daemon has ended");
}

type Received = Awaited<ReturnType<FrameConnection["receive"]>>;

/** An answer newer than we are is no answer. */
function readable(frame: Received): ControlFrame | undefined {
  if (frame === null) return undefined;
  if (frame.kind !== "unknown_extension") return frame;
  throw new EntmootError(
    "unsupported",
    `the daemon answered with a frame of a later version (type ${frame.type}); update this program`,
  );
}

function throwIfRefused(frame: ControlFrame): void {
  if (frame.kind === "error") throw new ControlError(frame.code, frame.message);
  if (frame.kind !== "refused") return;
  const known = Object.hasOwn(STATUS, frame.code);
  const code: ErrorCode = known ? (frame.code as ErrorCode) : "internal";
  throw new ControlError(known ? STATUS[code].control : frame.code.toUpperCase(), frame.message, code);
}
