import { createHash } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { Deadline } from "../transport/wait.ts";

/** RFC 6455, section 1.3. */
const ACCEPT_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Ours. What a server may say before it has agreed. */
const HANDSHAKE_MAX = 16 * 1024;
/** Ours. How long a server has to agree. */
const HANDSHAKE_MS = 10_000;

/** Ours. Parts of one message that are held apart. */
const PARTS_MAX = 1024;

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0x0, 0x1, 0x2, 0x8, 0x9, 0xa] as const;

export interface WebSocketParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Bytes of one message. A longer one ends the connection before it is held. */
  readonly messageMax: number;
  readonly onMessage: (text: string) => void;
  /** Once, with what ended it. */
  readonly onClose: (why: EntmootError) => void;
}

/**
 * The client's end of a WebSocket over a Unix socket (RFC 6455). Bun's own finds no socket whose path has a blank or a letter
 * beyond ASCII, and holds messages of any length.
 */
export class UnixWebSocket implements Disposable {
  readonly #socket: Socket;
  readonly #parts: WebSocketParts;
  readonly #frames: SocketMessages;
  #isOver = false;

  private constructor(socket: Socket, parts: WebSocketParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#frames = new SocketMessages(parts.messageMax);
  }

  /** Throws `unavailable` where nobody agrees in time. */
  static async connect(path: string, parts: WebSocketParts): Promise<UnixWebSocket> {
    using deadline = new Deadline(parts.clock, HANDSHAKE_MS, parts.signal);
    const socket = connect(path);
    try {
      const rest = await agree(socket, deadline.signal);
      const opened = new UnixWebSocket(socket, parts);
      opened.#follow(rest);
      return opened;
    } catch (cause) {
      socket.destroy();
      throw new EntmootError("unavailable", `${path}: ${textOf(cause)}`, { cause });
    }
  }

  send(text: string): void {
    if (!this.#isOver) this.#socket.write(frame(TEXT, Buffer.from(text)));
  }

  [Symbol.dispose](): void {
    this.#end("closed here");
  }

  #follow(rest: Buffer): void {
    this.#socket.on("error", (error) => this.#end(textOf(error)));
    this.#socket.on("close", () => this.#end("the other end closed it"));
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes));
    // Nothing is taken before whoever connected has got hold of it.
    queueMicrotask(() => this.#take(rest));
  }

  #take(bytes: Buffer): void {
    try {
      for (const { kind, payload } of this.#frames.read(bytes)) {
        if (this.#isOver) return;
        if (kind === TEXT) this.#parts.onMessage(payload.toString("utf8"));
        else if (kind === PING) this.#socket.write(frame(PONG, payload));
        else if (kind === CLOSE) this.#end("the other end closed it");
      }
    } catch (error) {
      this.#end(textOf(error));
    }
  }

  #end(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    this.#parts.onClose(new EntmootError("unavailable", why));
  }
}

/** Gives what came behind the server's agreement. */
async function agree(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  const key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  const wanted = createHash("sha1")
    .update(key + ACCEPT_SUFFIX)
    .digest("base64");
  const { promise, reject, resolve } = Promise.withResolvers<Buffer>();
  let heard = Buffer.alloc(0);
  const onData = (bytes: Buffer) => {
    heard = Buffer.concat([heard, bytes]);
    const end = heard.indexOf("\r\n\r\n");
    if (end < 0 && heard.length <= HANDSHAKE_MAX) return;
    const head = heard.subarray(0, Math.max(0, end)).toString("latin1");
    if (end < 0 || !/^HTTP\/1\.1 101 /.test(head)) {
      const said = head.split("\r\n", 1)[0]?.slice(0, 80) ?? "";
      reject(new Error(`expected a server that agrees to a WebSocket, found ${JSON.stringify(said)}`));
    } else if (/^sec-websocket-accept:[ \t]*(\S+)/im.exec(head)?.[1] !== wanted) {
      reject(new Error("expected an agreement to this very handshake, found another"));
    } else resolve(heard.subarray(end + 4));
  };
  const onAbort = () => reject(signal.reason);
  const onClose = () => reject(new Error("the other end closed it"));
  socket.on("data", onData).once("error", reject).once("close", onClose);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  socket.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.off("data", onData).off("error", reject).off("close", onClose);
  }
}

/** One whole frame from the client, which masks what it says. */
function frame(kind: number, payload: Buffer): Buffer {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const whole = Buffer.alloc(2 + lengthBytes + 4 + length);
  whole[0] = 0x80 | kind;
  whole[1] = 0x80 | (lengthBytes === 0 ? length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) whole.writeUInt16BE(length, 2);
  if (lengthBytes === 8) whole.writeBigUInt64BE(BigInt(length), 2);
  const mask = crypto.getRandomValues(new Uint8Array(4));
  whole.set(mask, 2 + lengthBytes);
  for (let at = 0; at < length; at++) whole[6 + lengthBytes + at] = payload[at]! ^ mask[at % 4]!;
  return whole;
}

interface SocketFrame {
  readonly kind: number;
  readonly payload: Buffer;
}

/** Frames from a server, those of one message put together. Throws on what breaks the protocol or is too long. */
class SocketMessages {
  readonly #max: number;
  #held: Buffer[] = [];
  #heldLength = 0;
  /** The parts so far of a message in several frames. */
  #parts: Buffer[] = [];
  #partsLength = 0;
  #isInMessage = false;

  constructor(max: number) {
    this.#max = max;
  }

  *read(bytes: Buffer): Generator<SocketFrame> {
    if (bytes.length === 0) return;
    this.#held.push(bytes);
    this.#heldLength += bytes.length;
    for (let next = this.#next(); next !== undefined; next = this.#next()) yield* this.#joined(next);
  }

  #next(): (SocketFrame & { readonly isLast: boolean }) | undefined {
    const head = this.#peek(10);
    if (head.length < 2) return undefined;
    const [first, second] = [head[0]!, head[1]!];
    if ((first & 0x70) !== 0) throw new Error("expected a frame without extensions, found one with some");
    if ((second & 0x80) !== 0) throw new Error("expected a frame of a server, found a masked one");
    const short = second & 0x7f;
    const headLength = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (head.length < headLength) return undefined;
    const length = short < 126 ? short : short === 126 ? head.readUInt16BE(2) : Number(head.readBigUInt64BE(2));
    if (length + this.#partsLength > this.#max) {
      throw new Error(`expected a message of at most ${this.#max} bytes, found ${length + this.#partsLength}`);
    }
    if (this.#heldLength < headLength + length) return undefined;
    const whole = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const rest = whole.subarray(headLength + length);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#heldLength = rest.length;
    return {
      kind: first & 0x0f,
      isLast: (first & 0x80) !== 0,
      payload: whole.subarray(headLength, headLength + length),
    };
  }

  #peek(length: number): Buffer {
    if (this.#held.length === 0) return Buffer.alloc(0);
    if (this.#held[0]!.length < length && this.#held.length > 1) this.#held = [Buffer.concat(this.#held)];
    return this.#held[0]!.subarray(0, length);
  }

  *#joined({ isLast, kind, payload }: SocketFrame & { readonly isLast: boolean }): Generator<SocketFrame> {
    if (kind >= CLOSE) {
      yield { kind, payload };
      return;
    }
    if (kind === BINARY || (kind !== TEXT && kind !== CONTINUATION) || (kind === CONTINUATION) !== this.#isInMessage) {
      throw new Error("expected text, found a frame of another kind");
    }
    this.#parts.push(payload);
    this.#partsLength += payload.length;
    // Of a message in a great many frames, empty ones too, no more is held than its bytes.
    if (this.#parts.length === PARTS_MAX) this.#parts = [Buffer.concat(this.#parts)];
    this.#isInMessage = !isLast;
    if (!isLast) return;
    const message = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsLength = 0;
    yield { kind: TEXT, payload: message };
  }
}
