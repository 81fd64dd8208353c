import {
  challengeRequest,
  encodeErrorAnswer,
  OPEN_INVITE_REFUSALS,
  type OpenInviteRefusal,
  redeemAnswer,
  redeemRequest,
} from "../../src/core/admission/open-invite-exchange.ts";
import { decodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { type Codec, decodeJson, encodeWire } from "../../src/core/json/json-codec.ts";
import { policySummary } from "../../src/core/policy/policy.ts";
import {
  decodePublicMoot,
  encodePublicMoot,
  PUBLIC_MOOT_BYTES_MAX,
  type PublicMoot,
  verifyPublicMoot,
} from "../../src/core/record/public-moot.ts";
import type { Operations } from "../../src/node/operations/operation.ts";
import { open_invite_challenge, open_invite_redeem } from "../../src/node/operations/public.ts";

/** One thing that was asked. */
export interface Asked {
  readonly method: string;
  /** As it was on the wire, escaped. */
  readonly path: string;
  readonly body: string;
}

interface Entry {
  descriptor: PublicMoot;
  status: "listed" | "pending" | "delisted" | "blocked";
  indexed_at_ms: number;
  status_updated_at_ms: number;
}

/**
 * The public routes of an HTTP service as the original has them, on a real loopback port: the directory of public moots, and
 * open invites redeemed with a node's own operations.
 */
export class EspServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Answers in place of the service, when it gives something. */
  instead: ((asked: Asked) => Response | undefined | Promise<Response | undefined>) | undefined;
  readonly #server: Bun.Server<undefined>;
  readonly #moots = new Map<GroupId, Entry>();
  #node: Operations | undefined;

  constructor() {
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The node whose open invites it redeems. */
  serves(node: Operations): void {
    this.#node = node;
  }

  /** What an operator does. */
  setStatus(group: GroupId, status: Entry["status"]): void {
    this.#moots.get(group)!.status = status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const path = request.url.slice(this.url.length);
    const body = new Uint8Array(await request.arrayBuffer());
    const asked = { method: request.method, path, body: decodeUtf8(body) };
    this.asked.push(asked);
    const other = await this.instead?.(asked);
    if (other !== undefined) return other;
    const invite = /^\/v1\/open-invites\/([^/]+)\/(challenge|redeem)$/.exec(path);
    if (invite !== null) return this.#openInvite(decodeURIComponent(invite[1]!), invite[2]!, body);
    const moot = /^\/v1\/public-moots(?:\/([^/]+))?$/.exec(path);
    if (moot === null) return failure(404, "not_found", "not found");
    if (request.method === "POST" && moot[1] === undefined) return this.#post(body);
    if (request.method !== "GET") return failure(405, "method_not_allowed", "method not allowed");
    if (moot[1] === undefined) {
      const listed = [...this.#moots.values()]
        .filter(isShown)
        .sort((a, b) => Number(b.descriptor.updated_at_ms - a.descriptor.updated_at_ms));
      return json(200, `{"public_moots":[${listed.map(entryJson).join()}]}`);
    }
    const entry = this.#moots.get(GroupId.fromBytes(Uint8Array.fromBase64(decodeURIComponent(moot[1]))));
    if (entry === undefined || !isShown(entry)) return failure(404, "public_moot_not_found", "public moot not found");
    return json(200, `{"public_moot":${entryJson(entry)}}`);
  }

  #post(body: Uint8Array): Response {
    if (body.length === 0) return failure(400, "bad_request", "descriptor is required");
    if (body.length > PUBLIC_MOOT_BYTES_MAX) return failure(400, "bad_request", "descriptor is too large");
    let descriptor: PublicMoot;
    try {
      descriptor = decodePublicMoot(body);
      verifyPublicMoot(descriptor);
    } catch (error) {
      return failure(400, "invalid_public_moot", (error as Error).message);
    }
    if (isExpired(descriptor)) return failure(400, "invalid_public_moot", "public moot descriptor is expired");
    const key = (of: PublicMoot) => of.founder.entmoot_pubkey!.toBase64();
    const isBlocked = [...this.#moots.values()].some(
      (each) => each.status === "blocked" && key(each.descriptor) === key(descriptor),
    );
    if (isBlocked) return failure(403, "public_moot_blocked", "public moot is blocked");
    const known = this.#moots.get(descriptor.group_id);
    if (known !== undefined && key(known.descriptor) !== key(descriptor)) {
      return failure(403, "public_moot_founder_mismatch", "another key founded this group");
    }
    if (known !== undefined && descriptor.updated_at_ms <= known.descriptor.updated_at_ms) {
      return json(200, `{"status":"stale_ignored","public_moot":${entryJson(known)}}`);
    }
    const now = Date.now();
    const entry = known ?? { descriptor, status: "listed", indexed_at_ms: now, status_updated_at_ms: now };
    entry.descriptor = descriptor;
    this.#moots.set(descriptor.group_id, entry);
    return json(202, `{"status":"indexed","public_moot":${entryJson(entry)}}`);
  }

  async #openInvite(token: string, action: string, body: Uint8Array): Promise<Response> {
    const node = this.#node;
    if (node === undefined) return failure(503, "open_invite_unavailable", "no daemon");
    const read = <T>(codec: Codec<T>) => {
      try {
        return decodeJson(codec, body);
      } catch (error) {
        if (error instanceof EntmootError) return undefined;
        throw error;
      }
    };
    const claimed = action === "challenge" ? read(challengeRequest) : read(redeemRequest);
    if (claimed === undefined) return failure(400, "bad_request", `invalid open invite ${action} payload`);
    const none = new Uint8Array(0);
    const claim = {
      token,
      pilot_node_id: claimed.pilot_node_id,
      pilot_pubkey: claimed.pilot_pubkey ?? none,
      entmoot_pubkey: claimed.entmoot_pubkey ?? none,
    };
    if (action === "challenge") {
      const { challenge, refused } = await node.call(open_invite_challenge, claim);
      if (refused !== undefined) return refusal(refused);
      return json(
        200,
        JSON.stringify({
          status: "challenge",
          challenge_id: challenge!.challenge_id,
          canonical_type: "entmoot.open_invite.redeem.v1",
          signature_algorithm: "ed25519",
          signing_payload: challenge!.signing_payload.toBase64(),
          signing_payload_sha256: challenge!.signing_payload_sha256.toBase64(),
          expires_at_ms: challenge!.expires_at_ms,
        }),
      );
    }
    const proof = read(redeemRequest)!;
    const { redeemed, refused } = await node.call(open_invite_redeem, {
      ...claim,
      challenge_id: proof.challenge_id,
      pilot_signature: proof.pilot_signature ?? none,
    });
    if (refused !== undefined) return refusal(refused);
    const { expires_at_ms, group_id, invite, max_uses, use_count } = redeemed!;
    const answer = encodeWire(redeemAnswer, {
      status: "redeemed",
      group_id,
      invite,
      max_uses: BigInt(max_uses),
      use_count: BigInt(use_count),
      bootstrap_peers: undefined,
      expires_at_ms: BigInt(expires_at_ms),
    });
    return json(200, decodeUtf8(answer));
  }
}

function isExpired({ expires_at_ms }: PublicMoot): boolean {
  return expires_at_ms > 0n && expires_at_ms <= BigInt(Date.now());
}

function isShown({ descriptor, status }: Entry): boolean {
  return status === "listed" && !isExpired(descriptor);
}

function entryJson({ descriptor, ...entry }: Entry): string {
  const rest = {
    status: entry.status,
    policy_summary: policySummary(descriptor.policy),
    mirror_state: "none",
    message_history_available: false,
    indexed_at_ms: entry.indexed_at_ms,
    status_updated_at_ms: entry.status_updated_at_ms,
  };
  return `{"descriptor":${decodeUtf8(encodePublicMoot(descriptor))},${JSON.stringify(rest).slice(1)}`;
}

function refusal({ code, message }: { readonly code: OpenInviteRefusal; readonly message: string }): Response {
  return failure(OPEN_INVITE_REFUSALS[code], code, message);
}

/** An error as the original's service answers it. */
export function failure(status: number, code: string, message: string): Response {
  return json(status, decodeUtf8(encodeErrorAnswer(code, message)));
}

function json(status: number, body: string): Response {
  return new Response(body, { status, headers: { "Content-Type": "application/json" } });
}
