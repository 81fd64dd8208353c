import { OPEN_INVITE_REFUSALS, type OpenInviteRefusal } from "../../core/admission/open-invite-exchange.ts";
import { URL_CHARS_MAX } from "../../core/bytes/textual-url.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, publicKey, rawJson, u32 } from "../../core/json/json-scalars.ts";
import { PUBLIC_MOOT_BYTES_MAX } from "../../core/record/public-moot.ts";
import { invite } from "../../core/record/record-codecs.ts";
import { boundedBytes, boundedText, clippedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { linkRow, OPEN_TOKEN_BYTES_MAX } from "./invites.ts";
import { operation } from "./operation.ts";
import { theGroup } from "./shapes.ts";

/** Ours. A directory has ten seconds, and is waited for beside what is answered at once. */
const PUBLISH_PATIENCE_MS = 60_000;
/** Ours. An id of a challenge has 22 characters here. */
const CHALLENGE_ID_BYTES_MAX = 256;

const httpsUrl = boundedText("url", URL_CHARS_MAX);

const newOpenInvite = struct(
  "new open invite",
  {
    group_id: theGroup,
    issuer_url: documented("where it is redeemed: the HTTPS address of this node's service", httpsUrl),
    uses: documented("how many may join by it, at most 65,536; absent or 0: any number", optional(count)),
    valid_for_ms: documented("absent or 0: for ever", optional(count)),
  },
  { required: ["group_id", "issuer_url"] },
);

/** An open invite just made, the only time its token is shown. */
export const issuedOpenInvite = struct(
  "issued open invite",
  {
    id: documented("as `link_list` has it, and `link_revoke` takes it", boundedText("id", 64)),
    group_id: groupId,
    token: boundedText("token", OPEN_TOKEN_BYTES_MAX),
    token_hash: boundedText("token hash", 64),
    link: boundedText("link", 4 * URL_CHARS_MAX),
    issuer_url: httpsUrl,
    uses: documented("how many may join by it; 0: any number", count),
    expires_at_ms: documented("Unix milliseconds; 0: never", count),
  },
  { required: ["id", "group_id", "token", "token_hash", "link", "issuer_url"] },
);

export type IssuedOpenInvite = Decoded<typeof issuedOpenInvite>;

/** Throws `group_not_found`, `not_member` (not the founder), `invalid_argument`, `conflict` (too many links). */
export const open_invite_create = operation({
  name: "open_invite_create",
  summary: "Issue an open invite that is redeemed over HTTPS; of a public moot, directories are told it from then on",
  scope: "owner",
  request: newOpenInvite,
  answer: issuedOpenInvite,
});

/** Ours. Redeemers of one that are taken over: the original's have a hundred uses, or no limit. */
const ADOPTED_REDEEMERS_MAX = 1024;

const adopted = struct(
  "open invite to adopt",
  {
    group_id: theGroup,
    token_hash: documented("of its token, SHA-256 in base64url", boundedText("token hash", 64)),
    uses: documented("how many may join by it; 0: any number", count),
    used: documented("how many have", count),
    created_at_ms: documented("Unix milliseconds", count),
    expires_at_ms: documented("Unix milliseconds; 0: never", count),
    revoked: optional(bool),
    redeemed: documented(
      "keys that used it: they take no further use",
      optional(plainList(publicKey, ADOPTED_REDEEMERS_MAX)),
    ),
  },
  { required: ["group_id", "token_hash", "uses", "used", "created_at_ms", "expires_at_ms"] },
);

/**
 * For what the original's HTTP service issued: from then on it is one of this node's. One that is here already stays as it
 * is, but for `revoked`. Throws as `open_invite_create`.
 */
export const open_invite_adopt = operation({
  name: "open_invite_adopt",
  summary: "Take over an open invite that another program issued for a moot of this node; the founder's alone",
  scope: "owner",
  request: adopted,
  answer: linkRow,
});

const claim = {
  token: documented("the open invite's", boundedText("token", OPEN_TOKEN_BYTES_MAX)),
  pilot_node_id: u32,
  pilot_pubkey: documented("of a node without Pilot its Entmoot key", boundedBytes("pilot key", { min: 0, max: 64 })),
  entmoot_pubkey: boundedBytes("public key", { min: 0, max: 64 }),
} as const;

const refusalCodes = Object.keys(OPEN_INVITE_REFUSALS) as [OpenInviteRefusal, ...OpenInviteRefusal[]];
const refused = documented(
  "why not, by the code the original's HTTP service has for it; then nothing else is here",
  optional(struct("refusal", { code: oneOf("code", refusalCodes), message: clippedText("message", 1024) })),
);

const openInviteChallenge = struct("open invite challenged", {
  refused,
  challenge: optional(
    struct(
      "open invite challenge",
      {
        challenge_id: boundedText("challenge id", CHALLENGE_ID_BYTES_MAX),
        signing_payload: documented("what the redeemer signs", boundedBytes("payload", { min: 1, max: 16_384 })),
        signing_payload_sha256: boundedBytes("digest", { min: 32, max: 32 }),
        expires_at_ms: documented("Unix milliseconds", count),
      },
      { required: ["challenge_id", "signing_payload", "signing_payload_sha256"] },
    ),
  ),
});

export type OpenInviteChallenged = Decoded<typeof openInviteChallenge>;

/** Anybody may ask: nothing is kept of it. Throws nothing of its own. */
export const open_invite_challenge = operation({
  name: "open_invite_challenge",
  summary: "Give whoever has an open invite's token what to sign to be let in by it",
  onlyLooks: true,
  scope: "owner",
  request: struct("open invite claim", claim, {
    required: ["token", "pilot_node_id", "pilot_pubkey", "entmoot_pubkey"],
  }),
  answer: openInviteChallenge,
});

const openInviteProof = struct(
  "open invite proof",
  {
    ...claim,
    challenge_id: boundedText("challenge id", CHALLENGE_ID_BYTES_MAX),
    pilot_signature: boundedBytes("signature", { min: 0, max: 128 }),
  },
  { required: ["token", "pilot_node_id", "pilot_pubkey", "entmoot_pubkey", "challenge_id", "pilot_signature"] },
);

const redeemedOpenInvite = struct("open invite redeemed", {
  refused,
  redeemed: optional(
    struct(
      "redemption",
      {
        group_id: groupId,
        invite,
        max_uses: documented("0: any number", count),
        use_count: count,
        expires_at_ms: documented("of the open invite, Unix milliseconds; 0: never", count),
      },
      { required: ["group_id", "invite"] },
    ),
  ),
});

export type OpenInviteRedeemed = Decoded<typeof redeemedOpenInvite>;

/** Throws `unavailable`, `conflict` as `roster_change` while nothing is signed for the roster. */
export const open_invite_redeem = operation({
  name: "open_invite_redeem",
  summary: "Let in whoever signed an open invite's challenge, and sign an invite for it",
  scope: "owner",
  request: openInviteProof,
  answer: redeemedOpenInvite,
});

const publicMoot = {
  group_id: theGroup,
  valid_for_ms: documented("until when directories may list it; absent or 0: for ever", optional(count)),
} as const;

const descriptor = documented("the signed descriptor, as a JSON object", rawJson);

const described = struct("public moot descriptor", { descriptor });

/** Throws `group_not_found`, `not_member` (not the founder), `invalid_argument` (not public, or not whole). */
export const public_moot_descriptor = operation({
  name: "public_moot_descriptor",
  summary: "Sign the description of a public moot for directories; founder only",
  onlyLooks: true,
  scope: "owner",
  request: struct("public moot", publicMoot, { required: ["group_id"] }),
  answer: described,
  answerMax: PUBLIC_MOOT_BYTES_MAX + 1024,
});

const published = struct(
  "published public moot",
  {
    status: oneOf("status", ["published"]),
    group_id: groupId,
    esp_url: httpsUrl,
    descriptor,
    response: documented("what the directory answered, as it did", optional(rawJson)),
  },
  { required: ["status", "group_id", "esp_url", "descriptor"] },
);

export type PublishedPublicMoot = Decoded<typeof published>;

/** Throws as `public_moot_descriptor`; `unavailable` and `timeout` where the directory refuses or cannot be reached. */
export const public_moot_publish = operation({
  name: "public_moot_publish",
  summary: "Sign the description of a public moot and tell a directory over HTTPS; founder only",
  scope: "owner",
  request: struct(
    "public moot to publish",
    { ...publicMoot, esp_url: documented("address of the directory", httpsUrl) },
    { required: ["group_id", "esp_url"] },
  ),
  answer: published,
  patienceMs: PUBLISH_PATIENCE_MS,
  answerMax: 2 * PUBLIC_MOOT_BYTES_MAX + 64 * 1024,
});

export const PUBLIC_OPERATIONS = {
  open_invite_create,
  open_invite_adopt,
  open_invite_challenge,
  open_invite_redeem,
  public_moot_descriptor,
  public_moot_publish,
};
