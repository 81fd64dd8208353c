import { tokenHash } from "../../core/admission/open-invite.ts";
import {
  challengeAnswer,
  challengeRequest,
  OPEN_INVITE_REFUSALS,
  type OpenInviteRefusal,
  redeemAnswer,
  redeemRequest,
} from "../../core/admission/open-invite-exchange.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { documented, omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, text, u32 } from "../../core/json/json-scalars.ts";
import { type LinkRow, link_list, link_revoke, OPEN_TOKEN_BYTES_MAX } from "../../node/operations/invites.ts";
import type { Operations } from "../../node/operations/operation.ts";
import { open_invite_adopt, open_invite_challenge, open_invite_redeem } from "../../node/operations/public.ts";
import type { OriginalOpenInvite } from "../../store/esp-store.ts";
import { LINKS_MAX } from "../../store/store-limits.ts";
import { count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { HttpFailure } from "../http-failure.ts";
import { ok, route, type ServiceContext } from "../route.ts";

/** Ours. Whoever redeems sends half a kilobyte. */
const REDEEMER_BODY_MAX = 64 * 1024;
/** Ours. More than any list holds: what this node issued, and what the original did. */
const ROWS_MAX = 2 * LINKS_MAX;

const summary = struct(
  "open invite",
  {
    id: documented("SHA-256 of the token in base64url", text),
    group_id: groupId,
    device_id: documented("which device asked for it", omitted(text)),
    max_uses: documented("0: any number", count),
    use_count: count,
    revoked: bool,
    bootstrap_peers: plainList(u32, 1024),
    created_at_ms: count,
    updated_at_ms: count,
    expires_at_ms: documented("0: never", count),
    status: oneOf("status", ["revoked", "expired", "exhausted", "active"]),
  },
  { required: ["id", "group_id", "max_uses", "use_count", "revoked", "status"] },
);

/** As it is told; what the original knows of it besides comes from its row. */
function summaryOf(link: LinkRow, kept: OriginalOpenInvite | undefined) {
  const { created_at_ms, expires_at_ms, group_id, id, status, token_hash, used, uses } = link;
  return {
    id: token_hash ?? id,
    group_id,
    device_id: kept?.deviceId ?? "",
    max_uses: uses,
    use_count: used,
    revoked: status === "revoked",
    bootstrap_peers: kept?.bootstrapPeers ?? [],
    created_at_ms,
    updated_at_ms: Math.max(created_at_ms, kept?.updatedMs ?? 0),
    expires_at_ms,
    status: status === "used_up" ? ("exhausted" as const) : status,
  };
}

function summaryOfOriginal(kept: OriginalOpenInvite, nowMs: number) {
  const { createdMs, expiresMs, isRevoked, maxUses, useCount } = kept;
  const isExpired = expiresMs > 0 && expiresMs <= nowMs;
  const isUsedUp = maxUses > 0 && useCount >= maxUses;
  const status = isRevoked ? "revoked" : isExpired ? "expired" : isUsedUp ? "used_up" : "active";
  const row = { id: kept.tokenHash, group_id: kept.groupId, uses: maxUses, used: useCount, created_at_ms: createdMs };
  return summaryOf({ ...row, expires_at_ms: expiresMs, status, token_hash: kept.tokenHash }, kept);
}

/** The daemon, which issued them. Throws 503 where none answers. */
async function issuer({ node }: ServiceContext): Promise<Operations> {
  try {
    return await node.writes();
  } catch (error) {
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): unknown {
  if (!(cause instanceof EntmootError)) return cause;
  switch (cause.code) {
    case "control_unavailable":
    case "unavailable":
    case "timeout":
    case "not_member":
      // Whoever has the token is told nothing of who founded what.
      return new HttpFailure(503, "open_invite_unavailable", "open invites cannot be redeemed here just now", {
        cause,
      });
    case "group_not_found":
      return inviteNotFound();
    case "conflict":
      return new HttpFailure(503, "retry_later", "the roster is being changed; try again", { cause });
    default:
      return cause;
  }
}

const openInvites = route({
  method: "GET",
  path: "/v1/groups/{group}/open-invites",
  name: "listOpenInvites",
  summary: "The open invites and links to a moot that this node issued, newest first",
  needs: ["manage"],
  answers: {
    200: struct("open invites", { open_invites: plainList(summary, ROWS_MAX) }, { required: ["open_invites"] }),
  },
  refusals: { 503: ["open_invite_unavailable"] },
  async handle(context, { group, signal }) {
    const { clock, esp } = context;
    const { links } = await (await issuer(context)).call(link_list, { group_id: group }, { signal });
    const kept = new Map(esp.openInvites.list(group).map((one) => [one.tokenHash, one]));
    const ours = links.map((link) => summaryOf(link, kept.get(link.token_hash ?? "")));
    const known = new Set(ours.map(({ id }) => id));
    const nowMs = clock.unix();
    const theirs = [...kept.values()].filter(({ tokenHash }) => !known.has(tokenHash));
    const all = [...ours, ...theirs.map((one) => summaryOfOriginal(one, nowMs))];
    return ok({ open_invites: all.sort((a, b) => b.created_at_ms - a.created_at_ms) });
  },
});

const revoke = route({
  method: "POST",
  path: "/v1/groups/{group}/open-invites/{invite}/revoke",
  name: "revokeOpenInvite",
  summary: "End an open invite; who joined by it stays. Again it changes nothing",
  needs: ["manage"],
  idempotency: ({ group, params }) =>
    `open_invite_revoke:${GroupId.toBase64(group)}:${encodeURIComponent(params.invite!)}`,
  answers: { 200: struct("open invite ended", { open_invite: summary }, { required: ["open_invite"] }) },
  refusals: { 404: ["open_invite_not_found"], 503: ["open_invite_unavailable"] },
  async handle(context, { group, params, signal }) {
    const { esp } = context;
    const hash = params.invite!;
    if (!/^[A-Za-z0-9_-]{43}$/.test(hash)) throw inviteNotFound();
    const node = await issuer(context);
    const kept = esp.openInvites.get(hash);
    if (kept !== undefined && kept.groupId !== group) throw inviteNotFound();
    // The one that was never used here is ended here too: its token must not come to life again.
    if (kept !== undefined) await adopt(context, node, { ...kept, isRevoked: true });
    const link = Buffer.from(hash, "base64url").toString("hex");
    try {
      const row = await node.call(link_revoke, { group_id: group, link }, { signal });
      if (kept !== undefined) note(context, hash, { useCount: row.used, isRevoked: true });
      return ok({ open_invite: summaryOf(row, esp.openInvites.get(hash)) });
    } catch (error) {
      if (error instanceof EntmootError && error.code === "not_found") throw inviteNotFound();
      throw error;
    }
  },
});

const inviteNotFound = () => new HttpFailure(404, "open_invite_not_found", "open invite not found");

async function adopt({ esp }: ServiceContext, node: Operations, kept: OriginalOpenInvite): Promise<void> {
  try {
    await node.call(open_invite_adopt, {
      group_id: kept.groupId,
      token_hash: kept.tokenHash,
      uses: kept.maxUses,
      used: kept.useCount,
      created_at_ms: kept.createdMs,
      expires_at_ms: kept.expiresMs,
      revoked: kept.isRevoked,
      redeemed: esp.openInvites.redeemers(kept.tokenHash),
    });
  } catch (error) {
    throw unavailable(error);
  }
}

/** For the original, should it serve here again. What came of it is done, whether or not this can be kept. */
function note({ clock, esp, log }: ServiceContext, hash: string, now: { useCount: number; isRevoked: boolean }): void {
  try {
    esp.openInvites.note(hash, { ...now, nowMs: clock.unix() });
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    log.warn("http: what became of an open invite is not kept in esp.sqlite", error);
  }
}

/** Asks the node; one that the original issued is taken over before, and told what became of it. */
async function asIssuer<Answer extends { readonly refused?: RefusedRedeemer | undefined }>(
  context: ServiceContext,
  token: string,
  ask: (node: Operations) => Promise<Answer>,
): Promise<Answer> {
  const node = await issuer(context);
  const hash = tokenHash(token);
  const kept = context.esp.openInvites.get(hash);
  if (kept !== undefined) await adopt(context, node, kept);
  try {
    const answer = await ask(node);
    if (answer.refused === undefined) return answer;
    const { code, message } = answer.refused;
    throw new HttpFailure(OPEN_INVITE_REFUSALS[code], code, message);
  } catch (error) {
    throw unavailable(error);
  }
}

interface RefusedRedeemer {
  readonly code: OpenInviteRefusal;
  readonly message: string;
}

const NOTHING = new Uint8Array(0);

/** Who asks, as it says. */
function claimOf(
  token: string,
  body: { readonly pilot_node_id: number } & Record<"pilot_pubkey" | "entmoot_pubkey", Uint8Array | null>,
) {
  const { entmoot_pubkey, pilot_node_id, pilot_pubkey } = body;
  // Longer keys are none; the operation bounds them, and says so in words of its own.
  const key = (bytes: Uint8Array | null) => (bytes ?? NOTHING).subarray(0, 64);
  return { token, pilot_node_id, pilot_pubkey: key(pilot_pubkey), entmoot_pubkey: key(entmoot_pubkey) };
}

/** Longer ones are nobody's, and the door of the daemon takes none of them. */
function tokenOf(params: Readonly<Record<string, string>>): string {
  const token = params.token!;
  if (Buffer.byteLength(token) > OPEN_TOKEN_BYTES_MAX) throw inviteNotFound();
  return token;
}

const publicBody = { maxBytes: REDEEMER_BODY_MAX, isStrict: false, mayBeEmpty: false } as const;
const REFUSALS = {
  400: ["invalid_challenge", "invalid_signature"],
  403: ["forbidden"],
  404: ["open_invite_not_found", "open_invite_challenge_not_found"],
  409: ["open_invite_revoked", "open_invite_expired", "open_invite_exhausted", "open_invite_challenge_expired"],
  503: ["open_invite_unavailable", "pilot_unavailable", "retry_later"],
} as const;

const challenge = route({
  method: "POST",
  path: "/v1/open-invites/{token}/challenge",
  name: "challengeOpenInvite",
  summary: "What whoever has an open invite's token signs to be let in; nothing is kept of it",
  access: "public",
  body: { codec: challengeRequest, ...publicBody },
  answers: { 200: challengeAnswer },
  refusals: REFUSALS,
  async handle(context, { body, params, signal }) {
    const token = tokenOf(params);
    const { challenge } = await asIssuer(context, token, (node) =>
      node.call(open_invite_challenge, claimOf(token, body), { signal }),
    );
    const { challenge_id, expires_at_ms, signing_payload, signing_payload_sha256 } = challenge!;
    return ok({
      status: "challenge",
      challenge_id,
      canonical_type: "entmoot.open_invite.redeem.v1",
      signature_algorithm: "ed25519",
      signing_payload,
      signing_payload_sha256,
      expires_at_ms: BigInt(expires_at_ms),
    });
  },
});

const redeem = route({
  method: "POST",
  path: "/v1/open-invites/{token}/redeem",
  name: "redeemOpenInvite",
  summary: "Lets in whoever signed the challenge, and gives an invite",
  access: "public",
  body: { codec: redeemRequest, ...publicBody },
  answers: { 200: redeemAnswer },
  refusals: REFUSALS,
  async handle(context, { body, params, signal }) {
    const token = tokenOf(params);
    const proof = {
      ...claimOf(token, body),
      challenge_id: body.challenge_id.slice(0, CHALLENGE_ID_CHARS_MAX),
      pilot_signature: (body.pilot_signature ?? NOTHING).subarray(0, 128),
    };
    // Begun is ended: whoever goes away meanwhile is on the roster, and may ask again.
    signal.throwIfAborted();
    const { redeemed } = await asIssuer(context, token, (node) => node.call(open_invite_redeem, proof));
    const { expires_at_ms, group_id, invite, max_uses, use_count } = redeemed!;
    const kept = context.esp.openInvites.get(tokenHash(token));
    if (kept !== undefined) note(context, kept.tokenHash, { useCount: use_count, isRevoked: false });
    return ok({
      status: "redeemed",
      group_id,
      invite,
      max_uses: BigInt(max_uses),
      use_count: BigInt(use_count),
      bootstrap_peers: kept?.bootstrapPeers ?? [],
      expires_at_ms: BigInt(expires_at_ms),
    });
  },
});

/** Ours. An id has 22; one that is cut is none. */
const CHALLENGE_ID_CHARS_MAX = 64;

export const OPEN_INVITE_ROUTES = [openInvites, revoke, challenge, redeem];
