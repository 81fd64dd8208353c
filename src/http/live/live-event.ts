import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import type { ServedEvent } from "../../host/http-request.ts";
import type { MessageRow } from "../../node/operations/messages.ts";
import { messageLine } from "../../view/message-line.ts";

/** Why nothing more comes. */
export type EndCode =
  | "service_ending"
  | "slow_reader"
  | "device_disabled"
  | "forbidden"
  | "group_not_found"
  | "place_lost"
  | "too_many_moots";

/** An event whose data is written once, for readers whose ids differ. */
export class LiveEvent {
  readonly #name: string;
  readonly #data: string;
  /** What was made for the reader before: most have one id. */
  #made: { readonly id: string; readonly event: ServedEvent } | undefined;

  constructor(name: string, data: object) {
    this.#name = name;
    this.#data = JSON.stringify(data);
  }

  static message(row: MessageRow): LiveEvent {
    return new LiveEvent("message", messageLine(row));
  }

  /** `id`: from where a reader goes on behind it. */
  with(id: string): ServedEvent {
    if (this.#made?.id !== id) this.#made = { id, event: this.#written(id) };
    return this.#made.event;
  }

  #written(id: string): ServedEvent {
    const first = this.#name === "ready" ? "retry: 1000\n" : "";
    return {
      text: encodeUtf8(`${first}id: ${id}\nevent: ${this.#name}\ndata: ${this.#data}\n\n`),
      frame: `{"event":"${this.#name}","id":"${id}","data":${this.#data}}`,
    };
  }
}

/** The id alone: no event for whoever listens, and the line is seen to live. */
export function aliveEvent(id: string): ServedEvent {
  return { text: encodeUtf8(`id: ${id}\n\n`), frame: undefined };
}
