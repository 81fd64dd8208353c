import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { Http2Answer, Http2Ask } from "../../host/http2-client.ts";
import type { PushNews } from "../../store/esp-store.ts";
import { Deadline } from "../../transport/wait.ts";
import type { PushOutcome } from "./pushes.ts";

/** Wire. Apple's hosts for providers; a token of the one is unknown at the other. */
export const APNS_ORIGIN = "https://api.push.apple.com";
export const APNS_SANDBOX_ORIGIN = "https://api.sandbox.push.apple.com";

/** Wire with the original. */
const ANSWER_MS = 10_000;
/** Wire. Apple refuses tokens older than an hour, and new ones within twenty minutes. */
const TOKEN_MS = 40 * 60_000;
const TOKEN_RENEWED_MS = 20 * 60_000;

/** Wire. Its hour is over, or a clock is wrong. */
const EXPIRED = "ExpiredProviderToken";

export interface ApnsKeys {
  readonly teamId: string;
  readonly keyId: string;
  readonly topic: string;
  /** PEM. */
  readonly key: string;
}

export interface ApnsParts {
  readonly keys: ApnsKeys;
  readonly clock: Clock;
  readonly post: (ask: Http2Ask) => Promise<Http2Answer>;
}

/** Apple's push service, as a provider with a key asks it. */
export class Apns {
  readonly #parts: ApnsParts;
  readonly #key: KeyObject;
  #token: { readonly text: string; readonly at: SteadyMs } | undefined;

  /** Throws `invalid_argument` for what is no key of it. */
  constructor(parts: ApnsParts) {
    this.#parts = parts;
    this.#key = apnsKey(parts.keys.key);
  }

  /** Never rejects. `signal` ends it early. */
  async send(token: string, news: PushNews, signal?: AbortSignal): Promise<PushOutcome> {
    const { clock, keys, post } = this.#parts;
    const headers = {
      authorization: `bearer ${this.#providerToken()}`,
      "apns-topic": keys.topic,
      "apns-push-type": "background",
      "apns-priority": "5",
      "content-type": "application/json",
    };
    using deadline = new Deadline(clock, ANSWER_MS, signal);
    try {
      const path = `/3/device/${encodeURIComponent(token)}`;
      const outcome = apnsOutcome(await post({ path, headers, body: apnsBody(news), signal: deadline.signal }));
      if (outcome.kind === "later" && outcome.code === EXPIRED) this.#expire();
      return outcome;
    } catch {
      return { kind: "later", code: "provider_unavailable", isForAll: true, afterMs: undefined };
    }
  }

  /** Wire. `ES256`, the signature as r and s. */
  #providerToken(): string {
    const { clock, keys } = this.#parts;
    const now = clock.steady();
    if (this.#token !== undefined && now < later(this.#token.at, TOKEN_MS)) return this.#token.text;
    const part = (value: object) => base64url(encodeUtf8(JSON.stringify(value)));
    const claims = { iat: Math.floor(clock.unix() / 1000), iss: keys.teamId };
    const signed = `${part({ alg: "ES256", kid: keys.keyId })}.${part(claims)}`;
    const signature = sign("sha256", encodeUtf8(signed), { key: this.#key, dsaEncoding: "ieee-p1363" });
    this.#token = { text: `${signed}.${base64url(signature)}`, at: now };
    return this.#token.text;
  }

  /** A new one is made for the next push, unless this one is so new that Apple would take none. */
  #expire(): void {
    const { clock } = this.#parts;
    if (this.#token && clock.steady() >= later(this.#token.at, TOKEN_RENEWED_MS)) this.#token = undefined;
  }
}

/** Wire. What an answer of Apple's says; classes with the original. */
export function apnsOutcome({ body, header, status }: Http2Answer): PushOutcome {
  if (status >= 200 && status < 300) return { kind: "sent", providerId: header("apns-id") ?? "" };
  const reason = reasonOf(body);
  const code = reason ?? `apns_status_${status}`;
  if (status === 410 || (status === 400 && (reason === "BadDeviceToken" || reason === "DeviceTokenNotForTopic"))) {
    return { kind: "no such token", code };
  }
  const isForAll = status === 500 || status === 503 || code === EXPIRED || code === "TooManyProviderTokenUpdates";
  if (status !== 429 && !isForAll) return { kind: "refused", code, isForAll: status === 403 };
  return { kind: "later", code, isForAll, afterMs: retryAfterMs(header("retry-after")) };
}

/** Throws `invalid_argument` for what is no key on the curve P-256. */
export function apnsKey(pem: string): KeyObject {
  if (!pem.includes("-----BEGIN ")) throw new EntmootError("invalid_argument", "APNs key must be PEM encoded");
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new EntmootError("invalid_argument", "APNs key must be PEM encoded", { cause });
  }
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new EntmootError("invalid_argument", "APNs key must be ECDSA (P-256)");
  }
  return key;
}

/** Wire. Nothing of what was said is in it; keys in the original's order. News of no moot names none. */
export function apnsBody({ groupId, reason, type }: PushNews): string {
  return JSON.stringify({
    aps: { "content-available": 1 },
    group_id: groupId === undefined || groupId === GroupId.zero ? undefined : GroupId.toBase64(groupId),
    reason: reason === "" ? undefined : reason,
    type,
  });
}

function reasonOf(body: string): string | undefined {
  try {
    const { reason } = JSON.parse(body) as { readonly reason?: unknown };
    return typeof reason === "string" && /^[A-Za-z]{1,64}$/.test(reason) ? reason : undefined;
  } catch {
    return undefined;
  }
}

function retryAfterMs(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) * 1000 : undefined;
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
