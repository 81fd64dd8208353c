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
  /** All of it, or what writes it piece by piece; `undefined`: none. */
  readonly body: Uint8Array | ((sink: AnswerSink) => Promise<void>) | undefined;
}

/** The way of an answer that comes in pieces. */
export interface AnswerSink {
  /** Resolves when there is room for the next. Rejects when whoever asked is gone. */
  write(text: string): Promise<void>;
  /** Bytes that were written and not taken yet. */
  readonly unsentBytes: number;
  /** Aborts when whoever asked is gone, or the server ends. */
  readonly signal: AbortSignal;
}

/** What answers requests. Never rejects. */
export type AnswerRequest = (request: ServedRequest) => Promise<ServedAnswer>;
