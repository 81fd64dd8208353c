import { readFileSync, statSync } from "node:fs";
import { DEFAULT_MOOT_KEY } from "../../core/admission/default-moot.ts";
import { classifyJoinArgument, parseJoinInput } from "../../core/admission/join-input.ts";
import { isMootLink, parseMootLink, refuseExpiredLink } from "../../core/admission/moot-link.ts";
import { isEntmootLink, looksLikeToken } from "../../core/admission/open-invite.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { isLoopbackHost } from "../../core/loopback.ts";
import { realClock } from "../../host/real-clock.ts";
import { Deadline } from "../../transport/wait.ts";
import { collect } from "./collect.ts";

/** Wire. What the original reads of an invite, from a file or over HTTP; here more is refused, not cut. */
const INPUT_MAX_BYTES = 1024 * 1024;
/** Wire. What the original gives the same fetch. */
const FETCH_TIMEOUT_MS = 5_000;

/**
 * The text behind one argument of `join`: a link as it is, else the content of a file, of stdin (`-`) or of an
 * http(s) URL. Throws `invalid_argument` naming the argument, `unavailable` when a fetch fails.
 */
export async function loadJoinInput(argument: string): Promise<string> {
  const text = argument.trim();
  try {
    const input = await readInput(text);
    verifyInput(input);
    return input;
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `join: invite ${shown(text)}: ${cause.message}`, { cause });
  }
}

async function readInput(argument: string): Promise<string> {
  if (argument.startsWith("{")) return argument;
  if (argument === "-") return decodeText(await collectInput(Bun.stdin.stream()));
  const named = classifyJoinArgument(argument);
  switch (named.kind) {
    case "url":
      return fetchInvite(named.url);
    case "file":
      return decodeText(readInviteFile(named.path));
    default:
      return named.link;
  }
}

/** Everything that can be said without asking anybody: form, signature of a link, expiry. */
function verifyInput(input: string): void {
  const nowMs = realClock.unix();
  if (isMootLink(input)) refuseExpiredLink(parseMootLink(input), nowMs);
  else if (isEntmootLink(input)) {
    const [kind] = input.replace(/^entmoot:\/*/i, "").split(/[?#]/);
    throw new EntmootError(
      "unsupported",
      kind === "open-invite"
        ? "open invites redeemed over HTTPS are not in this version; ask the issuer for a link that begins with entmoot://join/"
        : `unsupported entmoot link ${JSON.stringify(kind?.slice(0, 40))}; expected one that begins with entmoot://join/`,
    );
  } else {
    const pinnedKey = PublicKey.toBytes(DEFAULT_MOOT_KEY);
    parseJoinInput(encodeUtf8(input), { nowMs, pinnedKey });
  }
}

function readInviteFile(path: string): Uint8Array {
  try {
    const { size } = statSync(path);
    if (size > INPUT_MAX_BYTES) throw tooLarge(size);
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      throw looksLikeToken(path)
        ? malformed("a token alone is not enough; give the whole link, which starts with entmoot://", cause)
        : malformed("read: no file of that name, and not a link (entmoot://join/…), a URL or an invite's JSON", cause);
    }
    throw malformed(`read: ${textOf(cause)}`, cause);
  }
}

async function fetchInvite(url: string): Promise<string> {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== "" || parsed.password !== "") {
    throw malformed("expected an absolute http(s) URL without user or password");
  }
  if (parsed.protocol === "http:" && !isLoopbackHost(parsed.hostname)) {
    throw malformed("expected https, for anybody on the way can change what comes over http");
  }
  let response: Response;
  try {
    using deadline = new Deadline(realClock, FETCH_TIMEOUT_MS);
    // A redirect could lead from https to anywhere.
    response = await fetch(parsed, { redirect: "error", signal: deadline.signal });
    if (!response.ok) throw new Error(`expected status 200, found ${response.status}`);
    return decodeText(await collectInput(response.body ?? new ReadableStream<Uint8Array>()));
  } catch (cause) {
    if (cause instanceof EntmootError && cause.code !== "timeout") throw cause;
    const reason = textOf(cause);
    throw new EntmootError("unavailable", `invite fetch failed: ${reason}`, { cause });
  }
}

async function collectInput(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const bytes = await collect(stream, INPUT_MAX_BYTES);
  if (bytes === undefined) throw tooLarge(`more than ${INPUT_MAX_BYTES}`);
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
  } catch (cause) {
    throw malformed("expected text in UTF-8", cause);
  }
}

function tooLarge(found: number | string): EntmootError {
  return malformed(`expected at most ${INPUT_MAX_BYTES} bytes, found ${found}`);
}

function malformed(reason: string, cause?: unknown): EntmootError {
  return new EntmootError("invalid_argument", `invite malformed: ${reason}`, { cause });
}

/** A link is a secret: of it only the beginning is shown. */
function shown(argument: string): string {
  if (/^entmoot:/i.test(argument)) return `${argument.slice(0, 24)}…`;
  return argument.length > 200 ? `${argument.slice(0, 200)}…` : argument;
}
