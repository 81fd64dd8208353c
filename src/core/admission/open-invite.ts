import { sha256 } from "../bytes/sha256.ts";
import { trimEnd, trimSpace } from "../bytes/text.ts";
import {
  escapePath,
  escapeSegment,
  formatUrl,
  hostName,
  parseUrl,
  queryValue,
  type TextualUrl,
  unescapePercent,
} from "../bytes/textual-url.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import { EntmootError } from "../errors.ts";
import { omitted, struct } from "../json/json-codec.ts";
import { text } from "../json/json-scalars.ts";

/** An invite anyone holding the token may redeem at its issuer. */
export interface OpenInvite {
  /** Normalised; compared as text. */
  readonly issuer_url: string;
  /** Trimmed, not empty. */
  readonly token: string;
}

/** The forms an open invite takes inside JSON; empty texts are absent. */
export interface OpenInviteForms {
  readonly issuer_url: string;
  readonly token: string;
  readonly link: string;
}

/** Wire: the original signs these keys and omit rules inside descriptors, and takes a file of them alone. */
export const openInviteForms = struct<OpenInviteForms>("open invite", {
  issuer_url: omitted(text),
  token: omitted(text),
  link: omitted(text),
});

/** `strip` drops a query and fragment; `refuse`, for signed descriptors, does not take them. */
type IssuerQuery = "strip" | "refuse";

const LINK_SCHEME = "entmoot:";
const LINK_KIND = "open-invite";
const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "::1"]);

/** Whether `input` is meant as a link of ours or an open invite's; everything else is a file or a URL. */
export function isEntmootLink(input: string): boolean {
  return trimSpace(input).startsWith(LINK_SCHEME);
}

/** Reads `entmoot://open-invite?issuer=…&token=…`. Throws `invalid_argument`. */
export function parseOpenInviteLink(link: string, query: IssuerQuery = "strip"): OpenInvite {
  const url = parseUrl(trimSpace(link));
  if (url.scheme !== "entmoot") throw refuse("link does not begin with entmoot:");
  const kind = trimEnd((url.host + unescapePercent(url.path)).replace(/^\/+/, ""), "/");
  // Whatever it is may be all of a link that was pasted: none of it is repeated.
  if (kind !== LINK_KIND) throw refuse(`unknown kind of link, want ${LINK_KIND}`);
  const fields = { issuer_url: queryValue(url.query, "issuer") ?? "", token: queryValue(url.query, "token") ?? "" };
  return normalise(fields, query);
}

/** Wire. The form that apps and the original's `join` read; nothing in it needs quotes but its `&`. */
export function formatOpenInviteLink({ issuer_url, token }: OpenInvite): string {
  return `entmoot://open-invite?${new URLSearchParams({ issuer: issuer_url, token })}`;
}

/**
 * The one open invite that all forms given agree on. Throws `invalid_argument` when none is given, one is
 * malformed or two differ.
 */
export function parseOpenInvite(forms: OpenInviteForms, query: IssuerQuery = "strip"): OpenInvite {
  return agreeing([
    ...(forms.issuer_url !== "" || forms.token !== "" ? [normalise(forms, query)] : []),
    ...(forms.link !== "" ? [parseOpenInviteLink(forms.link, query)] : []),
  ]);
}

/** The invite that all of `invites` are. Throws `invalid_argument` when there is none or two differ. */
export function agreeing(invites: readonly OpenInvite[]): OpenInvite {
  const [first, ...others] = invites;
  if (!first) throw refuse("expected issuer_url and token, or a link");
  if (others.some(({ issuer_url, token }) => issuer_url !== first.issuer_url || token !== first.token)) {
    throw refuse("link and fields name different invites");
  }
  return first;
}

/** The normalised URL of an issuer. Throws `invalid_argument` for a URL no secret may be sent to. */
export function parseIssuerUrl(issuerUrl: string, query: IssuerQuery = "strip"): string {
  const trimmed = trimSpace(issuerUrl);
  if (trimmed === "") throw refuse("issuer url is required");
  const url = parseUrl(trimmed);
  if (url.scheme === "" || url.host === "" || hostName(url) === "") throw refuse("issuer url must be absolute");
  if (url.hasUserInfo) throw refuse("issuer url must not hold credentials");
  if (url.scheme !== "https" && !(url.scheme === "http" && isLocal(url))) {
    throw refuse("issuer url must be https, or http on localhost, 127.0.0.1, ::1 or *.local");
  }
  if (query === "refuse" && (url.query !== "" || url.fragment !== "")) {
    throw refuse("issuer url must not have a query or fragment");
  }
  return formatUrl(url);
}

/** Where to ask for a challenge, and where to redeem. Bytes match the original's doubled escapes. */
export function openInviteEndpoint({ issuer_url, token }: OpenInvite, action: "challenge" | "redeem"): string {
  const url = parseUrl(issuer_url);
  const base = trimEnd(url.path, "/");
  const path = escapePath(`${base}/v1/open-invites/${escapeSegment(token)}/${action}`);
  return formatUrl({ ...url, path });
}

/** The only form a token is kept in: base64url of its SHA-256. Also its public id. */
export function tokenHash(token: string): string {
  return sha256(encodeUtf8(trimSpace(token))).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Whether the name of a file that is missing looks like a token pasted without its link. */
export function looksLikeToken(name: string): boolean {
  return /^[A-Za-z0-9_-]{32,}$/.test(name);
}

function normalise({ issuer_url, token }: OpenInvite, query: IssuerQuery): OpenInvite {
  const trimmed = trimSpace(token);
  if (trimmed === "") throw refuse("token is required");
  return { issuer_url: parseIssuerUrl(issuer_url, query), token: trimmed };
}

function isLocal(url: TextualUrl): boolean {
  const name = hostName(url).toLowerCase();
  return LOCAL_HOSTS.has(name) || name.endsWith(".local");
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `open invite: ${reason}`);
}
