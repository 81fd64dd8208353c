import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { SocketEvents } from "./event-sinks.ts";
import type { ServedAnswer, TellEvents } from "./http-request.ts";

/** Ours. Clients of a WebSocket have nothing to say. */
const FRAME_BYTES_MAX = 1024;
/** Ours. How long it may take until the connection is a WebSocket: nothing of the client is waited for. */
const OPENING_MS = 5_000;
/** Ours. How long a client has to say goodbye. */
const CLOSING_MS = 1_000;
/** Wire. How a WebSocket is closed where the server ends it, and where its client says something. */
const CLOSE_DONE = 1000;
const CLOSE_REFUSED = 1008;

interface Upgrading {
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly tell: TellEvents;
  /** Aborted here when the client has gone. */
  readonly gone: AbortController;
  readonly ending: AbortSignal;
  readonly clock: Clock;
}

/** Connections that become WebSockets, on which events are told. */
export class WebSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false });

  /** Resolves once it is closed. */
  async tell(incoming: IncomingMessage, { clock, ending, gone, head, socket, tell }: Upgrading): Promise<void> {
    const { promise: opened, resolve } = Promise.withResolvers<WebSocket | undefined>();
    using _never = clock.after(OPENING_MS, () => resolve(undefined));
    gone.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    this.#server.handleUpgrade(incoming, socket, head, resolve);
    const webSocket = await opened;
    if (webSocket === undefined) return;
    const { promise: closed, resolve: close } = Promise.withResolvers<void>();
    const leave = () => gone.abort(new EntmootError("unavailable", "whoever asked is gone"));
    webSocket.once("close", () => {
      leave();
      close();
    });
    webSocket.on("error", leave);
    webSocket.on("message", () => webSocket.close(CLOSE_REFUSED, "nothing is taken here"));
    await tell(new SocketEvents(webSocket, { gone: gone.signal, ending }));
    if (!gone.signal.aborted) webSocket.close(CLOSE_DONE, "");
    using _late = clock.after(CLOSING_MS, close);
    await closed;
    webSocket.terminate();
  }
}

export function isWebSocket({ headers, method }: IncomingMessage): boolean {
  const isAsked = headers.upgrade?.toLowerCase() === "websocket" && headers["sec-websocket-key"] !== undefined;
  return method === "GET" && isAsked;
}

/** Answers on a connection that the server of the runtime has let go of. */
export function writeWhole(socket: Duplex, { body, headers, status }: ServedAnswer): Promise<void> {
  const bytes = body instanceof Uint8Array ? body : new Uint8Array(0);
  const lines = Object.entries({ ...headers, "Content-Length": bytes.length, Connection: "close" });
  const named = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${named}\r\n`;
  return new Promise((resolve) => {
    socket.once("close", resolve);
    socket.end(Buffer.concat([Buffer.from(head, "latin1"), bytes]), () => resolve());
  });
}
