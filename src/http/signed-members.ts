import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { documented, optional, struct } from "../core/json/json-codec.ts";
import { bytes, groupId, i64, omittedBytes, rawJson, rosterEntryId, text, u32 } from "../core/json/json-scalars.ts";
import { invite as inviteCodec } from "../core/record/record-codecs.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { join_invite, join_open_invite } from "../node/operations/invites.ts";
import { invite_authority, member_admit, member_expel, members } from "../node/operations/moots.ts";
import { count, plainList } from "../wire/frame/bounded.ts";
import { badRequest, forbidden, HttpFailure } from "./http-failure.ts";
import { mayRead } from "./principal.ts";
import {
  type CarriedOut,
  type ClaimedRequest,
  grant,
  jsonOf,
  payloadOf,
  type SigningContext,
  validForMs,
} from "./signed-payload.ts";

/** Wire. How long an invite holds when nobody says. */
const INVITE_MS = 24 * 3_600_000;
/** Wire. The original's patience: whoever completes the request waits for it. */
const JOIN_MS = 30_000;
/** Ours. An invite that names more peers than this helps nobody. */
const PEERS_MAX = 1024;

const target = struct("target", { pilot_node_id: u32, pilot_pubkey: omittedBytes, entmoot_pubkey: bytes });

/** Wire. Whom an invite is for, and how long it holds. */
export const invitePayload = struct("invite to make", {
  target: optional(target),
  source_group_id: documented("a moot with the target as a member, instead of target", optional(groupId)),
  pilot_node_id: documented("of that member", optional(u32)),
  valid_for: documented("such as 36h or 2d; absent: a day", optional(text)),
  valid_until_ms: documented("Unix milliseconds, instead of valid_for", optional(i64)),
  bootstrap_peers: optional(plainList(u32, PEERS_MAX)),
  peers: documented("the same as numbers with commas", optional(text)),
});

const invited = struct(
  "made invite",
  { group_id: groupId, invite: inviteCodec, members: count, roster_head: rosterEntryId, status: text },
  { required: ["group_id", "invite", "members", "roster_head", "status"] },
);

/** Adds the target to the roster unless it is there, and signs an invite for it. */
export async function invite(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const asked = payloadOf(invitePayload, request);
  const peers = peersOf(asked);
  const validMs = validForMs(asked.valid_for ?? "");
  const { valid_until_ms } = asked;
  if (valid_until_ms !== undefined && valid_until_ms <= BigInt(context.clock.unix())) {
    throw badRequest("invite expiry must be in the future");
  }
  const node = await context.node.writes();
  const who = await targetOf(context, request.deviceId, asked);
  const group = request.group!;
  const until = valid_until_ms === undefined ? { valid_for_ms: validMs ?? INVITE_MS } : { valid_until_ms };
  try {
    const made = await node.call(member_admit, { group_id: group, target: who, peers, ...until });
    return withoutMetadata(jsonOf(invited, { ...made, status: "created" }));
  } catch (error) {
    throw asIdentity(error);
  }
}

type InviteAsked = ReturnType<(typeof invitePayload)["zero"]>;

function peersOf({ bootstrap_peers, peers = "" }: InviteAsked): readonly number[] | undefined {
  if (bootstrap_peers !== undefined || trimSpace(peers) === "") return bootstrap_peers;
  const listed = peers.split(",").map(trimSpace);
  const ids = listed.map((word) => (/^\d{1,10}$/.test(word) ? Number(word) : 0));
  if (ids.length > PEERS_MAX || ids.some((id) => id < 1 || id > 0xffff_ffff)) {
    throw badRequest(`invalid peers: expected node ids with commas between, at most ${PEERS_MAX}`);
  }
  return ids;
}

async function targetOf(context: SigningContext, deviceId: string, asked: InviteAsked): Promise<NodeInfo> {
  const { pilot_node_id, source_group_id, target: named } = asked;
  if (named === undefined && source_group_id === undefined && pilot_node_id === undefined) {
    throw new HttpFailure(400, "target_required", "target is required");
  }
  if (named === undefined) return await memberOf(context, deviceId, asked);
  if (named.pilot_node_id === 0) throw badRequest("target pilot_node_id is required");
  if (named.entmoot_pubkey?.length !== 32) throw badRequest("target entmoot_pubkey must be 32 bytes");
  // A node without Pilot has none.
  const isPilot = named.pilot_pubkey.length > 0;
  if (isPilot && named.pilot_pubkey.length !== 32) throw badRequest("target pilot_pubkey must be 32 bytes");
  return { pilot_node_id: named.pilot_node_id, entmoot_pubkey: named.entmoot_pubkey };
}

async function memberOf(context: SigningContext, deviceId: string, asked: InviteAsked): Promise<NodeInfo> {
  const { pilot_node_id, source_group_id } = asked;
  if (source_group_id === undefined || pilot_node_id === undefined || pilot_node_id === 0) {
    throw badRequest("source_group_id and pilot_node_id are both required");
  }
  const device = context.registry?.devices().get(deviceId);
  if (device === undefined || !mayRead({ kind: "device", device }, source_group_id)) {
    throw forbidden("device is not authorized for source group");
  }
  if (!context.node.holds(source_group_id)) {
    throw new HttpFailure(404, "source_group_not_found", "source group not found");
  }
  const { members: rows } = await context.node.reads.call(members, { group_id: source_group_id });
  const row = rows.find(({ node_id }) => node_id === pilot_node_id);
  if (row === undefined) throw new HttpFailure(404, "source_member_not_found", "source member not found");
  if (row.entmoot_pubkey.length !== 32) {
    throw new HttpFailure(409, "source_member_invalid", "source member has no valid key");
  }
  return { pilot_node_id, entmoot_pubkey: row.entmoot_pubkey };
}

/** Wire. The id and the key that the roster has of the member to remove. */
export const removalPayload = struct(
  "removal",
  { target: struct("target", { entmoot_pubkey: bytes, pilot_node_id: u32 }) },
  { required: ["target"] },
);

const removed = struct(
  "removed member",
  { group_id: groupId, members: count, roster_head: rosterEntryId, status: text },
  { required: ["group_id", "members", "roster_head", "status"] },
);

/** Removes a member named by id and key. One that is gone already, where this was begun before, is removed. */
export async function remove(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const { target: who } = payloadOf(removalPayload, request);
  const node = await context.node.writes();
  const group_id = request.group!;
  const done = (state: Awaited<ReturnType<typeof expelled>>) =>
    withoutMetadata(jsonOf(removed, { ...state, status: "removed" }));
  const expelled = () => node.call(member_expel, { group_id, target: who });
  try {
    return done(await expelled());
  } catch (error) {
    const isGone = error instanceof EntmootError && error.code === "not_member" && request.status === "executing";
    if (isGone) return done(await node.call(invite_authority, { group_id }));
    throw asIdentity(error);
  }
}

/** Of a roster that names the target otherwise, the original speaks in a word of its own. */
function asIdentity(error: unknown): unknown {
  if (!(error instanceof EntmootError) || error.code !== "conflict") return error;
  return new HttpFailure(409, "member_identity_conflict", error.message, { cause: error });
}

const joinedResult = struct(
  "joined moot",
  { group_id: groupId, issuer_url: optional(text), members: count, status: text },
  { required: ["group_id", "members", "status"] },
);

const wrappedInvite = struct("invite to accept", { invite: optional(rawJson) });

/** Joins this node by an invite, and lets the device in. */
export async function accept(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const given = payloadOf(wrappedInvite, request).invite ?? request.payload;
  const invite = payloadOf(inviteCodec, { ...request, payload: given });
  const node = await context.node.writes();
  const { group_id, members: number, status } = await node.call(join_invite, { invite, timeout_ms: JOIN_MS });
  grant(context, request, group_id, { isAdmin: false });
  return withoutMetadata(jsonOf(joinedResult, { group_id, issuer_url: undefined, members: number, status }));
}

/** Wire. An open invite to join by. */
export const openInvitePayload = struct("open invite to accept", { issuer_url: text, token: text });

/** Joins this node by an open invite, and lets the device in. */
export async function acceptOpen(context: SigningContext, { request }: ClaimedRequest): Promise<CarriedOut> {
  const { issuer_url, token } = payloadOf(openInvitePayload, request);
  if (trimSpace(issuer_url) === "") throw badRequest("issuer_url is required");
  if (trimSpace(token) === "") throw badRequest("token is required");
  const node = await context.node.writes();
  const asked = { issuer_url: trimSpace(issuer_url), token: trimSpace(token), timeout_ms: JOIN_MS };
  const { group_id, members: number, status } = await node.call(join_open_invite, asked);
  grant(context, request, group_id, { isAdmin: false });
  return withoutMetadata(jsonOf(joinedResult, { group_id, issuer_url, members: number, status }));
}

const withoutMetadata = (result: string): CarriedOut => ({ publishResult: undefined, result, metadata: undefined });
