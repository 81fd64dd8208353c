import { type ClientHttp2Session, connect, constants } from "node:http2";

/** Ours. What is longer of an answer is left unread. */
const ANSWER_BYTES_MAX = 64 * 1024;

export interface Http2Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

export interface Http2Ask {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Asks one server over one connection, which is made when it is needed, kept, and made anew once it is over. */
export class Http2Client implements Disposable {
  readonly #origin: string;
  readonly #ca: string | undefined;
  #session: ClientHttp2Session | undefined;

  /** `ca`: trusted instead of the system's certificates. */
  constructor(origin: string, ca?: string) {
    this.#origin = origin;
    this.#ca = ca;
  }

  /** Rejects when no whole answer comes, and when `signal` aborts; the connection is given up then. */
  async post({ body, headers, path, signal }: Http2Ask): Promise<Http2Answer> {
    signal.throwIfAborted();
    const session = this.#opened();
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    return await new Promise<Http2Answer>((resolve, reject) => {
      let answer: Record<string, string | string[] | number | undefined> | undefined;
      let said = "";
      let isEnded = false;
      const giveUp = () => {
        // One that does not answer in time is not asked again.
        this.#leave(session);
        stream.close(constants.NGHTTP2_CANCEL);
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      stream.setEncoding("utf8");
      stream.on("response", (head) => {
        answer = head as typeof answer;
      });
      stream.on("data", (piece: string) => {
        if (said.length < ANSWER_BYTES_MAX) said += piece;
      });
      stream.on("end", () => {
        isEnded = true;
      });
      stream.on("error", (error: Error) => {
        signal.removeEventListener("abort", giveUp);
        reject(error);
      });
      stream.on("close", () => {
        signal.removeEventListener("abort", giveUp);
        const status = Number(answer?.[":status"]);
        if (answer === undefined || !isEnded || !Number.isInteger(status)) {
          reject(new Error(`${this.#origin}: the connection ended without an answer`));
          return;
        }
        const found = answer;
        const header = (name: string) => (found[name] === undefined ? undefined : String(found[name]));
        resolve({ status, header, body: said.slice(0, ANSWER_BYTES_MAX) });
      });
      stream.end(body);
    });
  }

  [Symbol.dispose](): void {
    const session = this.#session;
    this.#session = undefined;
    session?.destroy();
  }

  #opened(): ClientHttp2Session {
    const kept = this.#session;
    if (kept !== undefined && !kept.closed && !kept.destroyed) return kept;
    const session = connect(this.#origin, this.#ca === undefined ? {} : { ca: this.#ca });
    this.#session = session;
    // Whoever asks hears of it by the stream.
    session.on("error", () => this.#leave(session));
    session.on("goaway", () => this.#leave(session));
    session.on("close", () => this.#leave(session));
    return session;
  }

  /** What is under way on it goes on. */
  #leave(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined;
    if (!session.closed && !session.destroyed) session.close();
  }
}
