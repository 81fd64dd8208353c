import { describe, expect, test } from "bun:test";
import { tokenHash } from "../../../src/core/admission/open-invite.ts";
import {
  buildProofEnvelope,
  checkProofEnvelope,
  PROOF_BYTES_MAX,
  pilotSignedBytes,
  verifyPilotProof,
} from "../../../src/core/admission/open-invite-proof.ts";
import { decodeUtf8, encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { unixMs } from "../../../src/core/clock.ts";
import { GroupId } from "../../../src/core/ids.ts";
import { sign } from "../../../src/core/signature.ts";
import { identity } from "../../support/identity.ts";

const [own, pilot] = [identity(2), identity(3)];
const fields = {
  token_hash: tokenHash("open-token"),
  group_id: GroupId.fromBytes(new Uint8Array(32).fill(1)),
  challenge_id: "challenge-1",
  nonce: "nonce-1",
  issued_at_ms: 1000n,
  expires_at_ms: 2000n,
  pilot_node_id: 200,
  pilot_pubkey: pilot.publicKey,
  entmoot_pubkey: own.publicKey,
};
const expected = {
  token: "open-token",
  challengeId: "challenge-1",
  redeemer: { pilotNodeId: 200, pilotPublicKey: pilot.publicKey, entmootPublicKey: own.publicKey },
  nowMs: unixMs(1999),
};
const check = (payload: Uint8Array, change: Partial<typeof expected> = {}) =>
  checkProofEnvelope(payload, { ...expected, ...change });

describe("the proof a redeemer signs", () => {
  test("is accepted when it is canonical and says who asks for what", () => {
    expect(check(buildProofEnvelope(fields))).toMatchObject({ challenge_id: "challenge-1", pilot_node_id: 200 });
  });

  test("is refused for the first thing that is wrong", () => {
    const envelope = buildProofEnvelope(fields);
    const text = decodeUtf8(envelope);
    expect(check(encodeUtf8("x"))).toBe("malformed");
    expect(check(encodeUtf8(" ".repeat(PROOF_BYTES_MAX + 1)))).toBe("malformed");
    expect(check(encodeUtf8(`${text} `))).toBe("non_canonical");
    expect(check(encodeUtf8(text.replace("{", '{"a":1,')))).toBe("non_canonical");
    expect(check(encodeUtf8(text.replace("redeem.v1", "redeem.v2")))).toBe("bad_type");
    expect(check(envelope, { token: "other" })).toBe("bad_token");
    expect(check(envelope, { challengeId: "challenge-2" })).toBe("bad_challenge_id");
    expect(check(buildProofEnvelope({ ...fields, challenge_id: "" }), { challengeId: "" })).toBe("bad_challenge_id");
    expect(check(buildProofEnvelope({ ...fields, group_id: GroupId.zero }))).toBe("zero_group");
    expect(check(envelope, { nowMs: unixMs(2000) })).toBe("expired");
    for (const change of [{ pilot_node_id: 201 }, { pilot_pubkey: own.publicKey }, { entmoot_pubkey: null }]) {
      expect(check(buildProofEnvelope({ ...fields, ...change }))).toBe("bad_identity");
    }
  });

  test("is signed behind Pilot's own prefix", () => {
    const envelope = buildProofEnvelope(fields);
    const signature = sign(pilot.seed, pilotSignedBytes(envelope));
    expect(verifyPilotProof(pilot.publicKey, envelope, signature)).toBe(true);
    expect(verifyPilotProof(pilot.publicKey, envelope, sign(pilot.seed, envelope))).toBe(false);
    expect(verifyPilotProof(own.publicKey, envelope, signature)).toBe(false);
  });
});
