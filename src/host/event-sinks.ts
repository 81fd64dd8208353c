import type { ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import type { EventSink, ServedEvent } from "./http-request.ts";

/** Events as the pieces of an answer. */
export class AnswerEvents implements EventSink {
  readonly gone: AbortSignal;
  readonly ending: AbortSignal;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse, { ending, gone }: Pick<EventSink, "ending" | "gone">) {
    this.#response = response;
    this.ending = ending;
    this.gone = gone;
  }

  get unsentBytes(): number {
    return this.#response.writableLength;
  }

  send({ text }: ServedEvent): void {
    if (!this.gone.aborted) this.#response.write(text);
  }
}

/** Events as messages of a WebSocket. */
export class SocketEvents implements EventSink {
  readonly gone: AbortSignal;
  readonly ending: AbortSignal;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, { ending, gone }: Pick<EventSink, "ending" | "gone">) {
    this.#socket = socket;
    this.ending = ending;
    this.gone = gone;
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send({ frame }: ServedEvent): void {
    if (this.gone.aborted) return;
    if (frame === undefined) this.#socket.ping();
    else this.#socket.send(frame);
  }
}
