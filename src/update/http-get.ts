import { durationText, sizeText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { bareFetch } from "../host/http-exchange.ts";
import { updateError } from "./update-error.ts";

/** Ours. A server that says nothing for so long is gone. There is no limit on a whole download: lines are slow. */
const IDLE_MS = 30_000;
/** Ours. A file of at most a few MiB that takes longer is held back, drop by drop. */
const SMALL_MS = 120_000;
/** Ours. A release host needs one or two; more is a loop. */
const REDIRECTS_MAX = 5;

export interface GetOptions {
  readonly clock: Clock;
  readonly allowsRedirect: (from: URL, to: URL) => boolean;
  readonly userAgent: string;
  readonly idleMs?: number;
  /** Most time for the whole answer; none when absent. */
  readonly wholeMs?: number;
  /** Ask only for what comes after so many bytes; the server may send all of it nevertheless. */
  readonly after?: number;
  readonly accept?: string;
}

/** An answer whose body is still to come. */
export interface Answer {
  /** 404 is an answer too; every other failure throws. */
  readonly found: boolean;
  /** Where the body begins in the whole file; `undefined` when the server cannot send what comes after `after`. */
  readonly start: number | undefined;
  /** Bytes still to come, as far as the server says so. */
  readonly length: number | undefined;
  /** The body in pieces. Ends early, without a word, when the server closes early; throws when it falls silent. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection. */
  readonly close: () => void;
}

/**
 * Asks for `url` over GET and follows redirects as far as they are allowed. Nothing is decompressed on the way: bytes
 * are what the server has. Throws `update_failed`.
 */
export async function get(url: URL, options: GetOptions): Promise<Answer> {
  const { clock, idleMs = IDLE_MS, wholeMs } = options;
  const ending = new AbortController();
  const silence = () => ending.abort(updateError(`${url.href}: the server sent nothing for ${durationText(idleMs)}`));
  let timer = clock.after(idleMs, silence);
  const heard = () => {
    timer[Symbol.dispose]();
    timer = clock.after(idleMs, silence);
  };
  const tooSlow = () => ending.abort(updateError(`${url.href}: the answer took longer than ${durationText(wholeMs!)}`));
  const whole = wholeMs === undefined ? undefined : clock.after(wholeMs, tooSlow);
  const close = () => {
    timer[Symbol.dispose]();
    whole?.[Symbol.dispose]();
    ending.abort();
  };
  try {
    let at = url;
    for (let redirects = 0; ; redirects++) {
      const response = await bareFetch(at, {
        signal: ending.signal,
        headers: {
          "User-Agent": options.userAgent,
          "Accept-Encoding": "identity",
          ...(options.accept === undefined ? {} : { Accept: options.accept }),
          ...(options.after ? { Range: `bytes=${options.after}-` } : {}),
        },
      });
      heard();
      if (response.status < 300 || response.status >= 400 || response.status === 304) {
        return answerOf(at, response, { heard, close, ending: ending.signal });
      }
      const target = response.headers.get("location");
      await response.body?.cancel().catch(() => {});
      if (redirects === REDIRECTS_MAX) throw updateError(`${url.href}: more than ${REDIRECTS_MAX} redirects`);
      at = redirectTarget(at, target, options);
    }
  } catch (error) {
    close();
    throw failure(url, error, ending.signal);
  }
}

function redirectTarget(from: URL, target: string | null, { allowsRedirect }: GetOptions): URL {
  let to: URL;
  try {
    to = new URL(target ?? "", from);
  } catch {
    throw updateError(`${from.href}: redirects to no address`);
  }
  if (target === null) throw updateError(`${from.href}: redirects to no address`);
  if (!allowsRedirect(from, to)) throw updateError(`${from.href}: redirects to another host (${to.origin}); refused`);
  return to;
}

interface Connection {
  readonly heard: () => void;
  readonly close: () => void;
  readonly ending: AbortSignal;
}

function answerOf(url: URL, response: Response, { heard, close, ending }: Connection): Answer {
  const { status } = response;
  if (![200, 206, 404, 416].includes(status)) throw updateError(`${url.href}: the server answered ${status}`);
  const declared = response.headers.get("content-length");
  return {
    found: status !== 404,
    start: status === 206 ? rangeStart(response.headers.get("content-range")) : status === 416 ? undefined : 0,
    length: declared !== null && /^\d{1,19}$/.test(declared) ? Number(declared) : undefined,
    body: pieces(url, response, { heard, close, ending }),
    close,
  };
}

async function* pieces(url: URL, response: Response, { heard, close, ending }: Connection): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of response.body ?? []) {
      heard();
      yield piece;
    }
  } catch (error) {
    // A connection that breaks is a short body; what is missing is found by its length.
    if (ending.aborted) throw failure(url, error, ending);
  } finally {
    close();
  }
}

function rangeStart(header: string | null): number | undefined {
  const found = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(header ?? "");
  return found === null ? undefined : Number(found[1]);
}

/** What the runtime adds to a connection that fails; the next step is said in our words. */
const RUNTIME_HINT = /\.? *Is the computer able to access the url\?$/;

function failure(url: URL, error: unknown, ending: AbortSignal): EntmootError {
  for (const known of [ending.reason, error]) if (known instanceof EntmootError) return known;
  const reason = textOf(error).replace(RUNTIME_HINT, "");
  return updateError(
    `${url.href}: cannot be reached: ${reason}; check the address and the network, then try again`,
    error,
  );
}

/** The whole of a small file; `undefined` when it is not there. Throws `update_failed` when it is larger than `maxBytes`. */
export async function getSmall(url: URL, maxBytes: number, options: GetOptions): Promise<Uint8Array | undefined> {
  const answer = await get(url, { wholeMs: SMALL_MS, ...options });
  if (!answer.found) {
    answer.close();
    return undefined;
  }
  const tooLarge = () => {
    answer.close();
    return updateError(`${url.href}: expected at most ${sizeText(maxBytes)}, found more`);
  };
  if (answer.length !== undefined && answer.length > maxBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const piece of answer.body) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge();
    parts.push(piece);
  }
  if (answer.length !== undefined && size < answer.length) {
    throw updateError(`${url.href}: cut off after ${sizeText(size)} of ${sizeText(answer.length)}`);
  }
  return new Uint8Array(Buffer.concat(parts));
}
