import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { sizeText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { AnswerEvents } from "./event-sinks.ts";
import type { AnswerRequest, ServedAnswer, ServedRequest } from "./http-request.ts";
import type { Log } from "./log.ts";
import { isWebSocket, WebSockets, writeWhole } from "./web-sockets.ts";

/** Ours. What one machine serves beside its daemon without noticing; docs/http.md says what each keeps out. */
export const HTTP_LIMITS = {
  /** Wire with the original: a header takes no longer. */
  headerMs: 5_000,
  requestMs: 60_000,
  idleMs: 75_000,
  headerBytesMax: 16 * 1024,
  headerLinesMax: 100,
  connectionsMax: 4_096,
  connectionsOfOneMax: 256,
  /** Requests that are being answered. */
  underWayMax: 2_048,
  /** Bytes of bodies that are held. */
  bodiesMax: 64 * 1024 * 1024,
  /** Of these, those of whoever is not known yet: strangers keep nobody else out. */
  strangersBodiesMax: 16 * 1024 * 1024,
  /** How long what was begun has when the server ends. */
  endingMs: 5_000,
  /** How long a client may go on sending what nobody reads, so that it sees why. */
  lingerMs: 1_000,
};

interface ServerParts {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly answer: AnswerRequest;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: typeof HTTP_LIMITS;
}

/** An HTTP server on one address. */
export class HttpServer implements AsyncDisposable {
  readonly #parts: ServerParts;
  readonly #limits: typeof HTTP_LIMITS;
  readonly #server: Server;
  readonly #byAddress = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #underWay = new Set<UnderWay>();
  readonly #room: RequestRoom;
  readonly #webSockets = new WebSockets();
  #isEnding = false;

  private constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#limits = parts.limits ?? HTTP_LIMITS;
    this.#room = new RequestRoom(this.#limits);
    const { headerBytesMax, headerMs, idleMs, requestMs } = this.#limits;
    const options = {
      headersTimeout: headerMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: Math.min(1_000, headerMs),
      maxHeaderSize: headerBytesMax,
      noDelay: true,
    };
    this.#server = parts.tls === undefined ? createServer(options) : createSecureServer({ ...options, ...parts.tls });
    this.#server.on("request", (request, response) => void this.#serve(request, response));
    this.#server.on("checkContinue", (request, response) => void this.#serve(request, response));
    this.#server.on("upgrade", (request, socket, head) => void this.#upgrade(request, socket, head));
    this.#server.on("clientError", refuseBroken);
    this.#server.on("connection", (socket) => this.#connected(socket));
  }

  /** Listens. Throws `unavailable` where the address cannot be had. */
  static async start(parts: ServerParts): Promise<HttpServer> {
    const server = new HttpServer(parts);
    const { hostname, port } = parts;
    await new Promise<void>((resolve, reject) => {
      const refused = (error: Error) => {
        reject(new EntmootError("unavailable", `${hostname}:${port}: cannot be listened on: ${textOf(error)}`));
      };
      server.#server.once("error", refused);
      server.#server.listen(port, hostname, () => {
        server.#server.off("error", refused);
        server.#server.on("error", (error) => parts.log.error("http: server failed", error));
        resolve();
      });
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes nothing new, lets what was begun end within some seconds, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const waiting = [...this.#underWay].map((one) => {
      one.endStream();
      return one.done;
    });
    this.#closeIdle();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    using _late = this.#parts.clock.after(this.#limits.endingMs, resolve);
    await Promise.race([Promise.allSettled(waiting), late]);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.race([closed, late]);
  }

  #closeIdle(): void {
    const busy = new Set([...this.#underWay].map(({ socket }) => socket));
    for (const socket of this.#sockets) if (!busy.has(socket)) socket.destroy();
  }

  #connected(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress);
    const ofOne = (this.#byAddress.get(address) ?? 0) + 1;
    const isTooMany = !isHere(address) && ofOne > this.#limits.connectionsOfOneMax;
    if (this.#isEnding || isTooMany || this.#sockets.size >= this.#limits.connectionsMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#byAddress.set(address, ofOne);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      const left = this.#byAddress.get(address)! - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { answer, clock, log } = this.#parts;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const gone = new AbortController();
    const ending = new AbortController();
    const underWay = { socket: incoming.socket, done, endStream: () => ending.abort() };
    this.#underWay.add(underWay);
    response.once("close", () => gone.abort(new EntmootError("unavailable", "whoever asked is gone")));
    response.on("error", () => gone.abort(new EntmootError("unavailable", "whoever asked is gone")));
    using body = new IncomingBody(incoming, response, this.#room);
    try {
      const served = this.#refusedAtOnce(incoming) ?? (await answer(requestOf(incoming, body, gone.signal)));
      // Of a response that is closed nothing more is told, not even that its last byte is written.
      if (!gone.signal.aborted)
        await this.#send(incoming, response, served, { gone: gone.signal, ending: ending.signal });
    } catch (error) {
      if (!gone.signal.aborted) log.error("http: an answer failed", error);
      incoming.socket.destroy();
    } finally {
      this.#underWay.delete(underWay);
      resolve();
      if (!incoming.complete) clock.after(this.#limits.lingerMs, () => incoming.complete || incoming.socket.destroy());
    }
  }

  #refusedAtOnce({ rawHeaders }: IncomingMessage): ServedAnswer | undefined {
    if (rawHeaders.length / 2 > this.#limits.headerLinesMax) {
      return refusal(431, "request_too_large", "too many headers");
    }
    if (this.#underWay.size <= this.#limits.underWayMax) return undefined;
    return refusal(503, "retry_later", "too many requests are under way", { "Retry-After": "1" });
  }

  /** Asked as any request; what tells events then does over the WebSocket, all else is answered as it is. */
  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> {
    const { answer, clock, log } = this.#parts;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const gone = new AbortController();
    const ending = new AbortController();
    const leave = () => gone.abort(new EntmootError("unavailable", "whoever asked is gone"));
    const underWay = { socket: incoming.socket, done, endStream: () => ending.abort() };
    this.#underWay.add(underWay);
    socket.on("error", leave);
    socket.once("close", leave);
    try {
      const request = requestOf(incoming, { read: async () => new Uint8Array(0) }, gone.signal);
      const served = this.#refusedAtOnce(incoming) ?? (await answer(request));
      if (typeof served.body === "function" && this.#isEnding) ending.abort();
      if (typeof served.body !== "function") await writeWhole(socket, served);
      else if (!isWebSocket(incoming)) await writeWhole(socket, refusal(400, "bad_request", "expected a WebSocket"));
      else
        await this.#webSockets.tell(incoming, { socket, head, tell: served.body, gone, ending: ending.signal, clock });
    } catch (error) {
      if (!gone.signal.aborted) log.error("http: an answer failed", error);
    } finally {
      socket.destroy();
      this.#underWay.delete(underWay);
      resolve();
    }
  }

  async #send(incoming: IncomingMessage, response: ServerResponse, served: ServedAnswer, ends: AnswerEnds) {
    const { gone } = ends;
    const { body, headers, status } = served;
    const isLast = this.#isEnding || !incoming.complete;
    const more = isLast ? { Connection: "close" } : {};
    if (typeof body === "function") {
      response.writeHead(status, { ...headers, ...more });
      response.flushHeaders();
      if (incoming.method !== "HEAD") await body(new AnswerEvents(response, ends));
      // What a client does not take does not hold the connection.
      using _late = this.#parts.clock.after(this.#limits.lingerMs, () => incoming.socket.destroy());
      await ended(response, gone);
      return;
    }
    const length = status === 204 ? {} : { "Content-Length": String(body?.length ?? 0) };
    response.writeHead(status, { ...headers, ...length, ...more });
    await ended(response, gone, incoming.method === "HEAD" ? undefined : body);
    if (!incoming.complete) incoming.resume();
  }
}

interface UnderWay {
  readonly socket: Socket;
  readonly done: Promise<void>;
  readonly endStream: () => void;
}

/** What ends an answer early: whoever asked is gone, or the server ends. */
interface AnswerEnds {
  readonly gone: AbortSignal;
  readonly ending: AbortSignal;
}

function ended(response: ServerResponse, gone: AbortSignal, body?: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve();
    response.once("close", resolve);
    if (body === undefined) response.end(() => resolve());
    else response.end(body, () => resolve());
  });
}

function requestOf(incoming: IncomingMessage, body: Pick<IncomingBody, "read">, signal: AbortSignal): ServedRequest {
  return {
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    header: (name) => {
      const value = incoming.headers[name];
      return (Array.isArray(value) ? value[0] : value)?.trim();
    },
    address: plainAddress(incoming.socket.remoteAddress),
    isSecure: "encrypted" in incoming.socket,
    signal,
    body: (maxBytes, isKnown) => body.read(maxBytes, isKnown),
  };
}

/** Bytes of bodies of all requests together. */
class RequestRoom {
  #left: number;
  #leftForStrangers: number;

  constructor({ bodiesMax, strangersBodiesMax }: Pick<typeof HTTP_LIMITS, "bodiesMax" | "strangersBodiesMax">) {
    this.#left = bodiesMax;
    this.#leftForStrangers = strangersBodiesMax;
  }

  take(bytes: number, isKnown: boolean): void {
    if (bytes > this.#left || (!isKnown && bytes > this.#leftForStrangers)) {
      const why = "too many large requests are under way";
      throw new EntmootError("rate_limited", why, { retryAfterMs: 1_000 });
    }
    this.#left -= bytes;
    if (!isKnown) this.#leftForStrangers -= bytes;
  }

  give(bytes: number, isKnown: boolean): void {
    this.#left += bytes;
    if (!isKnown) this.#leftForStrangers += bytes;
  }
}

/** The body of one request; its room is free again once it is answered. */
class IncomingBody implements Disposable {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #room: RequestRoom;
  #taken = 0;
  #isKnown = false;
  #bytes: Promise<Uint8Array> | undefined;

  constructor(incoming: IncomingMessage, response: ServerResponse, room: RequestRoom) {
    this.#incoming = incoming;
    this.#response = response;
    this.#room = room;
  }

  async read(maxBytes: number, isKnown: boolean): Promise<Uint8Array> {
    const declared = Number(this.#incoming.headers["content-length"] ?? 0);
    if (declared > maxBytes) throw tooLarge(maxBytes);
    if (this.#bytes === undefined) {
      this.#isKnown = isKnown;
      this.#bytes = this.#read(maxBytes);
    }
    const bytes = await this.#bytes;
    if (bytes.length > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#room.give(this.#taken, this.#isKnown);
    this.#taken = 0;
  }

  async #read(maxBytes: number): Promise<Uint8Array> {
    const { headers } = this.#incoming;
    if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return new Uint8Array(0);
    if (headers.expect !== undefined) this.#response.writeContinue();
    const parts: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of this.#incoming as AsyncIterable<Uint8Array>) {
        size += part.length;
        if (size > maxBytes) throw tooLarge(maxBytes);
        this.#room.take(part.length, this.#isKnown);
        this.#taken += part.length;
        parts.push(part);
      }
    } catch (error) {
      if (error instanceof EntmootError) throw error;
      throw new EntmootError("unavailable", "the request was cut off", { cause: error });
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

function tooLarge(maxBytes: number): EntmootError {
  return new EntmootError("frame_too_large", `body: expected at most ${sizeText(maxBytes)}`);
}

function refusal(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
  const body = new TextEncoder().encode(`${JSON.stringify({ error: { code, message } })}\n`);
  return { status, headers: { "Content-Type": "application/json", ...headers }, body };
}

const BROKEN: Readonly<Record<string, readonly [status: number, reason: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "request_too_large", "headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "request_timeout", "the request did not come in time"],
};

/** What is no request is told so, in the one shape of refusals. */
function refuseBroken(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const known = BROKEN[error.code ?? ""] ?? ([400, "Bad Request", "bad_request", "malformed request"] as const);
  const [status, reason, code, message] = known;
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  const head = `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  socket.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Without the prefix of IPv4 in IPv6. */
function plainAddress(address = ""): string {
  return address.replace(/^::ffff:/, "");
}

function isHere(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
