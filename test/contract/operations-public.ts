import { expect } from "bun:test";
import { tokenHash } from "../../src/core/admission/open-invite.ts";
import { pilotSignedBytes } from "../../src/core/admission/open-invite-proof.ts";
import { identityOf } from "../../src/core/identity.ts";
import { type GroupId, PublicKey } from "../../src/core/ids.ts";
import { entmootNodeId } from "../../src/core/node-id.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { decodePublicMoot, verifyPublicMoot } from "../../src/core/record/public-moot.ts";
import { sign } from "../../src/core/signature.ts";
import { link_revoke } from "../../src/node/operations/invites.ts";
import { group_create, members } from "../../src/node/operations/moots.ts";
import {
  open_invite_adopt,
  open_invite_challenge,
  open_invite_create,
  type PUBLIC_OPERATIONS,
} from "../../src/node/operations/public.ts";
import type { CasesOf } from "./operations.contract.ts";
import { HOUR_MS, type Stage, UNKNOWN } from "./operations-stage.ts";

const GROUP = '"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="';
const ESP = "https://esp.example";
const notFound = { fails: { code: "group_not_found" } } as const;
const stranger = identityOf(new Uint8Array(32).fill(77));
const self = {
  pilot_node_id: entmootNodeId(stranger.publicKey),
  pilot_pubkey: stranger.publicKey,
  entmoot_pubkey: stranger.publicKey,
};

const issue = ({ group_id, node }: Stage, uses = 0) =>
  node.call(open_invite_create, { group_id, issuer_url: ESP, uses });

/** Another moot of the stage's node, a public one. */
async function publicMoot({ node }: Stage, join_mode: "invite_only" | "open_invite" = "invite_only") {
  const { group_id } = await node.call(group_create, {
    name: "square",
    description: "A <public> moot & more",
    tags: ["ägents"],
    visibility: "public",
    join_mode,
    policy: formatPolicy(POLICY_PRESETS.standard),
    ...(join_mode === "open_invite" ? { issuer_url: ESP } : {}),
  });
  return group_id;
}

/** What `key` answers a challenge for `token` with. */
async function proof({ node }: Stage, token: string) {
  const { challenge } = await node.call(open_invite_challenge, { token, ...self });
  const { challenge_id, signing_payload } = challenge!;
  return { token, ...self, challenge_id, pilot_signature: sign(stranger.seed, pilotSignedBytes(signing_payload)) };
}

/** The token of an open invite that another program issued. */
const ADOPTED = "an-open-invite-of-another-program";

const adoption = (group_id: GroupId, more: object = {}) => {
  const kept = { uses: 3, used: 2, created_at_ms: 1_000, expires_at_ms: 0 };
  return { group_id, token_hash: tokenHash(ADOPTED), ...kept, ...more };
};

export const PUBLIC_CASES: CasesOf<typeof PUBLIC_OPERATIONS> = {
  open_invite_create: {
    malformed: { request: `{${GROUP},"issuer_url":7}`, names: "issuer_url" },
    cases: [
      {
        title: "gives token and link, and of a public moot tells directories",
        request: async (stage) => ({ group_id: await publicMoot(stage), issuer_url: `${ESP}/esp/?x=1#y` }),
        async answers(issued) {
          expect(issued).toMatchObject({ issuer_url: `${ESP}/esp`, uses: 0, expires_at_ms: 0 });
          expect(issued.token).toMatch(/^[A-Za-z0-9_-]{43}$/);
          expect(issued.link).toBe(
            `entmoot://open-invite?issuer=https%3A%2F%2Fesp.example%2Fesp&token=${issued.token}`,
          );
        },
      },
      {
        title: "for an address that is not safe is refused",
        request: ({ group_id }) => ({ group_id, issuer_url: "http://esp.example" }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "for an address of a private network is refused",
        request: ({ group_id }) => ({ group_id, issuer_url: "https://192.168.1.4" }),
        fails: {
          code: "invalid_argument",
          message: "issuer_url: expected a public name or address, found one of a private network",
        },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN, issuer_url: ESP }), ...notFound },
    ],
  },
  open_invite_adopt: {
    malformed: { request: `{${GROUP},"token_hash":7}`, names: "token_hash" },
    cases: [
      {
        title: "is one of this node's from then on, with what was used of it",
        request: ({ group_id }) => adoption(group_id, { redeemed: [PublicKey.fromBytes(stranger.publicKey)] }),
        async answers(row, { group_id, node }) {
          expect(row).toMatchObject({ group_id, uses: 3, used: 2, status: "active", token_hash: tokenHash(ADOPTED) });
          const { challenge } = await node.call(open_invite_challenge, { token: ADOPTED, ...self });
          expect(challenge!.challenge_id).toHaveLength(22);
        },
      },
      {
        title: "again changes nothing, but can end it",
        async request({ group_id, node }) {
          await node.call(open_invite_adopt, adoption(group_id));
          return adoption(group_id, { uses: 9, used: 0, revoked: true });
        },
        async answers(row, { node }) {
          expect(row).toMatchObject({ uses: 3, used: 2, status: "revoked" });
          const { refused } = await node.call(open_invite_challenge, { token: ADOPTED, ...self });
          expect(refused).toMatchObject({ code: "open_invite_revoked" });
        },
      },
      {
        title: "of what is no hash is refused",
        request: ({ group_id }) => adoption(group_id, { token_hash: "x" }),
        fails: { code: "invalid_argument", message: "token_hash: expected 32 bytes in base64url" },
      },
      { title: "of an unknown moot", request: () => adoption(UNKNOWN), ...notFound },
    ],
  },
  open_invite_challenge: {
    malformed: { request: '{"token":7}', names: "token" },
    cases: [
      {
        title: "gives what to sign, with the claim in it",
        request: async (stage) => ({ token: (await issue(stage)).token, ...self }),
        answers({ challenge, refused }, { group_id }) {
          expect(refused).toBeUndefined();
          const signed = JSON.parse(new TextDecoder().decode(challenge!.signing_payload));
          expect(signed).toMatchObject({
            type: "entmoot.open_invite.redeem.v1",
            challenge_id: challenge!.challenge_id,
            pilot_node_id: self.pilot_node_id,
            entmoot_pubkey: stranger.publicKey.toBase64(),
            expires_at_ms: challenge!.expires_at_ms,
          });
          expect(Buffer.from(signed.group_id, "base64").toString("hex")).toBe(group_id);
        },
      },
      {
        title: "of a token that nobody issued is refused by its code",
        request: () => ({ token: "nope", ...self }),
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "open_invite_not_found" }),
      },
      {
        title: "of a revoked one is refused by its code",
        async request(stage) {
          const { group_id, link, token } = await issue(stage);
          await stage.node.call(link_revoke, { group_id, link });
          return { token, ...self };
        },
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "open_invite_revoked" }),
      },
      {
        title: "without a node id is refused",
        request: async (stage) => ({ token: (await issue(stage)).token, ...self, pilot_node_id: 0 }),
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "bad_request" }),
      },
    ],
  },
  open_invite_redeem: {
    malformed: { request: '{"token":7}', names: "token" },
    cases: [
      {
        title: "puts the key on the roster and gives an invite, again without another use",
        request: async (stage) => proof(stage, (await issue(stage, 1)).token),
        async answers({ redeemed }, stage) {
          expect(redeemed).toMatchObject({ group_id: stage.group_id, max_uses: 1, use_count: 1 });
          const rows = (await stage.node.call(members, { group_id: stage.group_id })).members;
          expect(rows.map(({ node_id }) => node_id)).toContain(self.pilot_node_id);
        },
      },
      {
        title: "signed by another key is refused",
        async request(stage) {
          const made = await proof(stage, (await issue(stage)).token);
          return { ...made, pilot_signature: sign(new Uint8Array(32).fill(3), new Uint8Array(9)) };
        },
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "invalid_signature" }),
      },
      {
        title: "with a challenge of another token is refused",
        async request(stage) {
          const made = await proof(stage, (await issue(stage)).token);
          return { ...made, token: (await issue(stage)).token };
        },
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "open_invite_challenge_not_found" }),
      },
      {
        title: "with a Pilot key that nobody here can look up is refused",
        request: async (stage) => ({
          ...(await proof(stage, (await issue(stage)).token)),
          pilot_pubkey: new Uint8Array(32).fill(1),
        }),
        answers: ({ refused }) => expect(refused).toMatchObject({ code: "pilot_unavailable" }),
      },
    ],
  },
  public_moot_descriptor: {
    malformed: { request: "{}", names: "group_id" },
    cases: [
      {
        title: "verifies as it is",
        request: async (stage) => ({ group_id: await publicMoot(stage, "open_invite"), valid_for_ms: HOUR_MS }),
        answers({ descriptor }) {
          const read = decodePublicMoot(new TextEncoder().encode(descriptor));
          expect(verifyPublicMoot(read)).toMatchObject({ issuer_url: ESP });
          expect(read.expires_at_ms - read.updated_at_ms).toBe(BigInt(HOUR_MS));
          expect(read).toMatchObject({ name: "square", tags: ["ägents"], join_mode: "open_invite" });
        },
      },
      {
        title: "of a private moot is refused",
        request: ({ group_id }) => ({ group_id }),
        fails: {
          code: "invalid_argument",
          message: "public moot: its visibility is private; only a moot made with -visibility public is listed",
        },
      },
      { title: "of an unknown moot", request: () => ({ group_id: UNKNOWN }), ...notFound },
    ],
  },
  public_moot_publish: {
    malformed: { request: `{${GROUP}}`, names: "esp_url" },
    cases: [
      {
        title: "to a directory that cannot be reached says so",
        request: async (stage) => ({ group_id: await publicMoot(stage), esp_url: "http://127.0.0.1:1/x" }),
        fails: { code: "unavailable" },
      },
      {
        title: "over plain http is refused",
        request: async (stage) => ({ group_id: await publicMoot(stage), esp_url: "http://esp.local" }),
        fails: { code: "invalid_argument" },
      },
      {
        title: "of an unknown moot",
        request: () => ({ group_id: UNKNOWN, esp_url: "http://127.0.0.1:1" }),
        ...notFound,
      },
    ],
  },
};
