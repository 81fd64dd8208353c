import { DEFAULT_MOOT_KEY, parsePinnedKey } from "../../core/admission/default-moot.ts";
import { classifyJoinArgument, parseJoinInput } from "../../core/admission/join-input.ts";
import { linkInJson } from "../../core/admission/link-in-json.ts";
import { findMootLink, isMootLink, refuseExpiredLink } from "../../core/admission/moot-link.ts";
import { isEntmootLink, looksLikeToken, parseOpenInviteLink } from "../../core/admission/open-invite.ts";
import { withoutSecrets } from "../../core/admission/secrets.ts";
import { sizeText } from "../../core/amounts.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { httpExchange, safeUrl } from "../../host/http-exchange.ts";
import { realClock } from "../../host/real-clock.ts";
import { inputReason, readInput } from "./bounded-input.ts";

/** Wire. What the original reads of an invite, from a file or over HTTP; here more is refused, not cut. */
const INPUT_MAX_BYTES = 1024 * 1024;
/** Wire. What the original gives the same fetch. */
const FETCH_TIMEOUT_MS = 5_000;

const EXPECTED = "expected a link (entmoot://join/…), what invite link printed, a file, an https URL, or - for stdin";

/** Ours. Characters of an argument that a failure repeats. */
const SHOWN_MAX = 200;

/** An open invite's link, up to what people and programs put behind it. */
const OPEN_INVITE_LINK = /entmoot:\/*open-invite\/*\?[^\s<>()[\]{}"'`\u2018-\u201f\u00ab\u00bb\u2039\u203a]+/i;
/** What people and programs put around a link. */
const WRAPPED_LINK = /^[\s<([{"'`\u2018-\u201f\u00ab\u2039]*entmoot:/i;

/**
 * The text behind one argument of `join`: a link as it is, else the content of a file, of stdin (`-`) or of an
 * http(s) URL, each with `timeoutMs` to come. `pinnedKey`: who signs the default moot, in base64, unless it is the key that is built in. Throws `invalid_argument` naming the argument, `timeout`, `unavailable`
 * when a fetch fails.
 */
export async function loadJoinInput(argument: string, timeoutMs: number, pinnedKey?: string): Promise<string> {
  const text = trimSpace(argument);
  if (text === "") throw new EntmootError("invalid_argument", `join: an input is empty; ${EXPECTED}`);
  try {
    const input = await read(text, timeoutMs);
    return verifiedInput(linkInJson(input) ?? input, pinnedKey);
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
function verifiedInput(input: string, pinnedKey: string | undefined): string {
  const nowMs = realClock.unix();
  if (isMootLink(input)) {
    const { link, spelling } = findMootLink(input);
    refuseExpiredLink(link, nowMs);
    return spelling;
  }
  if (isEntmootLink(input) || WRAPPED_LINK.test(input)) {
    const link = OPEN_INVITE_LINK.exec(input)?.[0];
    if (link === undefined) throw unknownLink(input);
    safeUrl("open invite: issuer", parseOpenInviteLink(link).issuer_url);
    return link;
  }
  const key = pinnedKey === undefined ? DEFAULT_MOOT_KEY : parsePinnedKey(pinnedKey);
  const read = parseJoinInput(encodeUtf8(input), { nowMs, pinnedKey: PublicKey.toBytes(key) });
  if ("openInvite" in read) safeUrl("open invite: issuer", read.openInvite.issuer_url);
  return input;
}

/** Of what kind it is, where that is a word and no secret. */
function unknownLink(input: string): EntmootError {
  const [kind = ""] = input.replace(/^.*?entmoot:\/*/i, "").split(/[?#]/);
  const shown = /^[a-z-]{1,20}$/.test(kind) ? ` ${JSON.stringify(kind)}` : "";
  return new EntmootError(
    "unsupported",
    `unsupported entmoot link${shown}; expected one that begins with entmoot://join/ or entmoot://open-invite?`,
  );
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
  const parsed = safeUrl("invite malformed", url);
  try {
    const { body, status } = await httpExchange({
      method: "GET",
      url: parsed,
      timeoutMs,
      maxBytes: INPUT_MAX_BYTES,
      clock: realClock,
    });
    if (status !== 200) throw new EntmootError("unavailable", `expected status 200, found ${status}`);
    return decodeText(body);
  } catch (cause) {
    throw new EntmootError("unavailable", `invite fetch failed: ${textOf(cause)}`, { cause });
  }
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
