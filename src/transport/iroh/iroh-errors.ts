import { EntmootError, textOf } from "../../core/errors.ts";

/** Wire (between our own nodes). Why a stream or a connection was ended, as QUIC application error codes. */
export const END = {
  done: 0n,
  /** The one that ends it holds as many as it may. */
  limits: 1n,
  /** Given up half-way. */
  abandoned: 2n,
  /** The other end went silent. */
  silent: 3n,
  /** The other end sent what no node of ours sends. */
  misuse: 4n,
} as const;

const END_TEXT: Readonly<Record<string, string>> = {
  "0": "closed by the peer",
  "1": "refused: the peer is at its limits, try again later",
  "2": "given up by the peer",
  "3": "closed by the peer, which no longer heard from us",
  "4": "closed by the peer for misuse",
};

/** Ours. Longest text quoted from the native side, part of which a peer may have chosen. */
const QUOTE_MAX_CHARS = 200;

/** One clean line of a native error: no backtrace, no source paths, no control characters. */
export function nativeText(error: unknown): string {
  const text = textOf(error);
  return text
    .replace(/\s*Stack backtrace[\s\S]*$/, "")
    .replace(/ ?\(\/[^)]*\)/g, "")
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, QUOTE_MAX_CHARS);
}

/** What ended a connection, from the text of `Connection.closed()` or of an error of one of its streams. */
export function connectionEnd(text: string): string {
  const code = /\(code (\d+)\)$/.exec(text)?.[1] ?? /^closed by peer: (\d+)$/.exec(text)?.[1];
  const applicationCode = /ApplicationClose \{ error_code: (\d+)/.exec(text)?.[1] ?? code;
  if (applicationCode !== undefined) return END_TEXT[applicationCode] ?? `closed by the peer (code ${applicationCode})`;
  if (/timed ?out/i.test(text)) return "timed out: nothing heard from the peer";
  if (/LocallyClosed|^closed$/.test(text)) return "closed by this node";
  return text;
}

/** The error a caller of `PeerStream` sees for a failed native call; `lostBecause` is why the connection ended, if it did. */
export function streamError(subject: string, cause: unknown, lostBecause: string | undefined): EntmootError {
  const text = nativeText(cause);
  const reset = /^Reset\((\d+)\)/.exec(text)?.[1];
  const stopped = /^Stopped\((\d+)\)/.exec(text)?.[1];
  let reason = text;
  if (reset !== undefined) reason = `stream ${reset === "1" ? END_TEXT["1"] : "reset by the peer"}`;
  else if (stopped !== undefined) reason = stopped === "1" ? `stream ${END_TEXT["1"]}` : "the peer stopped reading";
  else if (/ConnectionLost|ApplicationClosed|LocallyClosed|TimedOut/.test(text)) {
    reason = `connection lost: ${lostBecause ?? connectionEnd(text)}`;
  } else if (/ClosedStream/.test(text)) reason = "the stream is over";
  return new EntmootError("unavailable", `${subject}: ${reason}`, { cause });
}
