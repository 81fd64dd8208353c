import { timingSafeEqual } from "node:crypto";
import { decodeBase64 } from "../core/bytes/base64.ts";
import { sha256 } from "../core/bytes/sha256.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import type { Clock } from "../core/clock.ts";
import { PublicKey } from "../core/ids.ts";
import { SIGNATURE_BYTES, verifySignature } from "../core/signature.ts";
import type { ServedRequest } from "../host/http-request.ts";
import type { Device, DeviceRegistry } from "../store/device-registry.ts";
import { HttpFailure } from "./http-failure.ts";
import { type NonceBook, STAMP_WINDOW_MS } from "./nonce-book.ts";
import { type Principal, principalName } from "./principal.ts";
import { deviceSigningInput, memberSigningInput, type SignedRequest, signedBytes } from "./signing-input.ts";

/** Wire. Who may ask: whoever has the token, registered devices, or both. */
export const AUTH_MODES = ["bearer", "device", "dual"] as const;
export type AuthMode = (typeof AUTH_MODES)[number];

/** Wire. What is longer is refused as no nonce. */
export const NONCE_BYTES_MAX = 256;
const INT64_MAX = 2n ** 63n - 1n;
const MEMBER_HEADERS = ["x-entmoot-member-node-id", "x-entmoot-member-pubkey", "x-entmoot-member-signature"] as const;

export interface GateParts {
  readonly mode: AuthMode;
  /** `undefined` only in the mode `device`. */
  readonly token: string | undefined;
  /** `undefined` only in the mode `bearer`. */
  readonly registry: DeviceRegistry | undefined;
  readonly nonces: NonceBook;
  readonly clock: Clock;
}

/** A request whose asker is to be known. */
export interface GateAsk {
  readonly request: Pick<ServedRequest, "method" | "header">;
  /** Path and query as signed. */
  readonly target: string;
  /** The route takes members. */
  readonly takesMembers: boolean;
}

/** What a request says of who asks, as far as its headers alone tell. */
export interface Claims {
  /** The bearer token came with it. */
  readonly isBearer: boolean;
  /** It is signed as a registered device, and nothing in its headers speaks against it. */
  readonly isKnown: boolean;
  /** Who asks, once the body is there. Throws 401, 403 or 429. */
  prove(body: Uint8Array): Promise<Principal>;
}

/** A signature and what it covers but for the body. */
interface SignedClaim {
  readonly who: string;
  readonly key: PublicKey;
  readonly signature: Uint8Array;
  readonly covers: Omit<SignedRequest, "body">;
  input(signed: SignedRequest): string;
}

/** Finds out who asks: by the bearer token, a device's signature or a member's. */
export class Gate {
  readonly #parts: GateParts;
  readonly #tokenHash: Uint8Array | undefined;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#tokenHash = parts.token === undefined ? undefined : sha256(encodeUtf8(parts.token));
  }

  /** What the headers say. Throws 401 or 403 where they alone tell that nobody is proved. */
  claims(ask: GateAsk): Claims {
    const { mode } = this.#parts;
    const isBearer = mode !== "device" && this.#isToken(bearerOf(ask.request));
    const member = ask.takesMembers && isMemberTried(ask.request) ? caught(() => this.#memberOf(ask)) : undefined;
    const isDeviceTried = mode !== "bearer" && textOf(ask.request, "x-entmoot-device-id") !== "";
    const device = isDeviceTried ? caught(() => this.#deviceOf(ask)) : undefined;
    const inOrder = mode === "device" ? [device, member] : [member, device];
    // In the mode `device` who names a device is that or nobody.
    const tried = (mode === "device" && device !== undefined ? [device] : inOrder).filter((one) => one !== undefined);
    if (!isBearer && tried.every((one) => one instanceof HttpFailure)) throw this.#refusal(tried, device);
    return {
      isBearer,
      isKnown: device !== undefined && !(device instanceof HttpFailure),
      prove: async (body) => {
        const failures: HttpFailure[] = [];
        for (const one of tried) {
          const found = one instanceof HttpFailure ? one : await this.#proved(one, body, isBearer);
          if (!(found instanceof HttpFailure)) return found;
          failures.push(found);
          // Others that are tried next change nothing of this.
          if (found.status === 429 && !isBearer) throw found;
        }
        if (isBearer) return { kind: "bearer" };
        throw this.#refusal(failures, device === undefined ? undefined : failures.at(-1));
      },
    };
  }

  /** What is told of several failures: the device's, where one was named. */
  #refusal(tried: readonly (HttpFailure | object)[], device: HttpFailure | object | undefined): HttpFailure {
    if (device instanceof HttpFailure) return device;
    const failure = tried.find((one) => one instanceof HttpFailure);
    return failure ?? this.unauthorized();
  }

  /** Wire. Nobody showed anything, or the wrong token. */
  unauthorized(): HttpFailure {
    const headers: Record<string, string> =
      this.#parts.mode === "device" ? {} : { "WWW-Authenticate": 'Bearer realm="entmoot-esp"' };
    return new HttpFailure(401, "unauthorized", "missing or invalid credentials", { headers });
  }

  async #proved(one: SignedAs, body: Uint8Array, isBearer: boolean): Promise<Principal | HttpFailure> {
    const { covers, input, key, principal, signature } = one;
    const text = input({ ...covers, body });
    if (!verifySignature(PublicKey.toBytes(key), signedBytes(text), signature)) return refused("invalid signature");
    try {
      if (!(await this.#parts.nonces.use(one.who, covers.nonce, covers.timestampMs))) return refused("replayed nonce");
    } catch (error) {
      if (error instanceof HttpFailure) return error;
      throw error;
    }
    return principal.kind === "member" ? { ...principal, isBearer } : principal;
  }

  #isToken(shown: string | undefined): boolean {
    if (shown === undefined || this.#tokenHash === undefined) return false;
    // Hashes have one length, and tell nothing by how long they take.
    return timingSafeEqual(sha256(encodeUtf8(shown)), this.#tokenHash);
  }

  #deviceOf(ask: GateAsk): SignedAs {
    const device = this.#parts.registry?.devices().get(textOf(ask.request, "x-entmoot-device-id"));
    if (device === undefined) throw refused("unknown device");
    if (device.isDisabled) throw new HttpFailure(403, "device_disabled", "device is disabled");
    const principal = { kind: "device", device } as const;
    return this.#signed(ask, principal, {
      key: device.publicKey,
      header: "x-entmoot-signature",
      input: deviceSigningInput,
    });
  }

  #memberOf(ask: GateAsk): SignedAs {
    const idText = textOf(ask.request, "x-entmoot-member-node-id");
    const nodeId = /^\+?\d{1,20}$/.test(idText) ? Number(idText) : 0;
    if (nodeId < 1 || nodeId > 0xffff_ffff) throw refused("invalid member node id");
    const bytes = decodeBase64(textOf(ask.request, "x-entmoot-member-pubkey"));
    if (bytes?.length !== 32) throw refused("invalid member public key");
    const member = { nodeId, key: PublicKey.fromBytes(bytes) };
    const principal = { kind: "member", isBearer: false, ...member } as const;
    return this.#signed(ask, principal, {
      key: member.key,
      header: "x-entmoot-member-signature",
      input: (signed) => memberSigningInput(member, signed),
    });
  }

  #signed({ request, target }: GateAsk, principal: SignedAs["principal"], how: HowSigned): SignedAs {
    const timestampMs = stampOf(textOf(request, "x-entmoot-timestamp-ms"));
    if (timestampMs === undefined) throw refused("invalid request timestamp");
    const awayMs = timestampMs - BigInt(this.#parts.clock.unix());
    if (awayMs > BigInt(STAMP_WINDOW_MS) || awayMs < -BigInt(STAMP_WINDOW_MS)) {
      throw refused("request timestamp outside allowed window");
    }
    const nonce = textOf(request, "x-entmoot-nonce");
    const nonceBytes = Buffer.byteLength(nonce);
    if (nonceBytes < 1 || nonceBytes > NONCE_BYTES_MAX) throw refused("invalid nonce");
    const signature = decodeBase64(textOf(request, how.header));
    if (signature?.length !== SIGNATURE_BYTES) throw refused("invalid signature");
    const covers = { method: request.method, target, timestampMs, nonce };
    return { who: principalName(principal), principal, key: how.key, signature, covers, input: how.input };
  }
}

interface SignedAs extends SignedClaim {
  readonly principal: Exclude<Principal, { kind: "bearer" }>;
}

interface HowSigned {
  readonly key: PublicKey;
  readonly header: string;
  readonly input: (signed: SignedRequest) => string;
}

/** The device with this name in the headers, proved or not; for who only counts. */
export function claimedDevice(
  registry: DeviceRegistry | undefined,
  request: Pick<ServedRequest, "header">,
): Device | undefined {
  return registry?.devices().get(textOf(request, "x-entmoot-device-id"));
}

const refused = (message: string) => new HttpFailure(401, "unauthorized", message);

function caught<T>(work: () => T): T | HttpFailure {
  try {
    return work();
  } catch (error) {
    if (error instanceof HttpFailure) return error;
    throw error;
  }
}

function isMemberTried(request: Pick<ServedRequest, "header">): boolean {
  return MEMBER_HEADERS.some((name) => textOf(request, name) !== "");
}

/** The token, with the scheme in any case; `undefined` where there is none. */
function bearerOf(request: Pick<ServedRequest, "header">): string | undefined {
  const [, token] = /^bearer\s+(.+)$/is.exec(textOf(request, "authorization")) ?? [];
  return token === undefined ? undefined : trimSpace(token);
}

/** A header as UTF-8, without blanks around; empty where none came. */
function textOf(request: Pick<ServedRequest, "header">, name: string): string {
  const raw = request.header(name) ?? "";
  return trimSpace(Buffer.from(raw, "latin1").toString("utf8"));
}

function stampOf(text: string): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return value <= INT64_MAX && value >= -INT64_MAX - 1n ? value : undefined;
}
