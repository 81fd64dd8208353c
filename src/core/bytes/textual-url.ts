import { EntmootError } from "../errors.ts";
import { isIpv6 } from "./ip-address.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

/*
 * URLs as the network's readers take them: by their text (RFC 3986), not by the WHATWG algorithm. Case of
 * the host, default ports, dot segments and existing escapes stay as written, because two parties compare
 * the results as text.
 */

/** Ours. Common servers take no longer line in a request; a longer URL is refused before it is looked at. */
export const URL_CHARS_MAX = 8192;

export interface TextualUrl {
  /** Lower case. */
  readonly scheme: string;
  readonly hasUserInfo: boolean;
  /** Name or address with port, escapes decoded; empty when there is none. */
  readonly host: string;
  /** Escaped: as written where that is a valid path, otherwise with what is not allowed escaped. */
  readonly path: string;
  readonly query: string;
  /** The text ends in a bare `?`. */
  readonly hasEmptyQuery: boolean;
  readonly fragment: string;
}

const PATH_KEEPS = /^[A-Za-z0-9\-_.~$&+,/:;=@]$/;
const PATH_ALLOWS = /^[A-Za-z0-9\-_.~$&+,/:;=@!'()*[\]%]*$/;
const SEGMENT_KEEPS = /^[A-Za-z0-9\-_.~$&+:=@]$/;
const HOST_KEEPS = /^[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f]/;

/** Reads an absolute or relative URL. Throws `invalid_argument` when it is not one. */
export function parseUrl(text: string): TextualUrl {
  if (text.length > URL_CHARS_MAX) throw refuse(`expected at most ${URL_CHARS_MAX} characters`);
  const [main, fragment] = cut(text, "#");
  if (CONTROL.test(main)) throw refuse("control character");
  if (main.startsWith(":")) throw refuse("missing scheme");
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(main)?.[1] ?? "";
  const behindScheme = scheme === "" ? main : main.slice(scheme.length + 1);
  const hasEmptyQuery = behindScheme.endsWith("?") && behindScheme.indexOf("?") === behindScheme.length - 1;
  const [hierarchy, query] = cut(behindScheme, "?");
  let rest = hierarchy;
  if (!rest.startsWith("/")) {
    // `scheme:something` without a slash names no host and no path.
    if (scheme !== "") throw refuse('expected "//" behind the scheme');
    if (rest.split("/", 1)[0]!.includes(":")) throw refuse("colon in the first path segment");
  }
  let authority = "";
  if (rest.startsWith("//") && (scheme !== "" || !rest.startsWith("///"))) {
    const slash = rest.indexOf("/", 2);
    authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
    rest = slash < 0 ? "" : rest.slice(slash);
  }
  const at = authority.lastIndexOf("@");
  return {
    scheme: scheme.toLowerCase(),
    hasUserInfo: at >= 0,
    host: parseHost(authority.slice(at + 1)),
    path: normalisePath(rest),
    query,
    hasEmptyQuery,
    fragment: unescapePercent(fragment),
  };
}

/** Scheme, host and path of `url` as text, with a bare `?` where it had one; no query, no fragment. */
export function formatUrl(url: Pick<TextualUrl, "scheme" | "host" | "path" | "hasEmptyQuery">): string {
  const host = escapeBytes(url.host, HOST_KEEPS);
  return `${url.scheme}://${host}${url.path}${url.hasEmptyQuery ? "?" : ""}`;
}

/** The host without port and brackets. */
export function hostName(url: Pick<TextualUrl, "host">): string {
  if (url.host.startsWith("[")) return url.host.slice(1, url.host.lastIndexOf("]"));
  const colon = url.host.lastIndexOf(":");
  return colon < 0 ? url.host : url.host.slice(0, colon);
}

/** Text escaped for a whole path: what a path may not hold, and `%`. */
export function escapePath(text: string): string {
  return escapeBytes(text, PATH_KEEPS);
}

/** Text escaped to be one segment of a path. */
export function escapeSegment(text: string): string {
  return escapeBytes(text, SEGMENT_KEEPS);
}

/** The first value of `name` in a form-encoded query; pairs with `;` or a broken escape are not there. */
export function queryValue(query: string, name: string): string | undefined {
  for (const pair of query.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const [key, value] = cut(pair, "=");
    // Not tried and caught: a query of nothing else would cost an error for every two characters.
    if (BROKEN_ESCAPE.test(pair)) continue;
    if (unescapePercent(key.replaceAll("+", " ")) === name) return unescapePercent(value.replaceAll("+", " "));
  }
  return undefined;
}

const BROKEN_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

/** Text with `%xx` decoded. Throws `invalid_argument` on a broken escape. */
export function unescapePercent(text: string): string {
  if (!text.includes("%")) return text;
  if (BROKEN_ESCAPE.test(text)) throw refuse("broken % escape");
  const bytes = encodeUtf8(text);
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== PERCENT) bytes[to++] = bytes[at]!;
    else {
      bytes[to++] = (hexValue(bytes[at + 1]!) << 4) | hexValue(bytes[at + 2]!);
      at += 2;
    }
  }
  return decodeUtf8(bytes.subarray(0, to));
}

const PERCENT = 0x25;

/** Of the char code of a hex digit in any case. */
function hexValue(digit: number): number {
  return digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57;
}

function parseHost(authority: string): string {
  if (authority.startsWith("[")) return parseBracketed(authority);
  const colon = authority.indexOf(":");
  if (colon >= 0 && !/^:[0-9]*$/.test(authority.slice(colon))) throw refuse("port must be a number");
  // In a host only bytes beyond ASCII may come escaped.
  if (/%(?![89A-Fa-f][0-9A-Fa-f])/.test(authority)) throw refuse("broken % escape in the host");
  for (const char of authority) {
    if (char < "\u0080" && char !== "%" && !HOST_KEEPS.test(char)) {
      throw refuse(`invalid character ${JSON.stringify(char)} in the host`);
    }
  }
  return unescapePercent(authority);
}

function parseBracketed(authority: string): string {
  const end = authority.lastIndexOf("]");
  const port = authority.slice(end + 1);
  if (end < 0 || !/^(:[0-9]*)?$/.test(port)) throw refuse("expected [address] and a numeric port");
  const [address, zone] = cut(authority.slice(1, end), "%25");
  if (!isIpv6(address)) throw refuse("bad IPv6 address");
  if (!/^[A-Za-z0-9\-_.~]*$/.test(zone)) throw refuse("bad zone in the IPv6 address");
  return `[${address}${zone === "" ? "" : `%${zone}`}]${port}`;
}

function normalisePath(path: string): string {
  const decoded = unescapePercent(path);
  return PATH_ALLOWS.test(path) ? path : escapePath(decoded);
}

function escapeBytes(text: string, keeps: RegExp): string {
  let out = "";
  for (const byte of encodeUtf8(text)) {
    const char = String.fromCharCode(byte);
    out += byte < 0x80 && keeps.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** What stands before and behind the first `separator`; the second is empty without one. */
function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `url: ${reason}`);
}
