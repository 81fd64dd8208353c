import { formatOpenInviteLink, parseIssuerUrl, tokenHash } from "../../core/admission/open-invite.ts";
import type { OpenInviteRefusal } from "../../core/admission/open-invite-exchange.ts";
import { buildProofEnvelope, verifyPilotProof } from "../../core/admission/open-invite-proof.ts";
import { isExpired, redeemableStatus, USES_MAX } from "../../core/admission/redemption.ts";
import { sameBytes } from "../../core/bytes/byte-strings.ts";
import { sha256, sha256Hex } from "../../core/bytes/sha256.ts";
import { trimEnd, trimSpace } from "../../core/bytes/text.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { entmootNodeId } from "../../core/node-id.ts";
import { safeUrl } from "../../host/http-exchange.ts";
import { linkId } from "../../store/link-rules.ts";
import { admitRedeemer, inviteForRedeemer, liveLink, type NotAdmitted } from "../admit-redeemer.ts";
import { requireFounder } from "../change-roster.ts";
import { isPublicMoot } from "../group/group-name.ts";
import type { NodeContext } from "../node-context.ts";
import type { RequestOf } from "../operations/operation.ts";
import type {
  IssuedOpenInvite,
  OpenInviteChallenged,
  OpenInviteRedeemed,
  open_invite_challenge,
  open_invite_create,
  open_invite_redeem,
} from "../operations/public.ts";
import { changeMetadata } from "./metadata.ts";

/** Wire. Nobody guesses it, and the original's issuers give tokens of as many bytes. */
const TOKEN_BYTES = 32;
/** Wire. For how long a challenge can be answered. */
const CHALLENGE_MS = 5 * 60_000;
/** Ours. Bytes of the time in a challenge's id, and of the code that makes it this node's: 16 together, as the original's have. */
const TIME_BYTES = 6;
const CODE_BYTES = 10;

/** The address an open invite is redeemed at, as it stands in links. Throws `invalid_argument`, with `label` in front. */
export function issuerUrl(label: string, text: string): string {
  const url = trimEnd(parseIssuerUrl(text), "/");
  safeUrl(label, url);
  return url;
}

/** Issues an open invite to a moot this node founded; of a public one it also stands in what directories are told. */
export function createOpenInvite(
  context: NodeContext,
  request: RequestOf<typeof open_invite_create>,
): IssuedOpenInvite {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  const { uses = 0, valid_for_ms: validForMs = 0 } = request;
  if (uses > USES_MAX) {
    throw new EntmootError("invalid_argument", `uses: expected 0 (no limit) to ${USES_MAX}, found ${uses}`);
  }
  const issuer_url = issuerUrl("issuer_url", request.issuer_url);
  const token = crypto
    .getRandomValues(new Uint8Array(TOKEN_BYTES))
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const nowMs = context.clock.unix();
  const expires_at_ms = validForMs === 0 ? 0 : Math.floor(nowMs + validForMs);
  const hash = sha256Hex(encodeUtf8(token));
  const { links } = context.root.node;
  links.create({
    id: linkId(hash),
    token_hash: hash,
    group_id: group.id,
    uses,
    used: 0,
    created_at_ms: nowMs,
    expires_at_ms,
    revoked: false,
  });
  const link = formatOpenInviteLink({ issuer_url, token });
  try {
    if (isPublicMoot(group.store)) changeMetadata(group.store, { open_invite: { issuer_url, link, token } });
  } catch (error) {
    links.revoke(group.id, hash);
    throw error;
  }
  return {
    id: linkId(hash),
    group_id: group.id,
    token,
    token_hash: tokenHash(token),
    link,
    issuer_url,
    uses,
    expires_at_ms,
  };
}

/** Whether the token of an open invite still lets somebody in. */
export function isOpenInviteAlive(context: NodeContext, token: string): boolean {
  const link = context.root.node.links.get(keptHash(token));
  return link !== undefined && redeemableStatus(link, context.clock.unix()) === "active";
}

/**
 * What a redeemer has to sign. Nothing is kept of it: the id says when it was asked for, with a code of this node over all
 * that was claimed, so that strangers may ask as often as they like.
 */
export function challengeOpenInvite(
  context: NodeContext,
  request: RequestOf<typeof open_invite_challenge>,
): OpenInviteChallenged {
  const claim = claimOf(request);
  if (typeof claim === "string") return refused("bad_request", claim);
  const found = liveLink(context, keptHash(request.token));
  if (typeof found === "string") return refusedAs(found);
  const { group, link } = found;
  if (redeemableStatus(link, context.clock.unix()) !== "active" && !group.roster.members.has(claim.key)) {
    return refusedAs("used_up");
  }
  const challenge = challengeAt(context, {
    claim,
    group_id: group.id,
    token: request.token,
    atMs: Math.floor(context.clock.unix()),
  });
  return {
    refused: undefined,
    challenge: {
      challenge_id: challenge.id,
      signing_payload: challenge.payload,
      signing_payload_sha256: sha256(challenge.payload),
      expires_at_ms: challenge.expiresAtMs,
    },
  };
}

/** Lets in whoever signed the challenge, and gives the invite. The same redeemer may ask again and takes no further use. */
export function redeemOpenInviteHere(
  context: NodeContext,
  request: RequestOf<typeof open_invite_redeem>,
): OpenInviteRedeemed {
  const claim = claimOf(request);
  if (typeof claim === "string") return refused("bad_request", claim);
  const found = liveLink(context, keptHash(request.token));
  if (typeof found === "string") return refusedAs(found);
  const { group, link } = found;
  const proof = faultInProof(context, request, { claim, group_id: group.id });
  if (proof !== undefined) return refused(...proof);
  // A stranger may claim any id of Pilot's; the one of its key is its own.
  if (claim.pilot_node_id !== entmootNodeId(PublicKey.toBytes(claim.key))) {
    return refused(
      "invalid_challenge",
      "pilot_node_id is not the id of this key; without Pilot no other can be proved",
    );
  }
  const why = admitRedeemer(context, group, { key: claim.key, tokenHash: link.token_hash });
  if (why !== undefined) return refusedAs(why);
  const now = context.root.node.links.get(link.token_hash) ?? link;
  return {
    refused: undefined,
    redeemed: {
      group_id: group.id,
      invite: inviteForRedeemer(context, group, claim.key),
      max_uses: now.uses,
      use_count: now.used,
      expires_at_ms: now.expires_at_ms,
    },
  };
}

interface Claim {
  readonly pilot_node_id: number;
  readonly key: PublicKey;
}

/** Who asks, or what is wrong with it. */
function claimOf({ entmoot_pubkey, pilot_node_id, token }: RequestOf<typeof open_invite_challenge>): Claim | string {
  if (trimSpace(token) === "") return "token is required";
  if (pilot_node_id === 0) return "target pilot_node_id is required";
  if (entmoot_pubkey.length !== 32) return "entmoot_pubkey must be 32 bytes";
  return { pilot_node_id, key: PublicKey.fromBytes(entmoot_pubkey) };
}

type RefusedFor = readonly [code: OpenInviteRefusal, message: string];

/** In the order of the original: the signature, then the time. */
function faultInProof(
  context: NodeContext,
  request: RequestOf<typeof open_invite_redeem>,
  { claim, group_id }: { readonly claim: Claim; readonly group_id: GroupId },
): RefusedFor | undefined {
  if (request.challenge_id === "") return ["bad_request", "challenge_id is required"];
  if (request.pilot_signature.length !== 64) return ["bad_request", "pilot_signature must be 64 bytes"];
  if (!sameBytes(request.pilot_pubkey, request.entmoot_pubkey)) {
    return [
      "pilot_unavailable",
      "this issuer runs without Pilot: prove the Entmoot key by giving it as pilot_pubkey too",
    ];
  }
  const atMs = timeIn(request.challenge_id);
  const challenge =
    atMs === undefined ? undefined : challengeAt(context, { claim, group_id, token: request.token, atMs });
  if (challenge?.id !== request.challenge_id) {
    return ["open_invite_challenge_not_found", "open invite challenge not found"];
  }
  if (!verifyPilotProof(request.pilot_pubkey, challenge.payload, request.pilot_signature)) {
    return ["invalid_signature", "pilot_signature does not verify"];
  }
  if (isExpired(challenge.expiresAtMs, context.clock.unix())) {
    return ["open_invite_challenge_expired", "the challenge has expired"];
  }
  return undefined;
}

interface AskedAt {
  readonly claim: Claim;
  readonly group_id: GroupId;
  readonly token: string;
  readonly atMs: number;
}

/** The challenge that this node gives to one claim at one time: the same again whenever it is asked for. */
function challengeAt({ identity }: NodeContext, { claim, group_id, token, atMs }: AskedAt) {
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setUint16(0, Math.floor(atMs / 2 ** 32));
  new DataView(time.buffer).setUint32(2, atMs % 2 ** 32);
  const key = PublicKey.toBytes(claim.key);
  const claimed = encodeUtf8(`${tokenHash(token)} ${claim.pilot_node_id} `);
  const code = keyedHash(identity.seed, claimed, GroupId.toBytes(group_id), key, time);
  const id = Buffer.concat([time, code.subarray(0, CODE_BYTES)]).toString("base64url");
  const expiresAtMs = atMs + CHALLENGE_MS;
  const payload = buildProofEnvelope({
    token_hash: tokenHash(token),
    group_id,
    challenge_id: id,
    nonce: Buffer.from(keyedHash(identity.seed, encodeUtf8(`nonce ${id}`))).toString("base64url"),
    issued_at_ms: BigInt(atMs),
    expires_at_ms: BigInt(expiresAtMs),
    pilot_node_id: claim.pilot_node_id,
    pilot_pubkey: key,
    entmoot_pubkey: key,
  });
  return { id, payload, expiresAtMs };
}

/** When the challenge of this id was given; `undefined` for what is no id of ours. */
function timeIn(id: string): number | undefined {
  if (!/^[A-Za-z0-9_-]{22}$/.test(id)) return undefined;
  const bytes = Buffer.from(id, "base64url");
  return bytes.readUInt16BE(0) * 2 ** 32 + bytes.readUInt32BE(2);
}

/** Nobody without the seed can make one, and none says anything of it. */
function keyedHash(seed: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const key = sha256(Buffer.concat([encodeUtf8("entmoot.open_invite.challenge.v1\0"), seed]));
  const hasher = new Bun.CryptoHasher("sha256", key);
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

/** How the token is kept here. */
function keptHash(token: string): string {
  return sha256Hex(encodeUtf8(trimSpace(token)));
}

const REASONS: Readonly<Record<NotAdmitted, RefusedFor>> = {
  not_found: ["open_invite_not_found", "open invite not found"],
  revoked: ["open_invite_revoked", "open invite has been revoked"],
  expired: ["open_invite_expired", "open invite has expired"],
  used_up: ["open_invite_exhausted", "open invite has no remaining uses"],
  removed: ["forbidden", "this key was removed from the group; only the founder can add it again"],
};

function refusedAs(why: NotAdmitted) {
  return refused(...REASONS[why]);
}

function refused(code: OpenInviteRefusal, message: string) {
  return { refused: { code, message }, challenge: undefined, redeemed: undefined };
}
