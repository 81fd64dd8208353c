import { isUtf8 } from "node:buffer";
import { durationText, sizeText } from "../core/amounts.ts";
import { hostRange } from "../core/bytes/host-range.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { isLoopbackHost } from "../core/loopback.ts";

/** One question over HTTP with a small answer. */
export interface HttpQuestion {
  readonly method: "GET" | "POST";
  readonly url: URL;
  /** Sent as JSON. */
  readonly body?: Uint8Array<ArrayBuffer>;
  /** For all of it, in milliseconds. */
  readonly timeoutMs: number;
  /** The greatest answer that is read. */
  readonly maxBytes: number;
  readonly clock: Clock;
  /** Ends it earlier. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  /** Never a redirect. */
  readonly status: number;
  /** Valid UTF-8, as it was received. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** What the runtime adds to a connection that fails; the next step is said in our words. */
const RUNTIME_HINT = /\.? *Is the computer able to access the url\?$/;

/**
 * A request as this program makes every one of its own: no redirect is followed, nothing is decompressed on the way, and
 * no proxy sees plain HTTP, which is for this machine alone.
 */
export function bareFetch(url: URL, init: RequestInit): Promise<Response> {
  return fetch(url, {
    ...init,
    redirect: "manual",
    // The runtime's is for a whole transfer.
    timeout: false,
    decompress: false,
    ...(url.protocol === "http:" ? { proxy: false } : {}),
  } as RequestInit);
}

/**
 * The URL in `text`. Throws `invalid_argument`, with `label` in front, unless it is https, or http to this machine, and
 * names neither credentials nor a place in a private network, to which a stranger's link could send us.
 */
export function safeUrl(label: string, text: string): URL {
  const url = URL.parse(text);
  const refuse = (expected: string) => new EntmootError("invalid_argument", `${label}: expected ${expected}`);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "") {
    throw refuse("an absolute https URL");
  }
  if (url.username !== "" || url.password !== "") throw refuse("a URL without user or password");
  const isHere = isLoopbackHost(url.hostname);
  if (url.protocol === "http:" && !isHere) {
    throw refuse("https, for anybody on the way can change what comes over http; http is for this machine alone");
  }
  if (!isHere && hostRange(url.hostname) === "private") {
    throw refuse("a public name or address, found one of a private network");
  }
  return url;
}

/**
 * Asks once and gives what came, of any status but a redirect. Messages name the server and never the path, which may hold
 * a secret. Throws `unavailable` and `timeout`; `signal`'s reason when that ends it.
 */
export async function httpExchange(question: HttpQuestion): Promise<HttpAnswer> {
  const { body, clock, maxBytes, method, signal, timeoutMs, url } = question;
  const ending = new AbortController();
  const stop = () => ending.abort(signal?.reason);
  const tooSlow = new EntmootError("timeout", `${url.origin}: no whole answer within ${durationText(timeoutMs)}`);
  using _timer = clock.after(timeoutMs, () => ending.abort(tooSlow));
  if (signal?.aborted) stop();
  else signal?.addEventListener("abort", stop, { once: true });
  try {
    const response = await bareFetch(url, {
      method,
      signal: ending.signal,
      ...(body === undefined ? {} : { body }),
      headers: {
        Accept: "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "entmootd",
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
    });
    if (response.status >= 300 && response.status < 400) {
      throw unavailable(url, `answered with a redirect (${response.status}), which is not followed`);
    }
    return { status: response.status, body: await bodyOf(url, response, maxBytes) };
  } catch (error) {
    ending.abort();
    if (signal?.aborted) throw signal.reason;
    if (ending.signal.reason === tooSlow) throw tooSlow;
    if (error instanceof EntmootError) throw error;
    throw unavailable(url, `cannot be reached: ${textOf(error).replace(RUNTIME_HINT, "")}`, error);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

async function bodyOf(url: URL, response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () => unavailable(url, `answered with more than ${sizeText(maxBytes)}, the most that is read`);
  const declared = Number(response.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > maxBytes) throw tooLarge();
    parts.push(part);
  }
  if (size < declared) throw unavailable(url, `cut off its answer after ${sizeText(size)} of ${sizeText(declared)}`);
  const body = new Uint8Array(Buffer.concat(parts));
  if (!isUtf8(body)) throw unavailable(url, "answered with what is no UTF-8");
  return body;
}

function unavailable({ origin }: URL, what: string, cause?: unknown): EntmootError {
  return new EntmootError("unavailable", `${origin}: ${what}`, { cause });
}
