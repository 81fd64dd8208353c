/** A request as a socket got it. */
export interface ServedRequest {
  readonly method: string;
  /** As it stood in the request line. */
  readonly target: string;
  /** The first header of that name, each character one byte, without blanks around; `undefined` where none came. `name` is lower case. */
  header(name: string): string | undefined;
  /** The IP address it came from. */
  readonly address: string;
  /** Over TLS. */
  readonly isSecure: boolean;
  /** Aborts when whoever asked is gone, or the server ends. */
  readonly signal: AbortSignal;
  /**
   * Reads the body; asked again, gives the same. `isKnown`: whoever sends it is no stranger, of whose bodies fewer are held. Throws `frame_too_large` when it has more than `maxBytes`, of which nothing is read where
   * the header says so; `rate_limited` when there is no room for it now; `unavailable` when it was cut off.
   */
  body(maxBytes: number, isKnown: boolean): Promise<Uint8Array>;
}

export interface ServedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it, or what tells events as long as it runs; `undefined`: none. */
  readonly body: Uint8Array | TellEvents | undefined;
}

/** Tells events until it resolves, which ends the answer. */
export type TellEvents = (sink: EventSink) => Promise<void>;

/** One event, written once for all who are told it. */
export interface ServedEvent {
  /** With its empty line, as server-sent events have it. */
  readonly text: Uint8Array;
  /** As one message of a WebSocket; `undefined`: it is only to be seen that the line lives. */
  readonly frame: string | undefined;
}

/** Where events of one answer go. */
export interface EventSink {
  /** Never waits: what was not taken yet, `unsentBytes` tells. */
  send(event: ServedEvent): void;
  readonly unsentBytes: number;
  /** Aborts when whoever asked is gone. */
  readonly gone: AbortSignal;
  /** Aborts when the server ends: a last word still goes out. */
  readonly ending: AbortSignal;
}

/** What answers requests. Never rejects. */
export type AnswerRequest = (request: ServedRequest) => Promise<ServedAnswer>;
