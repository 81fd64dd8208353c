import { DEFAULT_MOOT_KEY } from "../../core/admission/default-moot.ts";
import { classifyJoinArgument, parseJoinInput } from "../../core/admission/join-input.ts";
import { linkInJson } from "../../core/admission/link-in-json.ts";
import { findMootLink, isMootLink, refuseExpiredLink } from "../../core/admission/moot-link.ts";
import { isEntmootLink, looksLikeToken } from "../../core/admission/open-invite.ts";
import { withoutSecrets } from "../../core/admission/secrets.ts";
import { sizeText } from "../../core/amounts.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { isLoopbackHost } from "../../core/loopback.ts";
import { realClock } from "../../host/real-clock.ts";
import { Deadline } from "../../transport/wait.ts";
import { inputReason, readInput } from "./bounded-input.ts";
import { collect } from "./collect.ts";

/** Wire. What the original reads of an invite, from a file or over HTTP; here more is refused, not cut. */
const INPUT_MAX_BYTES = 1024 * 1024;
/** Wire. What the original gives the same fetch. */
const FETCH_TIMEOUT_MS = 5_000;

const EXPECTED = "expected a link (entmoot://join/…), what invite link printed, a file, an https URL, or - for stdin";

/** Ours. Characters of an argument that a failure repeats. */
const SHOWN_MAX = 200;

/** What people and programs put around a link. */
const WRAPPED_LINK = /^[\s<([{"'`\u2018-\u201f\u00ab\u2039]*entmoot:/i;

/**
 * The text behind one argument of `join`: a link as it is, else the content of a file, of stdin (`-`) or of an
 * http(s) URL, each with `timeoutMs` to come. Throws `invalid_argument` naming the argument, `timeout`, `unavailable`
 * when a fetch fails.
 */
export async function loadJoinInput(argument: string, timeoutMs: number): Promise<string> {
  const text = trimSpace(argument);
  if (text === "") throw new EntmootError("invalid_argument", `join: an input is empty; ${EXPECTED}`);
  try {
    const input = await read(text, timeoutMs);
    return verifiedInput(linkInJson(input) ?? input);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(cause.code, `join: invite ${shown(text)}: ${cause.message}`, { cause });
  }
}

async function read(argument: string, timeoutMs: number): Promise<string> {
  if (isMootLink(argument) || argument.startsWith("{")) return argument;
  if (argument === "-") return readInvite(argument, timeoutMs);
  const named = classifyJoinArgument(argument);
  if (named.kind === "url") return fetchInvite(named.url, Math.min(timeoutMs, FETCH_TIMEOUT_MS));
  if (named.kind === "file" && !WRAPPED_LINK.test(argument)) return readInvite(named.path, timeoutMs);
  return argument;
}

/** The input as it is passed on. Refuses what can be refused without asking anybody: form, signature of a link, expiry. */
function verifiedInput(input: string): string {
  const nowMs = realClock.unix();
  if (isMootLink(input)) {
    const { link, spelling } = findMootLink(input);
    refuseExpiredLink(link, nowMs);
    return spelling;
  }
  if (isEntmootLink(input) || WRAPPED_LINK.test(input)) {
    const [kind = ""] = input.replace(/^.*?entmoot:\/*/i, "").split(/[?#]/);
    throw new EntmootError(
      "unsupported",
      kind === "open-invite"
        ? "open invites redeemed over HTTPS are not in this version; ask the issuer for a link that begins with entmoot://join/"
        : `unsupported entmoot link${/^[a-z-]{1,20}$/.test(kind) ? ` ${JSON.stringify(kind)}` : ""}; expected one that begins with entmoot://join/`,
    );
  }
  const pinnedKey = PublicKey.toBytes(DEFAULT_MOOT_KEY);
  parseJoinInput(encodeUtf8(input), { nowMs, pinnedKey });
  return input;
}

async function readInvite(path: string, timeoutMs: number): Promise<string> {
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readInput(path, { maxBytes: INPUT_MAX_BYTES, timeoutMs });
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      throw looksLikeToken(path)
        ? malformed("a token alone is not enough; give the whole link, which starts with entmoot://", cause)
        : malformed("read: no file of that name, and not a link (entmoot://join/…), a URL or an invite's JSON", cause);
    }
    throw malformed(`read: ${inputReason(cause)}`, cause);
  }
  if (bytes === undefined) throw tooLarge("more");
  return decodeText(bytes);
}

async function fetchInvite(url: string, timeoutMs: number): Promise<string> {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== "" || parsed.password !== "") {
    throw malformed("expected an absolute http(s) URL without user or password");
  }
  if (parsed.protocol === "http:" && !isLoopbackHost(parsed.hostname)) {
    throw malformed("expected https, for anybody on the way can change what comes over http");
  }
  let response: Response;
  try {
    using deadline = new Deadline(realClock, timeoutMs);
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
  if (bytes === undefined) throw tooLarge("more");
  return bytes;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return trimSpace(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed("expected text in UTF-8", cause);
  }
}

function tooLarge(found: number | string): EntmootError {
  return malformed(`expected at most ${sizeText(INPUT_MAX_BYTES)}, found ${found}`);
}

function malformed(reason: string, cause?: unknown): EntmootError {
  return new EntmootError("invalid_argument", `invite malformed: ${reason}`, { cause });
}

/** A link is a secret, and so is a token on its own: of them only the beginning is shown. */
function shown(argument: string): string {
  if (isMootLink(linkInJson(argument) ?? argument)) return "entmoot://join/…";
  const open = withoutSecrets(argument);
  if (looksLikeToken(open)) return `${open.slice(0, 4)}…`;
  return open.length > SHOWN_MAX ? `${open.slice(0, SHOWN_MAX)}…` : open;
}
